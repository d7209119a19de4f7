// [data-choose] boxes: choose all, choose a range with Shift, and a [data-bulk] form that shows
// itself while anything is chosen and says how much; a [data-bulk-exactly] button wants so many.
// A live fragment leaves the choice as it was.

import { bytesText } from "./bytes.js";

let chosen = new Set();
let last = null;

const boxes = () => [...document.querySelectorAll("[data-choose]")];

function show() {
  const all = boxes();
  const checked = all.filter((box) => box.checked);
  chosen = new Set(checked.map((box) => box.value));
  const everything = document.querySelector("[data-choose-all]");
  if (everything) {
    everything.hidden = false;
    everything.checked = all.length > 0 && checked.length === all.length;
    everything.indeterminate = checked.length > 0 && checked.length < all.length;
  }
  const bulk = document.querySelector("[data-bulk]");
  if (!bulk) return;
  bulk.hidden = checked.length === 0;
  const bytes = checked.reduce((sum, box) => sum + Number(box.dataset.bytes), 0);
  bulk.querySelector("[data-bulk-count]").textContent =
    `${checked.length} chosen, ${bytesText(bytes)}`;
  for (const button of bulk.querySelectorAll("[data-bulk-exactly]")) {
    button.disabled = checked.length !== Number(button.dataset.bulkExactly);
  }
}

function restore() {
  for (const box of boxes()) if (chosen.has(box.value)) box.checked = true;
  show();
}

function chooseRange(from, to) {
  const all = boxes();
  const [start, end] = [all.findIndex((box) => box.value === from), all.indexOf(to)].sort((a, b) => a - b);
  if (start < 0) return;
  for (const box of all.slice(start, end + 1)) box.checked = to.checked;
}

document.addEventListener("click", (event) => {
  if (!event.target.matches("[data-choose]")) return;
  if (event.shiftKey && last) chooseRange(last, event.target);
  last = event.target.value;
  show();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-choose-all]")) {
    for (const box of boxes()) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-choose], [data-choose-all]")) show();
});
document.addEventListener("htmx:wsAfterMessage", restore);
document.addEventListener("htmx:afterSettle", restore);
// A browser that goes back, or loads again, keeps the boxes as they were.
window.addEventListener("pageshow", show);
show();
