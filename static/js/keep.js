// Keeps what a person has opened, focused and scrolled when a live fragment takes its place,
// and leaves a fragment alone that would change nothing.

let kept = null;

function remember(target) {
  const focused = target.contains(document.activeElement) ? document.activeElement : null;
  return {
    id: target.id,
    details: new Map([...target.querySelectorAll("details[id]"), target]
      .filter((element) => element.matches("details[id]"))
      .map((element) => [element.id, element.open])),
    scrolled: [...target.querySelectorAll("pre")].map((element) => element.scrollTop),
    focus: focused && describe(focused),
  };
}

/** Return a selector that finds what a fragment brings in an element's place; null if nothing tells it. */
export function describe(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const href = element.getAttribute("href");
  if (href) return `a[href="${CSS.escape(href)}"]`;
  const details = element.matches("summary") && element.parentElement.id;
  if (details) return `#${CSS.escape(details)} > summary`;
  if (element.matches("input[type=checkbox], input[type=radio]")) {
    return `input[name="${CSS.escape(element.name)}"][value="${CSS.escape(element.value)}"]`;
  }
  const action = element.form?.getAttribute("action");
  return action ? `form[action="${CSS.escape(action)}"] button` : null;
}

// What ticks by itself, and what is the page's own, makes no difference.
function lasting(element) {
  const copy = element.cloneNode(true);
  for (const part of copy.querySelectorAll("[data-since], [hx-preserve]")) {
    part.replaceWith(part.id);
  }
  return copy;
}

function changesNothing(target, next) {
  return target.isEqualNode(next)
    || (target.querySelector("[hx-preserve]") !== null && lasting(target).isEqualNode(lasting(next)));
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const next = fragment.firstElementChild ?? fragment;
  if (changesNothing(target, next)) {
    event.detail.shouldSwap = false;
    kept = null;
    return;
  }
  kept = remember(target);
  for (const element of [...next.querySelectorAll("details[id]"), next]) {
    if (kept.details.has(element.id)) element.open = kept.details.get(element.id);
  }
});

function giveFocus(fresh, focus) {
  (fresh.matches(focus) ? fresh : fresh.querySelector(focus))?.focus({ preventScroll: true });
}

document.addEventListener("htmx:oobAfterSwap", (event) => {
  // It comes for all that the message has brought so far.
  if (!kept || event.target.id !== kept.id) return;
  const { scrolled, focus } = kept;
  kept = null;
  const fresh = document.getElementById(event.target.id);
  fresh.querySelectorAll("pre").forEach((element, index) => {
    element.scrollTop = scrolled[index] ?? 0;
  });
  if (!focus) return;
  giveFocus(fresh, focus);
  // The headings that sort get their buttons (sort.js) when the whole message is in place.
  queueMicrotask(() => {
    if (document.activeElement === document.body) giveFocus(fresh, focus);
  });
});

// What takes itself away says what has the focus afterwards: [data-then-focus="id"].
document.addEventListener("htmx:afterSettle", (event) => {
  const next = event.detail.requestConfig?.elt.dataset.thenFocus;
  if (next) document.getElementById(next)?.focus({ preventScroll: true });
});
