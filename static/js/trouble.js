// Says what went wrong with a form that was sent in that form, which stays as it was. What came from
// no form, or was only looked up, is told beside the page.

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

function unloadedWords(status) {
  if (status === 401) return "You are signed out.";
  return [403, 404, 410].includes(status) ? words(status) : "Could not be loaded; try again.";
}

function told(status, say) {
  const text = document.createElement("p");
  text.className = "form-trouble";
  text.setAttribute("role", "alert");
  text.append(say(status));
  if (say === unloadedWords) text.dataset.unloaded = status;
  if (status === 401) {
    const link = document.createElement("a");
    Object.assign(link, { href: SIGN_IN, target: "_blank", textContent: "Sign in again" });
    text.append(" ", link);
  }
  return text;
}

/** Tell in a form what the answer of this status means; null takes back what was told. */
export function troubleIn(form, status, say = words) {
  for (const old of form.querySelectorAll(".form-trouble")) old.remove();
  if (status === null) return;
  const foot = form.querySelector(".form-actions, .migrate__foot");
  if (foot) foot.before(told(status, say));
  else form.append(told(status, say));
}

const toast = document.querySelector("[data-toast]");

function clear() {
  toast.hidden = true;
  toast.replaceChildren();
}

function tell(event, status) {
  const isLookedUp = event.detail.requestConfig.verb === "get";
  const say = isLookedUp ? unloadedWords : words;
  const form = event.target.closest("form");
  // What lies beside an open dialog cannot be reached.
  if (form && (!isLookedUp || form.closest("dialog"))) {
    troubleIn(form, status, say);
    return;
  }
  // What is asked for again and again is told once, and the tray asks again by itself.
  const isTold = !toast.hidden && toast.querySelector(`[data-unloaded="${status}"]`);
  if (isLookedUp && (isTold || event.detail.target.id === "tray-ended")) return;
  toast.dataset.level = "error";
  const close = document.createElement("button");
  Object.assign(close, { type: "button", className: "button button--small", textContent: "Dismiss" });
  close.addEventListener("click", clear);
  const text = told(status, say);
  text.append(" ", close);
  toast.replaceChildren(text);
  toast.hidden = false;
}

document.addEventListener("htmx:sendError", (event) => tell(event, 0));
document.addEventListener("htmx:timeout", (event) => tell(event, 0));
document.addEventListener("htmx:responseError", (event) => tell(event, event.detail.xhr.status));
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  if (toast.querySelector("[data-unloaded]")) clear();
  for (const text of document.querySelectorAll("form [data-unloaded]")) text.remove();
});
