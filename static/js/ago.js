// Keeps "3 min ago" ([data-ago]) and running times ([data-since]) true while nothing else changes,
// and hides what is true only until a time ([data-true-until]).
// The words are those of templatetags/units.py.

const serverTime = document.querySelector('meta[name="server-time"]')?.content;
// On the way back the browser may show the page as it came once, with the time of then.
const isFresh = performance.getEntriesByType("navigation")[0]?.type !== "back_forward";
// The server's clock counts: a browser's may be minutes off.
const skew = serverTime && isFresh ? Date.parse(serverTime) - Date.now() : 0;

function secondsSince(text) {
  return Math.max((Date.now() + skew - Date.parse(text)) / 1000, 0);
}

function ago(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function write(selector, attribute, words) {
  for (const element of document.querySelectorAll(selector)) {
    const text = words(secondsSince(element.getAttribute(attribute)));
    if (element.textContent !== text) element.textContent = text;
  }
}

setInterval(() => {
  if (document.hidden) return;
  write("[data-ago]", "datetime", ago);
}, 5000);
setInterval(() => {
  if (document.hidden) return;
  write("[data-since]", "data-since", duration);
  // A rate that nothing has confirmed for a while is no longer true.
  for (const element of document.querySelectorAll("[data-true-until]")) {
    element.hidden = secondsSince(element.dataset.trueUntil) > 0;
  }
}, 200);
