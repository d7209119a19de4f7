// [data-offer="field=value"] chooses what a finding asks for in the form around it, as a person
// would: the preflight then runs again. Without JavaScript the finding says which option it is.

function arm(root) {
  for (const button of root.querySelectorAll("[data-offer][hidden]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-offer]");
  if (!button) return;
  const [field, value] = button.dataset.offer.split("=");
  const input = [...button.form.elements].find((one) => one.name === field && one.value === value);
  if (!input || input.disabled) return;
  for (let part = input.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  input.focus();
});
document.addEventListener("htmx:load", (event) => arm(event.target));
arm(document);
