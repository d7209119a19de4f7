// Opens the page's <dialog> when htmx has put something into it; [data-close] closes it.
// Without JavaScript the same links lead to full pages.

const dialog = document.querySelector("[data-dialog]");

function showClosers(root) {
  // Only in the dialog is there anything to close.
  for (const closer of root.querySelectorAll("button[data-close]")) closer.hidden = false;
}

document.addEventListener("htmx:afterSwap", () => {
  if (!dialog.hasChildNodes()) return;
  showClosers(dialog);
  if (!dialog.open) dialog.showModal();
  // What went wrong stands at the top; the button that was pressed at the bottom.
  dialog.querySelector(".migrate__body > [role=alert]")?.focus();
});

dialog.addEventListener("click", (event) => {
  const closer = event.target.closest("[data-close]");
  if (!closer) return;
  event.preventDefault();
  dialog.close();
});

dialog.addEventListener("close", () => dialog.replaceChildren());
