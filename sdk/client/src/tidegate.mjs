import { Backoff } from "./backoff.mjs";
import { closed, overloaded, TidegateError } from "./error.mjs";
import { Events } from "./events.mjs";
import { Link } from "./link.mjs";
import { Publication } from "./publication.mjs";
import { Seen } from "./seen.mjs";
import { settingsOf, urlOf } from "./settings.mjs";
import { Tokens } from "./token.mjs";
import { Topics } from "./topics.mjs";
import { watchNetwork } from "./network.mjs";

/** A connection to the broker that is kept up. Connects when first used. */
export class Tidegate {
  #settings;
  #tokens;
  #link;
  #topics = new Topics((refused) => this.#events.emit("refused", refused));
  #events = new Events("status", "resume", "missed", "refused");
  #seen;
  #status = { state: "idle" };
  #end = null;
  #waiting = new Set();
  #unwatch;
  #again;

  constructor({ url, token, ...settings } = {}) {
    const href = urlOf(url);
    this.#settings = settingsOf(settings);
    this.#seen = new Seen(this.#settings.seen_ids);
    this.#tokens = new Tokens(token, href.replace(/^ws/, "http"), this.#settings.connect_ms);
    this.#link = new Link(href, this.#settings, this.#tokens, {
      prepare: async (connection) => this.#askAgain((await this.#topics.settle(connection)).isWhole),
      adopted: (isHole) => this.#adopted(isHole),
      heard: (connection, frame) => this.#heard(connection, frame),
      status: (status) => this.#became(status),
      isIdle: () => this.#topics.isEmpty && this.#waiting.size === 0,
    });
  }

  get status() {
    return this.#status;
  }

  on(event, handler) {
    return this.#events.on(event, handler);
  }

  async connect() {
    await this.#connected(Infinity);
  }

  close() {
    this.#link.end({ state: "closed", error: closed("the client was closed") });
  }

  retryNow() {
    this.#link.hurry();
  }

  listen(topics, handler) {
    const list = [...new Set([topics].flat())];
    if (list.length === 0 || typeof handler !== "function") {
      throw new TypeError("listen takes topics and a function");
    }
    // A function given twice is two listeners, each with an end of its own.
    const own = (publication) => handler(publication);
    const unlisten = () => {
      this.#topics.remove(list, own);
      this.#settle();
    };
    const ready = this.#end ? Promise.reject(this.#end) : this.#topics.add(list, own);
    ready.catch(unlisten);
    if (!this.#end) this.#start();
    this.#settle();
    return { topics: list, ready, unlisten };
  }

  async publish(topic, message, { event } = {}) {
    await this.#request("PUBLISH", { topic, message, event });
  }

  async call(method, params = null, { timeout_ms = this.#settings.request_ms } = {}) {
    try {
      return await this.#request("CALL", { method, params }, timeout_ms);
    } catch (error) {
      if (error.code !== "ERR_BADAUTH" || !this.#tokens.renewable) throw error;
      // Refused before it ran, because the token had ended: it may be asked again with another.
      await this.#link.renew();
      return this.#request("CALL", { method, params }, timeout_ms);
    }
  }

  async #request(type, data, wait_ms = this.#settings.request_ms) {
    const until = Date.now() + wait_ms;
    const connection = await this.#connected(wait_ms);
    return connection.request(type, data, until - Date.now());
  }

  #start() {
    this.#unwatch ??= watchNetwork(this.#link);
    this.#link.start();
    if (this.#status.state === "idle") this.#link.hurry();
  }

  /** The connection in use, or the next one if it comes in time. */
  async #connected(wait_ms) {
    if (this.#end) throw this.#end;
    this.#start();
    if (this.#link.current) return this.#link.current;
    if (this.#waiting.size >= this.#settings.requests_max) throw overloaded();
    return new Promise((resolve, reject) => {
      const settled = (settle) => (value) => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        settle(value);
      };
      const waiter = { resolve: settled(resolve), reject: settled(reject) };
      const error = new TidegateError("timeout", "no connection in time", { retryable: true });
      const late = () => waiter.reject(error);
      const timer = wait_ms === Infinity ? undefined : setTimeout(late, wait_ms);
      this.#waiting.add(waiter);
    });
  }

  #adopted(isHole) {
    const topics = this.#topics.held;
    if (isHole) this.#events.emit("resume", { topics, reason: "reconnected" });
    for (const waiter of [...this.#waiting]) waiter.resolve(this.#link.current);
    // What was listened to or not any more while the connection was made ready.
    this.#settle();
  }

  #became(status) {
    const { state, error } = status;
    this.#status = status;
    if (state === "closed" || state === "unauthenticated") this.#ended(error);
    this.#events.emit("status", status);
  }

  #ended(error) {
    this.#end = error;
    this.#unwatch?.();
    clearTimeout(this.#again);
    for (const waiter of [...this.#waiting]) waiter.reject(error);
    this.#topics.clear(error);
  }

  #heard(connection, { type, data }) {
    if (type === "MESSAGE") {
      if (data.id === undefined || this.#seen.add(data.id)) this.#topics.deliver(new Publication(data));
      return;
    }
    // What a connection says of itself is of no interest once another is in use.
    if (connection !== this.#link.current) return;
    if (type === "MISSED") {
      const { topics, reason } = data;
      this.#events.emit("missed", { topics: topics ?? this.#topics.held, reason });
    } else if (type === "AUTH_REVOKED") this.#revoked(connection, data.topics);
  }

  async #revoked(connection, topics) {
    for (const topic of topics) connection.topics.delete(topic);
    if (this.#tokens.renewable) {
      await this.#link.renew();
      return this.#settle();
    }
    this.#topics.drop(topics, new TidegateError("ERR_BADAUTH", "the token ended or was revoked"));
  }

  /** Brings the connection in use in line with who listens to what. */
  async #settle() {
    const connection = this.#link.current;
    if (!connection) return;
    try {
      const { anew, isWhole } = await this.#topics.settle(connection);
      if (anew.length > 0) this.#events.emit("missed", { topics: anew, reason: "not listened to for a while" });
      this.#askAgain(isWhole);
    } catch (error) {
      connection.drop(error.message);
    }
  }

  #askAgain(isWhole) {
    clearTimeout(this.#again);
    const pause = new Backoff(this.#settings.backoff).next();
    if (!isWhole) this.#again = setTimeout(() => this.#settle(), pause);
  }
}
