/** The ids heard last, so that what two connections bring is handed on once. */
export class Seen {
  #ids = new Set();
  #limit;

  constructor(limit) {
    this.#limit = limit;
  }

  /** Whether the id is new. */
  add(id) {
    const isNew = !this.#ids.delete(id);
    this.#ids.add(id);
    if (this.#ids.size > this.#limit) this.#ids.delete(this.#ids.values().next().value);
    return isNew;
  }
}
