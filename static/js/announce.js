// Tells screen readers the one line of a live fragment that is marked [data-announce], once.
// The fragments themselves are no live regions: they change four times a second.

const announcer = document.querySelector("[data-announcer]");
let last = document.querySelector("[data-announce]")?.textContent.trim();

document.addEventListener("htmx:wsAfterMessage", () => {
  const now = document.querySelector("[data-announce]")?.textContent.trim();
  if (!now || now === last) return;
  last = now;
  announcer.textContent = now;
});
