import { closed, errorOf, overloaded, TidegateError } from "./error.mjs";

const encoder = new TextEncoder();

/** One WebSocket to `/ws`: answers find their requests, and silence ends it. */
export class Connection {
  #socket;
  #settings;
  #hear;
  #requests = new Map();
  #nonce = 0;
  #beat;
  #silence;
  #settle = {};
  /** The topics that it was told to listen to, and for whom. */
  topics = new Map();
  isOver = false;
  openedAt = Infinity;
  #opened;

  /** Resolves with `{code, reason}` when it has ended; never rejects. */
  over = new Promise((resolve) => (this.#settle.over = resolve));
  /** Resolves when the server asks for another connection, or this one has ended. */
  leave = new Promise((resolve) => (this.#settle.leave = resolve));

  /** `hear` gets each frame that answers no request. */
  constructor(url, settings, hear) {
    this.#settings = settings;
    this.#hear = hear;
    this.#socket = new settings.WebSocket(url);
    const timer = setTimeout(() => this.drop("no connection in time"), settings.connect_ms);
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener("open", () => {
        this.openedAt = Date.now();
        this.#rest();
        resolve();
      });
      this.over.then(({ code, reason }) => reject(closed(`cannot connect (${code} ${reason})`)));
    });
    this.#opened.catch(() => {}).finally(() => clearTimeout(timer));
    this.#socket.addEventListener("message", ({ data }) => this.#take(data));
    this.#socket.addEventListener("close", ({ code, reason }) => this.#end(code, reason));
    // A close always follows, and says no less.
    this.#socket.addEventListener("error", () => {});
  }

  /** Resolves when frames can be sent; rejects with a TidegateError if that never comes. */
  opened() {
    return this.#opened;
  }

  /** Sends and waits for the answer; resolves with its `data`, rejects with a TidegateError. */
  async request(type, data, wait_ms = this.#settings.request_ms) {
    if (this.isOver) throw closed("the connection has ended");
    this.#nonce += 1;
    const nonce = String(this.#nonce);
    const frame = JSON.stringify({ type, nonce, data });
    const { frame_bytes, requests_max } = this.#settings;
    if (this.#requests.size >= requests_max) throw overloaded();
    if (encoder.encode(frame).length > frame_bytes) {
      throw new TidegateError("too-large", `the ${type} is larger than ${frame_bytes} bytes`);
    }
    const answered = new Promise((resolve, reject) => {
      const late = () => this.#settled(nonce)?.reject(noAnswer(type));
      this.#requests.set(nonce, { resolve, reject, timer: setTimeout(late, wait_ms) });
    });
    this.#requests.get(nonce).answered = answered;
    this.#socket.send(frame);
    return answered;
  }

  /** Asks for a sign of life; without one in time the connection is taken for dead. */
  check(wait_ms = this.#settings.pong_ms) {
    if (this.#silence || this.openedAt === Infinity || this.isOver) return;
    this.#silence = setTimeout(() => this.drop("nothing was heard"), wait_ms);
    this.#socket.send('{"type":"PING"}');
  }

  /** Another connection has taken over: lets what is under way arrive, then closes. */
  async retire() {
    const { linger_ms } = this.#settings;
    await Promise.race([this.over, new Promise((resolve) => setTimeout(resolve, linger_ms))]);
    await Promise.allSettled([...this.#requests.values()].map(({ answered }) => answered));
    this.close();
  }

  close() {
    this.#socket.close(1000);
    this.#end(1000, "closed by the client");
  }

  /** Ends it without waiting for the other side, which may be gone. */
  drop(reason) {
    this.#socket.close();
    this.#end(1006, reason);
  }

  #take(data) {
    if (this.isOver) return;
    clearTimeout(this.#silence);
    this.#silence = undefined;
    const frame = parsed(data);
    if (!frame) return this.drop("a frame is no JSON object");
    if (frame.type === "RESPONSE") {
      const request = this.#settled(frame.nonce);
      if (frame.error) request?.reject(errorOf(frame));
      else request?.resolve(frame.data);
    } else if (frame.type === "RECONNECT") this.#settle.leave();
    else if (frame.type !== "PONG") this.#hear(this, frame);
  }

  #settled(nonce) {
    const request = this.#requests.get(nonce);
    clearTimeout(request?.timer);
    this.#requests.delete(nonce);
    return request;
  }

  #rest() {
    const { ping_ms } = this.#settings;
    const beat = () => {
      this.check();
      this.#rest();
    };
    this.#beat = setTimeout(beat, ping_ms * (0.8 + Math.random() / 5));
  }

  #end(code, reason) {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.#beat);
    clearTimeout(this.#silence);
    for (const nonce of [...this.#requests.keys()]) {
      this.#settled(nonce).reject(closed("the connection ended before the answer"));
    }
    this.#settle.over({ code, reason });
    this.#settle.leave();
  }
}

function noAnswer(type) {
  return new TidegateError("timeout", `no answer to ${type} in time`, { retryable: true });
}

function parsed(data) {
  try {
    const frame = JSON.parse(data);
    return typeof frame === "object" ? frame : null;
  } catch {
    return null;
  }
}
