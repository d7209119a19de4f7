// Carries a chip of the board by keyboard: m picks it up, the arrows choose the node, Enter drops
// it there, Escape gives up.

import {
  canCarry, candidates, cardUnder, carrierElement, carryOver, drop, giveUp, isCarrying, pickUp,
} from "./carry.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const isByKeys = () => isCarrying() && document.documentElement.dataset.carrying === "keys";

function go(find) {
  const cards = candidates();
  const card = find(cards, cards.indexOf(cardUnder()));
  if (!card) return;
  carryOver(card);
  card.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "m" || event.ctrlKey || event.metaKey || event.altKey || isCarrying()) return;
  const chip = event.target.closest(".chip__link")?.closest(".chip");
  if (!canCarry(chip)) return;
  event.preventDefault();
  carrierElement.style.removeProperty("translate");
  pickUp(chip, "keys");
  carrierElement.focus();
});

carrierElement?.addEventListener("keydown", (event) => {
  if (!isByKeys()) return;
  if (event.key in STEPS) {
    const step = STEPS[event.key];
    go((cards, at) => cards[at < 0 ? (step > 0 ? 0 : cards.length - 1) : (at + step + cards.length) % cards.length]);
  } else if (event.key === "Home") go((cards) => cards[0]);
  else if (event.key === "End") go((cards) => cards.at(-1));
  else if (event.key === "Enter") drop();
  else if (event.key === "Escape") giveUp();
  else return;
  event.preventDefault();
});

carrierElement?.addEventListener("blur", () => {
  // Whoever went elsewhere stays there; in a window that is left the focus is still here.
  if (isByKeys()) giveUp(document.activeElement === carrierElement);
});
