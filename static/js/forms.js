// A form is sent once, in the background, and says that it is being sent. What was typed stays
// when something fails (trouble.js); an answer with errors takes the page's place, with the focus on
// the first. Forms with an answer that is no page say [data-plain]; without JavaScript all are.

import { troubleIn } from "./trouble.js";

const labels = new Map();
// What a disabled button loses.
const focused = new WeakMap();

function submitButtons(form) {
  return [...form.elements].filter((element) => element.matches("button[type=submit], button:not([type])"));
}

function say(button, words) {
  // Those with wordings of their own show them (buttons.css).
  if (button.matches(".button--states")) return;
  labels.set(button, [...button.childNodes]);
  button.style.minInlineSize = `${button.offsetWidth}px`;
  button.replaceChildren(words);
}

function begin(form, submitter) {
  form.dataset.busy = "";
  if (submitter === document.activeElement) focused.set(form, submitter);
  troubleIn(form, null);
  for (const button of submitButtons(form)) {
    // One that may not be pressed for another reason stays so afterwards.
    if (!button.disabled) button.dataset.held = "";
    button.disabled = true;
  }
  if (submitter) say(submitter, submitter.dataset.sending ?? "Sending…");
}

function end(form) {
  if (!form.matches("[data-busy]")) return;
  delete form.dataset.busy;
  for (const button of submitButtons(form)) {
    if ("held" in button.dataset) button.disabled = false;
    delete button.dataset.held;
    if (labels.has(button)) button.replaceChildren(...labels.get(button));
    labels.delete(button);
  }
  if (document.activeElement === document.body) focused.get(form)?.focus({ preventScroll: true });
  focused.delete(form);
}

function isPlain(form, submitter) {
  return form.matches("[data-plain], [data-bulk], [data-upload-form], [hx-post], [hx-boost=false]")
    || form.closest("[hx-boost=true]") !== null
    || (submitter?.matches("[formaction], [hx-post]") ?? false)
    || document.querySelector("[data-me]") === null;
}

// A second click while the first is on its way sends nothing.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-busy]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (event.defaultPrevented || form.getAttribute("method") !== "post" || isPlain(form, submitter)) return;
  event.preventDefault();
  const values = submitter?.name ? { [submitter.name]: submitter.value } : {};
  begin(form, submitter);
  htmx.ajax("POST", form.getAttribute("action") ?? location.pathname + location.search, {
    source: form,
    target: "#main",
    select: "#main",
    swap: "outerHTML",
    values,
    headers: { "HX-Boosted": "true" },
  }).catch(() => {});
});

// Those that htmx sends by itself, as in dialogs.
document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.target;
  if (form.matches("form[hx-post]")) begin(form, event.detail.requestConfig.triggeringEvent?.submitter);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { xhr } = event.detail;
  // It is on its way to another page, and stays as it is until that comes.
  if (event.target.matches("form") && !xhr.getResponseHeader("HX-Redirect")) end(event.target);
});
// Back in the history: the page may come as it was left.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-busy]").forEach(end));

function focusFirstError(root) {
  root.querySelector("[aria-invalid=true]:not([type=hidden]), [role=alert][tabindex]")?.focus();
}

document.addEventListener("htmx:afterSettle", (event) => {
  const { xhr, requestConfig } = event.detail;
  // A preflight that runs again must not take the focus from what a person is choosing.
  if (xhr?.status === 422 && requestConfig.elt.matches("form")) focusFirstError(document.querySelector("dialog[open]") ?? document);
});
if (document.querySelector("form [aria-invalid=true]")) focusFirstError(document.getElementById("main"));
