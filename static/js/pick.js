// A <form data-pick> acts on the checkboxes that name it by their form attribute: counts them,
// selects all, and remembers what is selected when a live fragment brings the rows anew.

const chosen = new Map([...document.querySelectorAll("[data-pick]")].map((form) => [form, new Set()]));

function boxesOf(form) {
  return [...form.elements].filter((element) => element.type === "checkbox");
}

function show(form) {
  const boxes = boxesOf(form);
  const free = boxes.filter((box) => !box.disabled);
  const count = boxes.filter((box) => box.checked).length;
  for (const number of form.querySelectorAll("[data-pick-count]")) number.textContent = count || "";
  for (const button of form.querySelectorAll("[data-pick-submit]")) button.disabled = count === 0;
  const all = form.querySelector("[data-pick-all]");
  all.hidden = free.length === 0;
  all.textContent = count > 0 && count === free.length ? "Select none" : "Select all";
}

function restore() {
  for (const [form, values] of chosen) {
    const boxes = boxesOf(form);
    for (const box of boxes) box.checked = !box.disabled && values.has(box.value);
    values.clear();
    for (const box of boxes) if (box.checked) values.add(box.value);
    show(form);
  }
}

document.addEventListener("change", (event) => {
  const values = chosen.get(event.target.form);
  if (!values || event.target.type !== "checkbox") return;
  if (event.target.checked) values.add(event.target.value);
  else values.delete(event.target.value);
  show(event.target.form);
});

document.addEventListener("click", (event) => {
  const all = event.target.closest("[data-pick-all]");
  if (!all) return;
  const values = chosen.get(all.form);
  const free = boxesOf(all.form).filter((box) => !box.disabled);
  const every = free.every((box) => box.checked);
  values.clear();
  if (!every) for (const box of free) values.add(box.value);
  restore();
});

document.addEventListener("htmx:wsAfterMessage", restore);
document.addEventListener("htmx:afterSettle", restore);
restore();
