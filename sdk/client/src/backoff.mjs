/** Pauses that double, each shortened by up to a half so that clients do not come back together. */
export class Backoff {
  #min;
  #max;
  #failures = 0;

  constructor({ min_ms, max_ms }) {
    this.#min = min_ms;
    this.#max = max_ms;
  }

  /** The next pause in milliseconds. */
  next() {
    const whole = Math.min(this.#max, this.#min * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(whole * (0.5 + Math.random() / 2));
  }

  reset() {
    this.#failures = 0;
  }
}
