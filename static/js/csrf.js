// A form that came over the websocket has no token of its own: give it the page's.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.querySelector("[name=csrfmiddlewaretoken]")) return;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "csrfmiddlewaretoken";
  field.value = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  form.append(field);
});
