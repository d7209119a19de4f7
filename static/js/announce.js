// Tells screen readers the one line of a live fragment that is marked [data-announce], once, and
// how much was found ([data-announce-found]) to whoever has asked for it. The fragments themselves
// are no live regions: they change four times a second.

const announcer = document.querySelector("[data-announcer]");
let last = document.querySelector("[data-announce]")?.textContent.trim();

document.addEventListener("htmx:wsAfterMessage", () => {
  const now = document.querySelector("[data-announce]")?.textContent.trim();
  if (!now || now === last) return;
  last = now;
  announcer.textContent = now;
});
document.addEventListener("htmx:afterSettle", (event) => {
  const found = event.detail.requestConfig && event.target.querySelector("[data-announce-found]");
  if (found) announcer.textContent = found.textContent.trim();
});
