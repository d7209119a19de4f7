// Closes an open <details data-menu> on Escape, on a click elsewhere and when focus leaves it.

function closeAllBut(inside) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(inside)) menu.open = false;
  }
}

document.addEventListener("click", (event) => closeAllBut(event.target));
document.addEventListener("focusin", (event) => closeAllBut(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
