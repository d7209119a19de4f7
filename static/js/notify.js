// The browser's own notifications of operations that end, for whoever asked for them in the tray
// ([data-notify]) and only while the page is not in sight. Never asks for the permission by itself.

const WANTED = "ferry.notify";
const supported = "Notification" in window && window.isSecureContext;

const isWanted = () => supported && localStorage.getItem(WANTED) === "on" && Notification.permission === "granted";

export function notify(id, text, url) {
  if (!isWanted() || !document.hidden) return;
  // Several open pages are one notification.
  const shown = new Notification("Ferry", { body: text, tag: `operation-${id}` });
  shown.addEventListener("click", () => {
    window.focus();
    location.assign(url);
  });
}

function show() {
  const button = document.querySelector("[data-notify]");
  if (!button || !supported) return;
  const label = button.querySelector("[data-notify-label]");
  button.hidden = false;
  button.setAttribute("aria-pressed", String(isWanted()));
  button.disabled = Notification.permission === "denied";
  if (button.disabled) label.textContent = "The browser blocks notifications of this site";
  else label.textContent = isWanted() ? "Notifications are on: turn off" : "Notify me when an operation ends";
}

document.addEventListener("click", async (event) => {
  if (!event.target.closest("[data-notify]")) return;
  const wanted = !isWanted();
  if (wanted) await Notification.requestPermission();
  localStorage.setItem(WANTED, wanted ? "on" : "off");
  show();
});
show();
