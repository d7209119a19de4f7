// Uploads archives to [data-uploads], one after the other: files that are chosen in
// [data-upload-form], or dropped anywhere on the page. Without JavaScript the form sends one.

import { bytesText } from "./bytes.js";
import { Sending } from "./tus.js";

const area = document.querySelector("[data-uploads]");
const waiting = [];
let busy = false;

class Row {
  constructor(file) {
    this.file = file;
    this.element = area.querySelector("[data-upload-row]").content.firstElementChild.cloneNode(true);
    this.part("name").textContent = file.name;
    this.part("cancel").addEventListener("click", () => this.cancel());
    this.part("again").addEventListener("click", () => this.queue());
    area.querySelector("[data-uploads-list]").append(this.element);
    this.queue();
  }

  part(name) {
    return this.element.querySelector(`[data-upload-${name}]`);
  }

  become(state, text) {
    this.element.dataset.state = state;
    this.part("text").textContent = text;
  }

  queue() {
    this.sending = null;
    this.become("waiting", "Waiting…");
    this.part("cancel").textContent = "Cancel";
    this.part("problem").hidden = this.part("again").hidden = true;
    waiting.push(this);
    work();
  }

  async run() {
    this.startedAt = performance.now();
    this.sending = new Sending(this.file, area.dataset.uploads, (bytes, message) => this.show(bytes, message));
    this.show(0, "");
    try {
      const archive = await this.sending.run();
      if (archive && !this.cancelling) this.kept(archive);
    } catch (error) {
      if (!this.cancelling) this.failed(error.problem ?? { message: String(error) });
    }
  }

  show(sent, message) {
    if (this.cancelling) return;
    const size = this.file.size;
    this.part("progress").value = size ? sent / size : 0;
    const seconds = (performance.now() - this.startedAt) / 1000;
    const rate = seconds > 0.5 ? sent / seconds : 0;
    const left = rate > 0 ? ` · ${bytesText(Math.round(rate))}/s · ${Math.ceil((size - sent) / rate)} s left` : "";
    const text = sent < size ? `${bytesText(sent)} of ${bytesText(size)}${left}` : "Reading what it holds…";
    this.become("running", message || text);
  }

  kept(archive) {
    this.part("progress").value = 1;
    this.become("kept", `${bytesText(this.file.size)} in the catalog`);
    this.part("cancel").textContent = "Dismiss";
    this.link(archive);
  }

  link(archive) {
    this.part("link").href = archive;
    this.part("link").hidden = false;
  }

  failed(problem) {
    this.become("failed", "");
    const words = [problem.message, problem.cause, problem.remedy].filter(Boolean);
    this.part("problem").replaceChildren(...words.map(paragraph));
    this.part("problem").hidden = false;
    if (problem.archive) this.link(problem.archive);
    else this.part("again").hidden = false;
    this.part("cancel").textContent = "Dismiss";
  }

  async cancel() {
    const place = waiting.indexOf(this);
    if (place >= 0) waiting.splice(place, 1);
    if (this.element.dataset.state !== "running") {
      this.element.remove();
      return;
    }
    // The site may be keeping it at this very moment: it has the last word.
    this.part("cancel").disabled = true;
    this.cancelling = true;
    this.become("running", "Cancelling…");
    try {
      const archive = await this.sending.cancel();
      if (archive) this.kept(archive);
      else this.element.remove();
    } catch (error) {
      this.failed(error.problem ?? { message: String(error) });
    } finally {
      this.cancelling = false;
      this.part("cancel").disabled = false;
    }
  }
}

function paragraph(text) {
  const element = document.createElement("p");
  // Commands stand between backticks, as in templatetags/findings.py.
  text.split("`").forEach((part, index) => {
    const piece = document.createElement(index % 2 ? "code" : "span");
    piece.textContent = part;
    element.append(piece);
  });
  return element;
}

async function work() {
  if (busy) return;
  busy = true;
  while (waiting.length > 0) await waiting.shift().run();
  busy = false;
}

function add(files) {
  for (const file of files) new Row(file);
}

function armForm(form) {
  const field = form.querySelector("input[type=file]");
  field.multiple = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add(field.files);
    form.reset();
  });
}

function armDrops() {
  const veil = area.querySelector("[data-drop-veil]");
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    veil.hidden = true;
    add(event.dataTransfer.files);
  });
}

if (area) {
  document.querySelectorAll("[data-upload-form]").forEach(armForm);
  armDrops();
  window.addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });
}
