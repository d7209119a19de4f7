// [data-copy="id"] copies the text of the element with that id, and says so.

const SAID_MS = 2000;

function arm(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

async function copy(source) {
  const text = source.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain http from another host has no clipboard: select it, so that Ctrl+C does it.
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const done = await copy(document.getElementById(button.dataset.copy));
  const label = button.querySelector("[data-copy-label]");
  label.textContent = done ? "Copied" : "Press Ctrl+C";
  document.querySelector("[data-announcer]").textContent = label.textContent;
  setTimeout(() => { label.textContent = "Copy"; }, SAID_MS);
});
document.addEventListener("htmx:load", (event) => arm(event.target));
arm(document);
