// Follows a container's log in [data-follow]: pause, filter, and a bound on what the page holds.
// Lines are only ever set as text.

const MOST_LINES = 5000;
const RETRY_MS = 3000;
const NOT_AGAIN = [4401, 4403, 4404];
// One that is refused before it is open tells no reason.
const MOST_REFUSALS = 5;
// So near to its end a log goes on scrolling by itself.
const NEAR_PX = 40;

for (const root of document.querySelectorAll("[data-follow]")) follow(root);

function follow(root) {
  const box = root.querySelector("[data-follow-lines]");
  const state = root.querySelector("[data-follow-state]");
  const filter = root.querySelector("[data-follow-filter]");
  const pause = root.querySelector("[data-follow-pause]");
  const words = root.querySelector("[data-follow-words]");
  const onward = root.querySelector("[data-follow-link]");
  const counted = root.querySelector("[data-follow-count]");
  let waiting = [];
  // The log came anew while it was paused: what is shown goes when it is resumed.
  let outdated = false;
  let refusals = 0;
  let socket;
  let sentence = words.textContent;
  let { kind } = state.dataset;
  for (const tool of root.querySelectorAll("[data-follow-tool]")) tool.hidden = false;

  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  const wanted = () => (filter.value.trim() ? filter.value.toLowerCase() : "");

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function tell() {
    const counts = [];
    if (outdated) counts.push("It was read anew since then.");
    else if (waiting.length) counts.push(`${count(waiting.length)} more since then.`);
    if (wanted()) {
      const found = box.querySelectorAll(":scope > :not([hidden]):not([data-gap])").length;
      counts.push(`${count(found)} of ${count(box.childElementCount)} lines match.`);
    }
    write(words, isPaused() ? "Paused." : sentence);
    state.dataset.kind = isPaused() ? "paused" : kind;
    write(counted, counts.join(" "));
  }

  function add(lines) {
    if (isPaused()) {
      waiting.push(...lines);
      const over = waiting.length - MOST_LINES;
      if (over > 0) {
        const lost = waiting.splice(0, over + 1).reduce((sum, line) => sum + (line.gap ?? 1), 0);
        waiting.unshift({ gap: lost });
      }
      return;
    }
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    box.append(...lines.map((line) => mark(draw(line), wanted())));
    while (box.childElementCount > MOST_LINES) box.firstElementChild.remove();
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  function hear(message) {
    if (message.begin) {
      if (isPaused()) outdated = true;
      else box.replaceChildren();
      waiting = [];
    }
    if (message.lines) add(message.lines);
    if (message.state) {
      sentence = message.state.words;
      kind = message.state.kind;
      onward.hidden = !message.state.url;
      onward.href = message.state.url;
      onward.textContent = message.state.link;
    }
    tell();
  }

  filter.addEventListener("input", () => {
    for (const line of box.children) mark(line, wanted());
    box.scrollTop = box.scrollHeight;
    tell();
  });
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(!isPaused()));
    if (!isPaused()) {
      if (outdated) box.replaceChildren();
      outdated = false;
      add(waiting.splice(0));
    }
    tell();
  });

  function connect() {
    socket = new WebSocket(new URL(root.dataset.follow, location.href.replace(/^http/, "ws")));
    socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
    socket.addEventListener("open", () => { refusals = 0; });
    socket.addEventListener("close", (event) => {
      refusals += 1;
      const isOver = NOT_AGAIN.includes(event.code) || refusals >= MOST_REFUSALS;
      kind = "lost";
      sentence = isOver ? "The log is not shown any more. Reload the page." : "Reconnecting…";
      tell();
      if (!isOver) setTimeout(connect, RETRY_MS);
    });
  }
  addEventListener("pagehide", () => socket.close());
  connect();
}

function count(number) {
  return number.toLocaleString("en");
}

function draw(line) {
  const row = document.createElement("div");
  row.className = "live-log__line";
  if ("gap" in line) {
    row.dataset.gap = "";
    const lines = line.gap === 1 ? "line" : "lines";
    row.textContent = line.gap === null ? "More lines than can be read were left out: it writes too fast." : `${count(line.gap)} ${lines} left out: it writes faster than can be shown.`;
    return row;
  }
  if (line.at) {
    const time = document.createElement("time");
    time.dateTime = line.at;
    time.title = line.at;
    time.textContent = new Date(line.at).toLocaleTimeString("en-GB");
    row.append(time);
  }
  const text = document.createElement("span");
  text.textContent = line.cut ? `${line.text} … ${count(line.cut)} more characters` : line.text;
  row.append(text);
  return row;
}

// Hides a line that does not hold what is looked for, and marks that where it does.
function mark(row, wanted) {
  const text = row.querySelector("span");
  if (!text) return row;
  const whole = text.textContent;
  const lower = whole.toLowerCase();
  row.hidden = Boolean(wanted) && !lower.includes(wanted);
  // Some letters change their number in lower case: then nothing can be marked at its place.
  if (!wanted || row.hidden || lower.length !== whole.length) {
    text.replaceChildren(whole);
    return row;
  }
  const parts = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    const found = document.createElement("mark");
    found.textContent = whole.slice(at, at + wanted.length);
    parts.push(whole.slice(from, at), found);
    from = at + wanted.length;
  }
  text.replaceChildren(...parts, whole.slice(from));
  return row;
}
