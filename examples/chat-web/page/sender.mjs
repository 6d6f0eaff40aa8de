// Sends what was written, one after the other, until it is known to be saved.

import { Sends } from "./sends.mjs";

/** With a connection; without one, trying costs nothing and goes on. */
const TRIES_MAX = 5;
const PAUSE_MS = 1000;
const KEY = "unsent";

export class Sender {
  #client;
  #me;
  #room;
  #saved;
  #sends;
  #isRunning = false;
  #isOpen = false;
  /** Another may keep what is unsent by now. */
  #isClosed = false;
  /** Called when there is something else to show. */
  changed = () => {};

  /** `saved` gets the message that each text became. */
  constructor(client, me, room, saved) {
    this.#client = client;
    this.#me = me;
    this.#room = room;
    this.#saved = saved;
    this.#sends = new Sends(me, this.#restored());
  }

  get shown() {
    return this.#sends.shown;
  }

  start() {
    this.#isOpen = true;
    this.#run();
  }

  close() {
    this.#isClosed = true;
    this.#isOpen = false;
  }

  /** Answers what is wrong, "" if nothing is. */
  send(text) {
    if (this.#sends.isFull) return "Too many messages are not sent yet.";
    this.#sends.add(nonce(), text, Date.now());
    this.#change();
    this.#run();
    return "";
  }

  heard(message) {
    this.#sends.heard(message);
  }

  retry(nonce) {
    this.#sends.retry(nonce);
    this.#change();
    this.#run();
  }

  discard(nonce) {
    this.#sends.remove(nonce);
    this.#change();
  }

  async #run() {
    if (this.#isRunning || !this.#isOpen) return;
    this.#isRunning = true;
    for (let send; this.#isOpen && (send = this.#sends.next); ) await this.#deliver(send);
    this.#isRunning = false;
  }

  async #deliver({ nonce, text }) {
    for (let tries = 1; this.#isOpen; ) {
      try {
        const { message } = await this.#client.call("chat.send", { room: this.#room, text, nonce });
        this.#sends.remove(nonce);
        this.#saved(message);
        return this.#change();
      } catch (error) {
        if (!this.#isOpen) return;
        if (!error.retryable || tries === TRIES_MAX) {
          this.#sends.fail(nonce, error);
          return this.#change();
        }
        // The answer may be lost and the message saved: the same nonce does no harm.
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        if (this.#client.status.state === "open") tries += 1;
      }
    }
  }

  #change() {
    if (this.#isClosed) return;
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.#sends.kept));
    } catch {
      // Without storage unsent messages do not outlive a reload.
    }
    this.changed();
  }

  #restored() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#key));
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  get #key() {
    return `${KEY} ${this.#me} ${this.#room}`;
  }
}

/** Whoever logs out leaves nothing to who comes next. */
export function forgetUnsent() {
  try {
    const keys = Object.keys(sessionStorage).filter((key) => key.startsWith(`${KEY} `));
    for (const key of keys) sessionStorage.removeItem(key);
  } catch {
    // Without storage there is nothing.
  }
}

/** Also where the page did not come over HTTPS, which `randomUUID` needs. */
function nonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
