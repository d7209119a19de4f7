// Disables what cannot go with what is chosen elsewhere in its <form data-exclude>, and shows the
// reason beside it. data-excluded-by="field=value" names what it cannot go with. Without
// JavaScript the site refuses the combination with the same reason.

function apply(form) {
  const values = new FormData(form);
  for (const part of form.querySelectorAll("[data-excluded-by]")) {
    const [field, value] = part.dataset.excludedBy.split("=");
    const excluded = values.get(field) === value;
    part.toggleAttribute("data-disabled", excluded);
    part.querySelector("[data-reason]").hidden = !excluded;
    for (const input of part.querySelectorAll("input, select")) exclude(input, excluded);
  }
}

function exclude(input, excluded) {
  input.disabled = excluded;
  if (!excluded || !input.checked) return;
  input.checked = false;
  // Of a radio group something has to be chosen: the first that can be.
  const others = input.form.elements[input.name];
  if (input.type === "radio") [...others].find((other) => !other.disabled).checked = true;
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-exclude]");
  if (form) apply(form);
});
document.addEventListener("htmx:load", (event) => {
  for (const form of event.target.querySelectorAll("[data-exclude]")) apply(form);
  if (event.target.matches("[data-exclude]")) apply(event.target);
});
for (const form of document.querySelectorAll("[data-exclude]")) apply(form);
