// A [data-log] follows what is written: it scrolls along while its end is in sight, can be paused,
// and shows only the lines that a person asks for. Lines come as <li id> that are appended.

const NEAR_PX = 32;

function lines(log) {
  return log.querySelectorAll("ol > li");
}

function show(log) {
  const wanted = log.querySelector("[data-log-filter]").value.trim().toLowerCase();
  const marked = log.querySelector("[data-log-marked]").checked;
  let shown = 0;
  for (const line of lines(log)) {
    line.hidden = (marked && line.dataset.level === "info")
      || !line.textContent.toLowerCase().includes(wanted);
    if (!line.hidden) shown += 1;
  }
  log.querySelector("[data-log-unfound]").hidden = shown > 0 || lines(log).length === 0;
}

function isAtEnd(box) {
  return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
}

function toEnd(log) {
  const box = log.querySelector("[data-log-box]");
  box.scrollTop = box.scrollHeight;
}

function arm(log) {
  const list = log.querySelector("ol");
  const box = log.querySelector("[data-log-box]");
  const pause = log.querySelector("[data-log-pause]");
  const held = [];
  let following = true;
  log.querySelector("[data-log-live]").hidden = false;

  function add(fresh) {
    following = isAtEnd(box);
    list.append(...fresh);
    show(log);
    if (following) toEnd(log);
  }

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target !== list) return;
    event.detail.shouldSwap = false;
    event.stopPropagation();
    // After a lost connection some come again; the page knows them by their ids.
    const fresh = [...event.detail.fragment.querySelectorAll(".log__line")]
      .filter((line) => !document.getElementById(line.id) && !held.some((one) => one.id === line.id));
    if (pause.getAttribute("aria-pressed") === "true") {
      held.push(...fresh);
      pause.textContent = held.length ? `Resume (${held.length} new)` : "Resume";
    } else add(fresh);
  }, { capture: true });
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Resume" : "Pause";
    if (paused) return;
    add(held.splice(0));
    toEnd(log);
  });
  log.addEventListener("input", () => show(log));
  show(log);
  toEnd(log);
}

for (const log of document.querySelectorAll("[data-log]")) arm(log);
