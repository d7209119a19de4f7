// Holds live changes of the board back while somebody carries a container over it: what lies under
// the pointer must not move away, by what stands above it neither. Afterwards the latest of each is put in place.

let waiting = null;

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (!waiting || !target.closest("#fleet-grid, #fleet-guide, #fleet-totals")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const fresh = fragment.firstElementChild.cloneNode(true);
  fresh.setAttribute("hx-swap-oob", "true");
  // The whole grid outdates its cards.
  if (fresh.id === "fleet-grid") {
    for (const id of waiting.keys()) if (!id.startsWith("fleet-")) waiting.delete(id);
  }
  waiting.delete(fresh.id);
  waiting.set(fresh.id, fresh.outerHTML);
}, true);

export function holdBack() {
  waiting = new Map();
}

export function letGo() {
  const html = [...(waiting?.values() ?? [])].join("");
  waiting = null;
  if (html) window.htmx.swap(document.body, html, { swapStyle: "none", swapDelay: 0, settleDelay: 0 });
}
