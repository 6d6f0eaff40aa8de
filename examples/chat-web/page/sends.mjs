// Messages that were written here and are not known to be saved yet, in the order in which they were
// written. Knows no page and no connection.

/** Unsent messages of one reader; more are refused, for something is wrong then. */
const SENDS_MAX = 50;

export class Sends {
  #sends;
  #name;

  /** `kept` is what `kept` was before the page was loaded anew. */
  constructor(name, kept = []) {
    this.#name = name;
    this.#sends = kept.map(({ nonce, text, time_ms }) => entry(nonce, text, time_ms));
  }

  get isFull() {
    return this.#sends.length >= SENDS_MAX;
  }

  /** What outlives a reload: with their nonces, so that none is saved twice. */
  get kept() {
    return this.#sends.map(({ nonce, text, time_ms }) => ({ nonce, text, time_ms }));
  }

  /** Those to show: whose message is not there yet. */
  get shown() {
    return this.#sends.filter(({ isHeard }) => !isHeard);
  }

  /** The next to be sent; undefined = none. */
  get next() {
    return this.#sends.find(({ error }) => error === null);
  }

  add(nonce, text, time_ms) {
    this.#sends.push(entry(nonce, text, time_ms));
  }

  /** A message was announced. It may be one of these, before the answer says so. */
  heard({ name, text }) {
    if (name !== this.#name) return;
    const send = this.#sends.find((send) => !send.isHeard && !send.error && send.text === text);
    if (send) send.isHeard = true;
  }

  /** It is saved, or not wanted any more. */
  remove(nonce) {
    this.#sends = this.#sends.filter((send) => send.nonce !== nonce);
  }

  /** It was not sent, and is not tried again by itself. */
  fail(nonce, error) {
    Object.assign(this.#of(nonce) ?? {}, { error, isHeard: false });
  }

  /** The same once more, with the same nonce. */
  retry(nonce) {
    Object.assign(this.#of(nonce) ?? {}, { error: null });
  }

  #of(nonce) {
    return this.#sends.find((send) => send.nonce === nonce);
  }
}

function entry(nonce, text, time_ms) {
  return { nonce, text, time_ms, error: null, isHeard: false };
}
