// Opens the page's <dialog> when htmx has put something into it; [data-close] closes it.
// Without JavaScript the same links lead to full pages.

import { describe } from "./keep.js";

const dialog = document.querySelector("[data-dialog]");
let opener = null;

function showClosers(root) {
  // Only in the dialog is there anything to close.
  for (const closer of root.querySelectorAll("button[data-close]")) closer.hidden = false;
}

document.addEventListener("htmx:afterSwap", () => {
  if (!dialog.hasChildNodes()) return;
  showClosers(dialog);
  if (!dialog.open) {
    opener = describe(document.activeElement);
    dialog.showModal();
  }
  // What went wrong stands at the top; the button that was pressed at the bottom.
  dialog.querySelector(".migrate__body > [role=alert]")?.focus();
});

// What was sent from it is answered in it: a refusal must not go to a dialog that is gone.
const isBusy = () => dialog.querySelector("form[data-busy]") !== null;

dialog.addEventListener("click", (event) => {
  const closer = event.target.closest("[data-close]");
  if (!closer) return;
  event.preventDefault();
  if (!isBusy()) dialog.close();
});
dialog.addEventListener("cancel", (event) => {
  if (isBusy()) event.preventDefault();
});
// Chromium lets no page hold back a second Escape in a row, once it has become a cancel.
dialog.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isBusy()) event.preventDefault();
});

dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  // A live fragment may have brought anew what opened it, and a menu may have closed over it.
  const isLost = [document.body, dialog].includes(document.activeElement);
  const fresh = isLost && opener ? document.querySelector(opener) : null;
  const isShown = fresh?.checkVisibility() ?? false;
  (isShown ? fresh : fresh?.closest("details")?.querySelector("summary"))?.focus({ preventScroll: true });
});
