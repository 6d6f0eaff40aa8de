// The npm socket.io-client against the broker, on one kind of transport.
// Usage: node socketio_client.mjs ORIGIN SERVICE_TOKEN TRANSPORTS TOKENS
// TRANSPORTS: websocket, polling, or polling,websocket. TOKENS is JSON: alice, bob, expired,
// foreign. alice has the scopes user:read:chat and channel:write.

import assert from "node:assert/strict";
import { io } from "socket.io-client";
import { run } from "./cases.mjs";

const [origin, service, kinds, json] = process.argv.slice(2);
const transports = kinds.split(",");
const tokens = JSON.parse(json);

function open(token, namespace = "", options = {}) {
  const auth = token === undefined ? undefined : { token };
  return io(origin + namespace, { transports, auth, forceNew: true, reconnection: false, ...options });
}

const once = (socket, event) => new Promise((resolve) => socket.once(event, (...args) => resolve(args)));

async function joined(token, namespace) {
  const socket = open(token, namespace);
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return socket;
}

async function refused(token, namespace) {
  const socket = open(token, namespace);
  const [error] = await once(socket, "connect_error");
  assert.equal(socket.active, false, "the client does not try again by itself");
  socket.close();
  return error;
}

async function publish(...publications) {
  const answer = await fetch(`${origin}/publish`, {
    method: "POST",
    headers: { authorization: `Bearer ${service}` },
    body: JSON.stringify(publications),
  });
  assert.equal(answer.status, 200);
}

const toUser = (user, message) => ({ topic: `user:${user}:notification`, event: "notification", message });

/** What comes until the event `last`. */
function heard(socket) {
  const events = [];
  return new Promise((resolve) => {
    socket.onAny((event, ...args) => {
      if (event === "last") return resolve(events);
      events.push([event, ...args]);
    });
  });
}

async function upgraded(socket) {
  const { engine } = socket.io;
  const wanted = transports.at(-1);
  if (engine.transport.name !== wanted) await once(engine, "upgrade");
  assert.equal(engine.transport.name, wanted);
}

await run({
  async "a user's notifications come, in order, to each of their clients and to nobody else"() {
    const [one, two, other] = await Promise.all(["alice", "alice", "bob"].map((user) => joined(tokens[user])));
    const all = [heard(one), heard(two), heard(other)];
    const sent = Array.from({ length: 50 }, (_, n) => ({ n, text: 'é "q" 😀 \u001e' }));
    for (const message of sent.slice(0, 25)) await publish(toUser("alice", message));
    await upgraded(one);
    await publish(...sent.slice(25).map((message) => toUser("alice", message)));
    await publish({ ...toUser("alice", 1), event: "last" }, { ...toUser("bob", 1), event: "last" });
    const wanted = sent.map((message) => ["notification", message]);
    assert.deepEqual(await Promise.all(all), [wanted, wanted, []]);
    for (const socket of [one, two, other]) socket.close();
  },
  async "a bad token is a connect_error with data"() {
    const codes = {};
    for (const [name, token] of Object.entries({ ...tokens, none: undefined, empty: "", garbage: "a.b.c", number: 7 })) {
      if (name === "alice" || name === "bob") continue;
      const error = await refused(token);
      assert(error.message.length > 5, error.message);
      assert.equal(error.data.retryable, false);
      codes[name] = error.data.code;
    }
    assert.deepEqual(codes, {
      expired: "token-expired",
      foreign: "bad-token",
      none: "token-missing",
      empty: "token-missing",
      garbage: "bad-token",
      number: "bad-auth",
    });
  },
  async "namespaces"() {
    const error = await refused(tokens.alice, "/nowhere");
    assert.equal(error.message, "Invalid namespace");
    const [main, chat] = await Promise.all([joined(tokens.alice), joined(tokens.alice, "/chat")]);
    const all = [heard(main), heard(chat)];
    await publish(toUser("alice", { a: 1 }), { ...toUser("alice", 1), event: "last" });
    const wanted = [["notification", { a: 1 }]];
    assert.deepEqual(await Promise.all(all), [wanted, wanted]);
    main.close();
    chat.close();
  },
  async "two namespaces on one connection, one left"() {
    const options = { forceNew: false, multiplex: true };
    const main = open(tokens.alice, "", options);
    const chat = open(tokens.alice, "/chat", options);
    await Promise.all([once(main, "connect"), once(chat, "connect")]);
    assert.equal(main.io, chat.io);
    assert.notEqual(main.id, chat.id);
    main.disconnect();
    const events = heard(chat);
    await publish(toUser("alice", 2), { ...toUser("alice", 1), event: "last" });
    assert.deepEqual(await events, [["notification", 2]]);
    main.connect();
    await once(main, "connect");
    const again = heard(main);
    await publish({ ...toUser("alice", 1), event: "last" });
    assert.deepEqual(await again, []);
    main.close();
    chat.close();
  },
  async "commands are events with acknowledgements"() {
    const socket = await joined(tokens.alice);
    const ask = (event, ...args) => socket.timeout(5_000).emitWithAck(event, ...args);
    assert.deepEqual(await ask("listen", { topics: ["channel:update", "chat:general"] }), { ok: true });
    const message = { title: "hi" };
    const came = once(socket, "message");
    assert.deepEqual(await ask("publish", { topic: "channel:update", message }), { ok: true });
    const [{ id, ...rest }] = await came;
    assert.equal(typeof id, "string");
    assert.deepEqual(rest, { topic: "channel:update", payload: message });
    const updated = once(socket, "updated");
    socket.emit("publish", { topic: "channel:update", message, event: "updated" });
    assert.deepEqual(await updated, [message]);
    assert.deepEqual(await ask("unlisten", { topics: ["channel:update"] }), { ok: true });
    assert.deepEqual(await ask("auth", { auth_token: tokens.alice }), { ok: true });
    const code = async (...args) => {
      const { ok, error } = await ask(...args);
      assert.equal(ok, false);
      assert(error.message.length > 5);
      return error.code;
    };
    assert.equal(await code("listen", { topics: ["user:bob:notification"] }), "denied");
    assert.equal(await code("listen", { topics: ["a b"] }), "bad-topic");
    assert.equal(await code("listen", { topics: [] }), "bad-message");
    assert.equal(await code("listen", "channel:update"), "bad-message");
    assert.equal(await code("listen"), "bad-message");
    assert.equal(await code("listen", { topics: Array.from({ length: 60 }, (_, n) => `channel:${n}`) }), "too-many-topics");
    assert.equal(await code("listen", { topics: ["channel:a"], auth_token: "x" }), "bad-token");
    assert.equal(await code("auth", { auth_token: tokens.expired }), "bad-token");
    assert.equal(await code("publish", { topic: "channel:a", message: Buffer.from("x") }), "binary-unsupported");
    assert.equal(await code("nobody.does", {}), "unknown-method");
    assert.equal(await code("whatever", 1, 2), "unknown-event");
    socket.emit("whatever");
    assert.deepEqual(await ask("unlisten", { topics: ["chat:general"] }), { ok: true }, "and it goes on");
    socket.close();
  },
  async "a client that closes is forgotten"() {
    const socket = await joined(tokens.alice);
    socket.close();
    await publish(toUser("alice", "nobody"));
    const again = await joined(tokens.alice);
    const events = heard(again);
    await publish({ ...toUser("alice", 1), event: "last" });
    assert.deepEqual(await events, []);
    again.close();
  },
});
