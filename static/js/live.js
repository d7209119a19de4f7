// Says so when the page's websocket is lost, until it is back; the server then sends everything.

const notice = document.querySelector("[data-live-notice]");
// A reload or a short hiccup is over before anybody needs to know.
const PATIENCE_MS = 1500;
const lost = new Set();
let timer;

function show() {
  clearTimeout(timer);
  if (lost.size === 0) notice.hidden = true;
  else timer = setTimeout(() => { notice.hidden = lost.size === 0; }, PATIENCE_MS);
}

document.addEventListener("htmx:wsClose", (event) => {
  // A list that was filtered anew has left the page together with its socket.
  if (event.target.isConnected) lost.add(event.target);
  show();
});
document.addEventListener("htmx:wsOpen", (event) => {
  lost.delete(event.target);
  for (const element of lost) if (!element.isConnected) lost.delete(element);
  show();
});
