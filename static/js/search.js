// The search field of every page: results as one types, chosen with the arrow keys and Enter;
// Escape closes them and goes back to where one was. Without scripts Enter leads to a page of them.

const field = document.querySelector("[data-search-field]");
const list = document.querySelector("[data-search-results]");
const announcer = document.querySelector("[data-announcer]");
let cameFrom = null;

const options = () => [...list.querySelectorAll("[role=option]")];
const active = () => list.querySelector("[aria-selected=true]");

function choose(option) {
  active()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

function show(open) {
  list.hidden = !open;
  field.setAttribute("aria-expanded", String(open));
  if (!open) choose(null);
}

function step(by) {
  const all = options();
  if (list.hidden || all.length === 0) return;
  const at = all.indexOf(active());
  choose(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length]);
}

function leave() {
  field.value = "";
  list.replaceChildren();
  show(false);
  field.blur();
  if (cameFrom?.isConnected) cameFrom.focus();
}

field?.addEventListener("keydown", (event) => {
  const chosen = active();
  if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key === "Escape") leave();
  else if (event.key === "Enter" && chosen) chosen.click();
  else return;
  event.preventDefault();
});
field?.addEventListener("focus", (event) => {
  cameFrom = event.relatedTarget;
  show(options().length > 0 && field.value.trim() !== "");
});
field?.form.addEventListener("focusout", (event) => {
  if (!field.form.contains(event.relatedTarget)) show(false);
});
// A press on a result must not take the focus, and with it the list, away before the click.
list?.addEventListener("pointerdown", (event) => event.preventDefault());

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target !== list) return;
  field.removeAttribute("aria-activedescendant");
  const count = options().length;
  show(count > 0 && document.activeElement === field);
  if (!list.hidden) announcer.textContent = count === 1 ? "Nothing found." : `${count - 1} results.`;
});
