// Follows a person's own operations over all pages. When one of those that the tray lists as running
// is gone, asks the site how it ended, and tells it once: in the tray, beside the page, to screen
// readers, and by the browser's notification where that is wanted (notify.js).

import { notify } from "./notify.js";

const TOLD = "ferry.told";
const DISMISSED = "ferry.dismissed";
const KEPT = 50;
const TOAST_MS = 20000;
const RETRY_MS = 5000;
const topbar = document.querySelector("[data-me]");
const toast = document.querySelector("[data-toast]");
let toastTimer;
let asking;

const read = (storage, name) => JSON.parse(storage.getItem(name) ?? "[]");
const write = (storage, name, ids) => storage.setItem(name, JSON.stringify(ids.slice(-KEPT)));

function ownRunning() {
  const all = document.getElementById("tray").dataset.running.trim().split(/\s+/);
  return all.filter((each) => each.endsWith(`:${topbar.dataset.me}`));
}

// A new tab tells nothing that another has told.
function readTold() {
  return read(sessionStorage.getItem(TOLD) === null ? localStorage : sessionStorage, TOLD);
}

function tell(item) {
  const id = item.dataset.ended;
  const told = item.querySelector("[data-ended-told]").cloneNode(true);
  toast.dataset.level = item.dataset.level;
  toast.dataset.ended = id;
  toast.replaceChildren(told);
  toast.hidden = false;
  hideLater();
}

function hideLater() {
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => {
    // Whoever is about to read or use it is given the time.
    if (toast.matches(":hover, :focus-within")) hideLater();
    else toast.hidden = true;
  }, TOAST_MS);
}

function showEnded() {
  const told = readTold();
  const dismissed = read(localStorage, DISMISSED);
  const fresh = [];
  for (const item of document.querySelectorAll("#tray-ended [data-ended]")) {
    const id = item.dataset.ended;
    item.querySelector("[data-ended-dismiss]").hidden = false;
    item.hidden = dismissed.includes(id);
    if (!item.hidden && !told.includes(id)) fresh.unshift(item);
    told.push(id);
  }
  fresh.forEach(tell);
  const texts = fresh.map((item) => item.querySelector("[data-ended-text]").textContent);
  if (texts.length) document.querySelector("[data-announcer]").textContent = texts.join(" ");
  write(sessionStorage, TOLD, [...new Set(told)]);
  write(localStorage, TOLD, [...new Set([...read(localStorage, TOLD), ...told])]);
  return fresh;
}

function showNews() {
  for (const item of showEnded()) {
    const text = item.querySelector("[data-ended-text]");
    notify(item.dataset.ended, text.textContent, text.href);
  }
}

function ask(wait = 300) {
  clearTimeout(asking);
  // Several that end together are asked for once.
  asking = setTimeout(() => {
    htmx.ajax("GET", topbar.dataset.endedUrl, { target: "#tray-ended", swap: "innerHTML" })
      .then(showNews).catch(() => {});
  }, wait);
}

function dismiss(id, away) {
  const others = read(localStorage, DISMISSED).filter((each) => each !== id);
  write(localStorage, DISMISSED, away ? [...others, id] : others);
  const item = document.querySelector(`#tray-ended [data-ended="${CSS.escape(id)}"]`);
  if (!item) return;
  item.querySelector("[data-ended-told]").hidden = away;
  item.querySelector("[data-ended-undone]").hidden = !away;
  if (item.contains(document.activeElement) || document.activeElement === document.body) {
    item.querySelector(away ? "[data-ended-undo]" : "[data-ended-dismiss]").focus();
  }
}

if (topbar) {
  let own = ownRunning();
  document.addEventListener("htmx:wsAfterMessage", () => {
    const now = ownRunning();
    if (own.some((each) => !now.includes(each))) ask();
    own = now;
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    // Whoever is signed out has no tray any more.
    if (detail.target.id === "tray-ended" && !detail.successful && detail.xhr.status !== 401) ask(RETRY_MS);
  });
  document.addEventListener("click", (event) => {
    const id = event.target.closest("[data-ended]")?.dataset.ended;
    if (event.target.closest("[data-ended-dismiss]")) {
      dismiss(id, true);
      if (toast.dataset.ended === id) toast.hidden = true;
    } else if (event.target.closest("[data-ended-undo]")) dismiss(id, false);
  });
  // Once the page stands: a text that is there from the beginning is not read out.
  setTimeout(showEnded, 500);
}
