// Carries a chip of the board with the mouse, a pen or a finger; a finger holds it first, so that
// the page can still be scrolled.

import { canCarry, carrierElement, carryOver, drop, giveUp, isCarrying, pickUp } from "./carry.js";

const SLACK_PX = 6;
const HOLD_MS = 400;
const EDGE_PX = 64;
let press = null;

function follow(x, y) {
  carrierElement.style.setProperty("translate", `${x + 14}px ${y + 10}px`);
  carryOver(document.elementFromPoint(x, y)?.closest(".node-card") ?? null);
}

function scrollAtEdge() {
  if (!press?.carrying) return;
  const { y } = press;
  const down = y - (window.innerHeight - EDGE_PX);
  const up = EDGE_PX - y;
  const onDock = document.elementFromPoint(press.x, y)?.closest("[data-dock]");
  if (!onDock && (down > 0 || up > 0)) {
    window.scrollBy(0, down > 0 ? down / 4 : -up / 4);
    follow(press.x, press.y);
  }
  requestAnimationFrame(scrollAtEdge);
}

function begin() {
  // A live change may have brought the chip anew since it was pressed, or taken it away.
  const chip = document.getElementById(press.chip);
  if (!canCarry(chip)) {
    stop();
    return;
  }
  clearTimeout(press.timer);
  press.carrying = true;
  pickUp(chip, "pointer");
  follow(press.x, press.y);
  requestAnimationFrame(scrollAtEdge);
}

function stop() {
  clearTimeout(press?.timer);
  press = null;
}

document.addEventListener("pointerdown", (event) => {
  const chip = event.target.closest(".chip__link")?.closest(".chip");
  if (!event.isPrimary || event.button !== 0 || isCarrying() || !canCarry(chip)) return;
  press = { chip: chip.id, id: event.pointerId, x: event.clientX, y: event.clientY, isTouch: event.pointerType === "touch" };
  press.from = { x: press.x, y: press.y };
  if (press.isTouch) press.timer = setTimeout(begin, HOLD_MS);
});

document.addEventListener("pointermove", (event) => {
  if (event.pointerId !== press?.id) return;
  press.x = event.clientX;
  press.y = event.clientY;
  if (press.carrying) {
    follow(press.x, press.y);
    return;
  }
  if (Math.hypot(press.x - press.from.x, press.y - press.from.y) < SLACK_PX) return;
  if (press.isTouch) stop();
  else begin();
});

// The click that ends a carry over the chip itself would follow its link.
function swallowClick() {
  const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, true));
}

document.addEventListener("pointerup", (event) => {
  if (event.pointerId !== press?.id) return;
  const { carrying } = press;
  stop();
  if (!carrying) return;
  swallowClick();
  drop();
});

function abandon() {
  const carrying = press?.carrying;
  stop();
  if (carrying && isCarrying()) giveUp();
}

document.addEventListener("pointercancel", (event) => {
  if (event.pointerId === press?.id) abandon();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !press?.carrying) return;
  event.preventDefault();
  abandon();
  // The button is still down.
  document.addEventListener("pointerup", swallowClick, { once: true });
});
window.addEventListener("blur", abandon);
window.addEventListener("scroll", () => {
  if (press?.carrying) follow(press.x, press.y);
}, { passive: true });
// A held finger would scroll the page, select its text or open the link's own menu.
document.addEventListener("touchmove", (event) => {
  if (press?.carrying) event.preventDefault();
}, { passive: false });
document.addEventListener("contextmenu", (event) => {
  if (press?.isTouch) event.preventDefault();
});
