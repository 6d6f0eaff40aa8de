// A runner for protocol cases, and bare clients that keep to nothing by themselves.

import assert from "node:assert/strict";
import WebSocket from "ws";

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Runs named cases one after the other; prints each, and exits 1 if any failed. */
export async function run(cases) {
  let failed = 0;
  for (const [name, body] of Object.entries(cases)) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("takes too long")), 5_000);
    });
    try {
      await Promise.race([body(), late]);
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${error.stack}`);
    } finally {
      clearTimeout(timer);
    }
  }
  console.log(`${Object.keys(cases).length - failed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

/** An Engine.IO endpoint, by hand. */
export class Endpoint {
  constructor(origin, path) {
    this.base = `${origin}${path}`;
  }

  url(query) {
    return `${this.base}?${query}`;
  }

  request(query, options = {}) {
    return fetch(this.url(query), options);
  }

  async handshake() {
    const answer = await this.request("EIO=4&transport=polling");
    assert.equal(answer.status, 200);
    const text = await answer.text();
    assert.equal(text[0], "0");
    return JSON.parse(text.slice(1)).sid;
  }

  get(sid, options) {
    return this.request(`EIO=4&transport=polling&sid=${sid}`, options);
  }

  post(sid, body, headers) {
    return this.get(sid, { method: "POST", body, headers });
  }

  socket(query = "EIO=4&transport=websocket") {
    return new Socket(this.url(query).replace("http", "ws"));
  }

  upgrade(sid) {
    return this.socket(`EIO=4&transport=websocket&sid=${sid}`);
  }

  /** A WebSocket session after its handshake. */
  async opened() {
    const socket = this.socket();
    const open = await socket.next();
    assert.equal(open[0], "0");
    return socket;
  }

  /** A polling session that has been upgraded. */
  async upgraded(sid) {
    const socket = this.upgrade(sid);
    await socket.open;
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    socket.send("5");
    return socket;
  }

  async refused(query, status, code, options) {
    const answer = await this.request(query, options);
    const body = await answer.json();
    assert.deepEqual([answer.status, body.code], [status, code]);
    assert.equal(typeof body.message, "string");
  }
}

/** Messages of a WebSocket in their order: strings, or Buffers. */
export class Socket {
  #messages = [];
  #waiting = [];

  constructor(url) {
    this.raw = new WebSocket(url);
    this.open = new Promise((resolve, reject) => {
      this.raw.once("open", resolve);
      this.raw.once("close", () => reject(new Error("closed before it was open")));
    });
    this.open.catch(() => {});
    this.closed = new Promise((resolve) => this.raw.once("close", resolve));
    this.refused = new Promise((resolve) => {
      this.raw.once("unexpected-response", (_, response) => {
        let body = "";
        response.on("data", (data) => (body += data));
        response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
      });
    });
    this.raw.on("error", () => {});
    this.raw.on("message", (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      const next = this.#waiting.shift();
      next ? next(message) : this.#messages.push(message);
    });
  }

  send(data) {
    this.raw.send(data);
  }

  /** The next message, whatever it is. */
  next() {
    if (this.#messages.length) return Promise.resolve(this.#messages.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next message that is no heartbeat, which is answered. */
  async message() {
    for (;;) {
      const message = await this.next();
      if (message !== "2") return message;
      this.send("3");
    }
  }
}
