// Sends one file in pieces by the tus protocol (1.0.0). A lost connection is taken up where it
// broke: the site is asked how far the file has come.

import { token } from "./csrf.js";

const PIECE_BYTES = 8 * 1024 * 1024;
const MOST_TRIES = 10;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
// Worth another try: no connection, a site that is being started anew or still writes a piece.
const PASSING = [0, 423, 502, 503, 504];

// What the site said against it: {code, message, cause, remedy, archive}.
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.message);
    this.status = status;
    this.problem = problem;
  }
}

export class Sending {
  // tell(bytes, message) is called with what has been sent, or why it takes longer.
  constructor(file, begin, tell) {
    Object.assign(this, { file, begin, tell, offset: 0, address: null, archive: null, cancelled: false });
    this.beginning = null;
  }

  // Returns the address of the new archive, null if it was cancelled. Throws Refused.
  async run() {
    let tries = 0;
    while (!this.archive) {
      try {
        await this.catchUp();
        while (!this.archive && !this.cancelled) {
          await this.sendPiece();
          tries = 0;
        }
      } catch (error) {
        if (this.cancelled) return null;
        tries += 1;
        if (!(error instanceof Refused) || tries >= MOST_TRIES || !this.mayGoOn(error)) throw error;
        this.tell(this.offset, `${error.message} Trying again…`);
        const wait = Math.min(FIRST_WAIT_MS * 2 ** tries, LONGEST_WAIT_MS);
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
      if (this.cancelled) return null;
    }
    return this.archive;
  }

  mayGoOn(error) {
    const isGone = error.status === 404 && this.address !== null;
    // The site was started anew, and has dropped what it had.
    if (isGone) this.address = null;
    return isGone || PASSING.includes(error.status) || error.problem.code === "wrong_offset";
  }

  async catchUp() {
    if (this.address) {
      this.note(await this.ask("HEAD", this.address));
      return;
    }
    const name = btoa(String.fromCharCode(...new TextEncoder().encode(this.file.name)));
    const headers = { "Upload-Length": this.file.size, "Upload-Metadata": `filename ${name}` };
    this.beginning = this.ask("POST", this.begin, headers);
    const begun = await this.beginning;
    this.address = begun.getResponseHeader("Location");
    this.offset = 0;
  }

  async sendPiece() {
    const piece = this.file.slice(this.offset, this.offset + PIECE_BYTES);
    const headers = { "Upload-Offset": this.offset, "Content-Type": "application/offset+octet-stream" };
    this.note(await this.ask("PATCH", this.address, headers, piece));
  }

  note(answer) {
    this.offset = Number(answer.getResponseHeader("Upload-Offset"));
    this.archive = answer.getResponseHeader("Ferry-Archive");
  }

  // Returns once the site has agreed; the address of the archive if it came too late. Throws
  // Refused if the site cannot be told.
  async cancel() {
    this.cancelled = true;
    // What has begun has an address, without which nobody could give it up.
    if (!this.address) await this.beginning?.catch(() => {});
    else this.request?.abort();
    for (let tries = 1; this.address && !this.archive; tries += 1) {
      try {
        await this.ask("DELETE", this.address);
        return null;
      } catch (error) {
        if (error.status === 404) return null;
        if (error.problem.code === "upload_kept") return error.problem.archive;
        if (tries >= MOST_TRIES || !PASSING.includes(error.status)) throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT_MS));
      }
    }
    return this.archive;
  }

  ask(method, address, headers = {}, body = null) {
    return new Promise((resolve, reject) => {
      // Not fetch, which does not tell how much of a body has been sent.
      const request = new XMLHttpRequest();
      request.open(method, address);
      const all = { "Tus-Resumable": "1.0.0", "X-CSRFToken": token(), ...headers };
      for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => this.tell(this.offset + event.loaded, "");
      request.onload = () => {
        if (request.status < 300) resolve(request);
        else reject(new Refused(request.status, problemOf(request)));
      };
      request.onerror = () => reject(new Refused(0, { message: "The connection was lost." }));
      request.onabort = () => reject(new Refused(-1, { message: "Cancelled." }));
      this.request = request;
      request.send(body);
    });
  }
}

function problemOf(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    const words = { 403: "You may not upload archives, or were signed out. Load the page again." };
    return { message: words[request.status] ?? `The site answered ${request.status}.` };
  }
}
