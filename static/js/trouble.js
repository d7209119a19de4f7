// Says what went wrong with a request in the form that it came from, which stays as it was; what
// came from no form is told beside the page.

const SIGN_IN = "/account/login/";

function words(status) {
  if (status === 0) {
    return "No answer from Ferry. What you entered is still here. If it may have been sent, look before you send it again.";
  }
  if (status === 401) return "You are signed out. What you entered is still here: sign in again in another tab, then send it again.";
  if (status === 403) return "This is not allowed: your role has changed, or you are signed in as somebody else now.";
  if (status === 404 || status === 410) return "What this is about is gone. Load the page again.";
  if (status === 429) return "Too much at once. Wait a moment, then send it again.";
  if (status >= 500) return `Ferry itself failed (${status}). What you entered is still here; the site’s log says why.`;
  return `Ferry refused it (${status}). Load the page again and look.`;
}

function told(status) {
  const text = document.createElement("p");
  text.className = "form-trouble";
  text.setAttribute("role", "alert");
  text.append(words(status));
  if (status === 401) {
    const link = document.createElement("a");
    Object.assign(link, { href: SIGN_IN, target: "_blank", textContent: "Sign in again" });
    text.append(" ", link);
  }
  return text;
}

/** Tell in a form what the answer of this status means; null takes back what was told. */
export function troubleIn(form, status) {
  for (const old of form.querySelectorAll(".form-trouble")) old.remove();
  if (status === null) return;
  const foot = form.querySelector(".form-actions, .migrate__foot");
  if (foot) foot.before(told(status));
  else form.append(told(status));
}

function tell(event, status) {
  const form = event.target.closest("form");
  if (form) {
    troubleIn(form, status);
    return;
  }
  const toast = document.querySelector("[data-toast]");
  toast.dataset.level = "error";
  const close = document.createElement("button");
  Object.assign(close, { type: "button", className: "button button--small", textContent: "Dismiss" });
  close.addEventListener("click", () => { toast.hidden = true; });
  const text = told(status);
  text.append(" ", close);
  toast.replaceChildren(text);
  toast.hidden = false;
}

document.addEventListener("htmx:sendError", (event) => tell(event, 0));
document.addEventListener("htmx:timeout", (event) => tell(event, 0));
document.addEventListener("htmx:responseError", (event) => tell(event, event.detail.xhr.status));
