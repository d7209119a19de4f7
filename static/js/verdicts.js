// Lays over each card what it says to the container that is carried: first what the site knows,
// then, for those in sight and the one that is pointed at, what the nodes answer.

import { token } from "./csrf.js";

const MOST_ASKED = 8;
const MOST_DOCKED = 8;
const HOVER_MS = 150;
let round = null;

const cardOf = (key) => document.querySelector(`.node-card[data-node="${CSS.escape(key)}"]`);

export function verdictOf(card) {
  return card?.querySelector(":scope > .landing") ?? null;
}

export function otherCards(source) {
  return [...document.querySelectorAll(".node-card")].filter((card) => card.dataset.node !== source);
}

// A node that the filters hide can be chosen all the same, unless it is known to refuse.
function docked(verdict) {
  const dock = document.querySelector("[data-dock]");
  const list = dock.querySelector("ul");
  if (verdict.dataset.level === "error") return null;
  if (list.childElementCount >= MOST_DOCKED) {
    round.undocked += 1;
    const more = dock.querySelector("[data-dock-more]");
    more.textContent = `and ${round.undocked} more: clear the filters to see them`;
    more.hidden = false;
    return null;
  }
  const card = document.createElement("li");
  card.className = "node-card node-card--docked";
  card.dataset.node = verdict.dataset.node;
  card.dataset.name = verdict.dataset.name;
  list.append(card);
  dock.hidden = false;
  return card;
}

// Those that are still being asked say that they are not.
function unasked(keys) {
  for (const key of keys) {
    const verdict = verdictOf(cardOf(key));
    if (!verdict || "final" in verdict.dataset) continue;
    verdict.querySelector(".pulse")?.remove();
    verdict.querySelector("[data-landing-why]").textContent = "Could not be asked; the dialog asks again.";
  }
}

async function lay(url, options, { signal, changed }, keys = []) {
  try {
    const response = await fetch(url, { ...options, signal });
    if (!response.ok) {
      unasked(keys);
      changed();
      return;
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const fresh of page.querySelectorAll(".landing")) {
      const card = cardOf(fresh.dataset.node) ?? docked(fresh);
      verdictOf(card)?.remove();
      card?.append(fresh);
    }
    changed();
  } catch (error) {
    if (error.name === "AbortError") return;
    // The site cannot be reached.
    if (!(error instanceof TypeError)) throw error;
    unasked(keys);
    changed();
  }
}

function inSight(card) {
  const { top, bottom } = card.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

function ask(cards) {
  const keys = cards
    .filter((card) => verdictOf(card)?.dataset.level !== "error" && !round.asked.has(card.dataset.node))
    .slice(0, MOST_ASKED)
    .map((card) => card.dataset.node);
  if (keys.length === 0) return;
  for (const key of keys) round.asked.add(key);
  const body = new URLSearchParams(keys.map((key) => ["node", key]));
  lay(round.url, { method: "POST", headers: { "X-CSRFToken": token() }, body }, round, keys);
}

export async function beginVerdicts({ url, source, changed }) {
  const aborter = new AbortController();
  const mine = { url, source, changed, asked: new Set(), undocked: 0, aborter, signal: aborter.signal };
  round = mine;
  await lay(url, {}, mine);
  if (round === mine) ask(otherCards(source).filter(inSight));
}

export function askFor(card) {
  const mine = round;
  clearTimeout(mine.timer);
  mine.timer = setTimeout(() => { if (round === mine) ask([card]); }, HOVER_MS);
}

export function endVerdicts() {
  clearTimeout(round?.timer);
  round?.aborter.abort();
  round = null;
  for (const verdict of document.querySelectorAll(".node-card > .landing")) verdict.remove();
  const dock = document.querySelector("[data-dock]");
  dock.hidden = true;
  dock.querySelector("ul").replaceChildren();
  dock.querySelector("[data-dock-more]").hidden = true;
}
