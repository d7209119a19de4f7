// [data-repeat-add] adds one more of the last field in its [data-repeat]. Without JavaScript there
// is one empty field to spare each time that the form is shown.

function arm(root) {
  for (const button of root.querySelectorAll("[data-repeat-add][hidden]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-repeat-add]");
  if (!button) return;
  const fields = button.closest("[data-repeat]").querySelectorAll("input");
  const field = fields[fields.length - 1].cloneNode();
  field.value = "";
  fields[fields.length - 1].after(field);
  field.focus();
});
document.addEventListener("htmx:load", (event) => arm(event.target));
arm(document);
