// A whole conversation of a Twitch PubSub client on the npm package `ws`.
// Usage: node conversation.mjs ORIGIN TOKEN   (the token may read chat and write channels)

import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";

const [origin, token] = process.argv.slice(2);

/** Frames in the order in which they came. */
class Conversation {
  #waiting = [];
  #frames = [];

  constructor(path) {
    this.socket = new WebSocket(origin.replace("http", "ws") + path);
    this.socket.on("message", (data, isBinary) => {
      assert(!isBinary);
      const frame = JSON.parse(data.toString());
      const next = this.#waiting.shift();
      next ? next(frame) : this.#frames.push(frame);
    });
  }

  send(frame) {
    this.socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  next() {
    if (this.#frames.length) return Promise.resolve(this.#frames.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

const client = new Conversation("/ws");
await once(client.socket, "open");
assert.equal(client.socket.extensions, "", "no compression was agreed on");

client.send({ type: "PING" });
assert.deepEqual(await client.next(), { type: "PONG" });

client.send({
  type: "LISTEN",
  nonce: "one",
  data: { topics: ["channel:update", "chat:general"], auth_token: token },
});
assert.deepEqual(await client.next(), { type: "RESPONSE", error: "", nonce: "one" });

const publisher = new Conversation("/ws?v=1");
await once(publisher.socket, "open");
assert.equal((await publisher.next()).type, "WELCOME");
publisher.send({ type: "AUTH", data: { auth_token: token } });
assert.deepEqual(await publisher.next(), { type: "RESPONSE", error: "", nonce: "" });
const message = { title: 'é "quoted" 😀', list: [1, 2.5, null] };
publisher.send({ type: "PUBLISH", nonce: "two", data: { topic: "channel:update", message } });
assert.deepEqual(await publisher.next(), { type: "RESPONSE", error: "", nonce: "two" });

const heard = await client.next();
assert.equal(heard.type, "MESSAGE");
assert.equal(heard.data.topic, "channel:update");
assert.equal(typeof heard.data.message, "string");
assert.deepEqual(JSON.parse(heard.data.message), message);

client.send("no JSON");
assert.equal((await client.next()).error, "ERR_BADMESSAGE");

client.send({ type: "UNLISTEN", nonce: "three", data: { topics: ["channel:update"] } });
assert.deepEqual(await client.next(), { type: "RESPONSE", error: "", nonce: "three" });

client.socket.ping("hello");
const [pong] = await once(client.socket, "pong");
assert.equal(pong.toString(), "hello");

for (const { socket } of [client, publisher]) {
  socket.close(1000, "done");
  const [code] = await once(socket, "close");
  assert.equal(code, 1000);
}

const loud = new WebSocket(origin.replace("http", "ws") + "/ws");
await once(loud, "open");
loud.send("x".repeat(70_000));
const [code] = await once(loud, "close");
assert.equal(code, 1009);
console.log("ok");
