// [data-tree="open"] and [data-tree="close"] do so with every <details> of the element that their
// row names in data-tree-buttons; and a strip of tabs shows the present one.

function arm() {
  for (const row of document.querySelectorAll("[data-tree-buttons][hidden]")) {
    row.hidden = !document.getElementById(row.dataset.treeButtons).querySelector("details");
  }
  for (const tabs of document.querySelectorAll("[data-tabs]")) {
    const current = tabs.querySelector("[aria-current]");
    // Only sideways: the page itself stays where it is.
    if (current) tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.clientWidth) / 2;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tree]");
  if (!button) return;
  const tree = document.getElementById(button.closest("[data-tree-buttons]").dataset.treeButtons);
  for (const details of tree.querySelectorAll("details")) details.open = button.dataset.tree === "open";
});
document.addEventListener("htmx:afterSettle", arm);
arm();
