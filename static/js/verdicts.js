// Lays over each card what it says to the container that is carried: first what the site knows,
// then, for those in sight and the one that is pointed at, what the nodes answer.

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
  if (verdict.dataset.level === "error" || list.childElementCount >= MOST_DOCKED) return null;
  const card = document.createElement("li");
  card.className = "node-card node-card--docked";
  card.dataset.node = verdict.dataset.node;
  card.dataset.name = verdict.dataset.name;
  list.append(card);
  dock.hidden = false;
  return card;
}

async function lay(url, options, { signal, changed }) {
  try {
    const response = await fetch(url, { ...options, signal });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const fresh of page.querySelectorAll(".landing")) {
      const card = cardOf(fresh.dataset.node) ?? docked(fresh);
      verdictOf(card)?.remove();
      card?.append(fresh);
    }
    changed();
  } catch (error) {
    // Given up, or the site cannot be reached: the dialog asks again.
    if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
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
  const headers = JSON.parse(document.body.getAttribute("hx-headers"));
  const body = new URLSearchParams(keys.map((key) => ["node", key]));
  lay(round.url, { method: "POST", headers, body }, round);
}

export async function beginVerdicts({ url, source, changed }) {
  const aborter = new AbortController();
  const mine = { url, source, changed, asked: new Set(), aborter, signal: aborter.signal };
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
}
