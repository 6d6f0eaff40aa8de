import { TidegateError } from "./error.mjs";
import { guarded } from "./events.mjs";

/** Who listens to which topics: a topic is listened to while somebody does. */
export class Topics {
  #entries = new Map();
  #onRefused;

  /** `onRefused` gets `{topics, error}` when a topic that was listened to is no more. */
  constructor(onRefused) {
    this.#onRefused = onRefused;
  }

  get isEmpty() {
    return this.#entries.size === 0;
  }

  /** Topics that the server said yes to at least once. */
  get held() {
    return [...this.#entries.values()].filter(({ isHeld }) => isHeld).map(({ topic }) => topic);
  }

  /** Counts a handler in; answers what resolves when the server listens to all topics for us. */
  add(topics, handler) {
    const entries = topics.map((topic) => {
      const entry = this.#entries.get(topic) ?? new Entry(topic);
      this.#entries.set(topic, entry);
      entry.handlers.push(handler);
      return entry;
    });
    return Promise.all(entries.map(({ held }) => held)).then(() => {});
  }

  remove(topics, handler) {
    for (const topic of topics) {
      const entry = this.#entries.get(topic);
      const at = entry?.handlers.indexOf(handler) ?? -1;
      if (at >= 0) entry.handlers.splice(at, 1);
      if (entry?.handlers.length === 0) this.#entries.delete(topic);
    }
  }

  deliver(publication) {
    for (const handler of [...(this.#entries.get(publication.topic)?.handlers ?? [])]) {
      guarded(handler, publication);
    }
  }

  /**
   * Makes a connection listen to all topics, and to no others; topics refused for good are dropped.
   * Answers those it listens to anew, and whether some have to be asked for again later. Rejects if
   * the connection does not answer.
   */
  async settle(connection) {
    const isCurrent = ([topic, entry]) => this.#entries.get(topic) === entry;
    const old = [...connection.topics].filter((pair) => !isCurrent(pair)).map(([topic]) => topic);
    if (old.length > 0) {
      for (const topic of old) connection.topics.delete(topic);
      await connection.request("UNLISTEN", { topics: old });
    }
    const [anew, later] = [new Set(), new Set()];
    // While one LISTEN is under way topics may be added.
    for (;;) {
      const isMissing = (entry) => !connection.topics.has(entry.topic) && !later.has(entry);
      const entries = [...this.#entries.values()].filter(isMissing);
      if (entries.length === 0) break;
      await this.#listen(connection, entries, anew, later);
    }
    return { anew: [...anew], isWhole: later.size === 0 };
  }

  /** The end: nobody listens to anything any more. */
  clear(error) {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) entry.refuse(error);
  }

  /** The server does not listen for us any more, and asking again is of no use. */
  drop(topics, error) {
    for (const topic of topics) {
      const entry = this.#entries.get(topic);
      if (entry) this.#drop(entry, error);
    }
  }

  /** A LISTEN is all or nothing: one topic that fails must not cost the others. */
  async #listen(connection, entries, anew, later) {
    for (const entry of entries) connection.topics.set(entry.topic, entry);
    try {
      await connection.request("LISTEN", { topics: entries.map(({ topic }) => topic) });
      for (const entry of entries) {
        if (entry.isHeld) anew.add(entry.topic);
        entry.hold();
      }
    } catch (error) {
      for (const { topic } of entries) connection.topics.delete(topic);
      if (!(error instanceof TidegateError) || isSilent(error)) throw error;
      if (entries.length > 1) {
        for (const entry of entries) await this.#listen(connection, [entry], anew, later);
      } else if (error.retryable) later.add(entries[0]);
      else this.#drop(entries[0], error);
    }
  }

  #drop(entry, error) {
    if (this.#entries.get(entry.topic) === entry) this.#entries.delete(entry.topic);
    if (entry.isHeld) this.#onRefused({ topics: [entry.topic], error });
    else entry.refuse(error);
  }
}

class Entry {
  handlers = [];
  isHeld = false;
  #settle;

  constructor(topic) {
    this.topic = topic;
    this.held = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // Whoever does not ask is told by the event.
    this.held.catch(() => {});
  }

  hold() {
    this.isHeld = true;
    this.#settle.resolve();
  }

  refuse(error) {
    this.#settle.reject(error);
  }
}

/** It is the connection that failed, not the server. */
const isSilent = ({ code }) => code === "closed" || code === "timeout";
