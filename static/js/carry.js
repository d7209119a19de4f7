// A container that is carried from one card of the board to another, by whatever means: picked up,
// over a card, dropped or given up. Each step is shown, and told to screen readers.

import { holdBack, letGo } from "./hold.js";
import { askFor, beginVerdicts, endVerdicts, otherCards, verdictOf } from "./verdicts.js";

const root = document.documentElement;
const carrier = document.querySelector("[data-carrier]");
const refusal = document.querySelector("[data-refusal]");
const announcer = document.querySelector("[data-announcer]");
let carried = null;

export const isCarrying = () => carried !== null;
export const canCarry = (chip) => Boolean(carrier && chip?.dataset.carry);
export const carrierElement = carrier;

function say(text) {
  announcer.textContent = text;
}

function partOf(verdict, name) {
  return verdict?.querySelector(`[data-landing-${name}]`).textContent.trim() ?? "";
}

function wordsOf(card) {
  const verdict = verdictOf(card);
  const [title, why] = ["title", "why"].map((part) => partOf(verdict, part));
  return verdict ? `${card.dataset.name}: ${title}. ${why}` : `${card.dataset.name}: asking.`;
}

export function candidates() {
  const others = otherCards(carried.source.dataset.node);
  const possible = others.filter((card) => verdictOf(card)?.dataset.level !== "error");
  return possible.length > 0 ? possible : others;
}

export const cardUnder = () => carried?.over ?? null;

function show() {
  carrier.querySelector("[data-carrier-where]").textContent = carried.over
    ? `→ ${carried.over.dataset.name}` : `from ${carried.source.dataset.name}`;
}

function changed() {
  // Announced again only if it is about where the container is held.
  if (carried?.over && wordsOf(carried.over) !== carried.said) announceCard(carried.over);
}

function announceCard(card) {
  carried.said = wordsOf(card);
  say(carried.said);
}

export function pickUp(chip, means) {
  refusal.hidden = true;
  const source = chip.closest(".node-card");
  carried = { chip, source, name: chip.dataset.carry, migrate: chip.dataset.migrate, over: null, said: "", means };
  holdBack();
  root.dataset.carrying = means;
  chip.dataset.carried = "";
  source.dataset.source = "";
  carrier.querySelector("[data-carrier-name]").textContent = carried.name;
  carrier.hidden = false;
  show();
  say(`${carried.name} picked up from ${source.dataset.name}.`);
  return beginVerdicts({ url: chip.dataset.verdicts, source: source.dataset.node, changed });
}

export function carryOver(card) {
  const next = card && card !== carried.source ? card : null;
  if (next === carried.over) return;
  delete carried.over?.dataset.over;
  carried.over = next;
  show();
  if (!next) return;
  next.dataset.over = "";
  announceCard(next);
  askFor(next);
}

function end(refocus = true) {
  const was = carried;
  const level = verdictOf(was.over)?.dataset.level;
  const why = partOf(verdictOf(was.over), "why");
  carried = null;
  delete root.dataset.carrying;
  delete was.chip.dataset.carried;
  delete was.source.dataset.source;
  delete was.over?.dataset.over;
  carrier.hidden = true;
  endVerdicts();
  // The dialog gives the focus back to where it was.
  if (refocus) was.chip.querySelector("a").focus({ preventScroll: true });
  letGo();
  return { ...was, level, why };
}

export function giveUp(refocus = true) {
  const { name, source } = end(refocus);
  say(`${name} stays on ${source.dataset.name}.`);
}

export function drop() {
  if (!carried.over) {
    giveUp();
    return;
  }
  const { name, source, over, migrate, level, why, means, chip } = end();
  const url = `${migrate}?destination=${over.dataset.node}`;
  if (level !== "error") {
    openDialog(url);
    return;
  }
  refuse(`${name} stays on ${source.dataset.name}: ${over.dataset.name} cannot take it.`, why, url);
  refusal.dataset.chip = chip.id;
  if (means === "keys") refusal.querySelector("[data-refusal-checks]").focus();
}

function openDialog(url) {
  window.htmx.ajax("GET", url, { target: "#dialog", swap: "innerHTML" }).catch(() => {});
}

function refuse(title, why, url) {
  refusal.querySelector("[data-refusal-title]").textContent = title;
  refusal.querySelector("[data-refusal-why]").textContent = why;
  refusal.dataset.url = url;
  refusal.hidden = false;
}

function closeRefusal() {
  const chip = document.getElementById(refusal.dataset.chip);
  if (refusal.contains(document.activeElement)) chip?.querySelector("a").focus({ preventScroll: true });
  refusal.hidden = true;
}

refusal?.addEventListener("click", (event) => {
  const checks = event.target.closest("[data-refusal-checks]");
  if (!checks && !event.target.closest("[data-refusal-close]")) return;
  closeRefusal();
  if (checks) openDialog(refusal.dataset.url);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && refusal?.hidden === false) closeRefusal();
});
