import assert from "node:assert/strict";
import { test } from "node:test";
import { broker, client, done, until } from "./broker.mjs";

test("a lost connection is made anew, topics and all, and told with its gap", async () => {
  const server = await broker();
  const tidegate = client(server, { token: "t" });
  const [heard, gaps] = [[], []];
  tidegate.on("resume", (gap) => gaps.push(gap));
  await tidegate.listen(["a", "b"], ({ id }) => heard.push(id)).ready;
  server.isUp = false;
  server.peers[0].socket.terminate();
  await tidegate.becomes("waiting");
  assert(tidegate.status.in_ms > 0);
  server.isUp = true;
  await tidegate.becomes("open");
  const peer = await server.peer(1);
  assert.deepEqual(peer.ofType("AUTH")[0].data, { auth_token: "t" });
  assert.deepEqual(peer.topics(), ["a", "b"]);
  assert.deepEqual(gaps, [{ topics: ["a", "b"], reason: "reconnected" }]);
  peer.message("b", "1");
  await until("it is heard", () => heard.length === 1);
});

test("pauses grow, and retryNow cuts one short", async () => {
  const server = await broker();
  server.isUp = false;
  const tidegate = client(server, { backoff: { min_ms: 50, max_ms: 3_600_000 } });
  const pauses = [];
  tidegate.on("status", ({ state, in_ms }) => {
    if (state !== "waiting") return;
    pauses.push(in_ms);
    tidegate.retryNow();
  });
  const connected = tidegate.connect();
  await until("ten have failed", () => pauses.length >= 10);
  pauses.slice(0, 10).forEach((pause, at) => {
    assert(pause >= 25 * 2 ** at && pause <= 50 * 2 ** at, `pause ${at} is ${pause}`);
  });
  server.isUp = true;
  await connected;
});

for (const code of [1002, 1003, 1007, 1009, 4008]) {
  test(`${code} says not to come back`, async () => {
    const server = await broker();
    const tidegate = client(server);
    await tidegate.connect();
    server.peers[0].socket.close(code, "because");
    await tidegate.becomes("closed");
    assert.match(tidegate.status.error.message, new RegExp(`${code} because`));
    await assert.rejects(tidegate.call("x"), { code: "closed-by-server" });
    assert.equal(server.peers.length, 1);
  });
}

test("4003 with nothing to listen to is no reason to come back before there is one", async () => {
  const server = await broker();
  const tidegate = client(server);
  await tidegate.connect();
  server.peers[0].socket.close(4003);
  await tidegate.becomes("idle");
  await tidegate.listen("a", () => {}).ready;
  server.peers[1].socket.close(4003);
  await (await server.peer(2)).gets("LISTEN");
});

test("RECONNECT: the next connection listens before the old one goes; nothing lost, nothing twice", async () => {
  const server = await broker();
  const tidegate = client(server, { linger_ms: 60 });
  const [heard, gaps] = [[], []];
  tidegate.on("resume", (gap) => gaps.push(gap));
  await tidegate.listen("a", ({ id }) => heard.push(id)).ready;
  const old = server.peers[0];
  // The answer to LISTEN on the next connection is held back: the old one still brings everything.
  let listening;
  server.answers.LISTEN = (frame) => void (listening = frame);
  old.send({ type: "RECONNECT" });
  const next = await server.peer(1);
  await next.gets("LISTEN");
  old.message("a", "1");
  await until("the old one is heard", () => heard.length === 1);
  next.send(done(listening));
  next.message("a", "2");
  await until("the next one is heard", () => heard.length === 2);
  old.message("a", "2");
  old.message("a", "3");
  next.message("a", "3");
  next.message("a", "4");
  await until("the old one is closed", () => old.socket.readyState === old.socket.CLOSED);
  await until("all are heard", () => heard.includes("4"));
  assert.deepEqual(heard, ["1", "2", "3", "4"]);
  assert.deepEqual(tidegate.statuses.filter((state) => state !== "open"), ["connecting"]);
  assert.deepEqual(gaps, []);
});

test("RECONNECT with nobody to go to: the old connection serves until it ends", async () => {
  const server = await broker({ answers: { CALL: (frame) => done(frame, "old") } });
  const tidegate = client(server);
  const gaps = [];
  tidegate.on("resume", (gap) => gaps.push(gap));
  await tidegate.listen("a", () => {}).ready;
  server.isUp = false;
  server.peers[0].send({ type: "RECONNECT" });
  assert.equal(await tidegate.call("x"), "old");
  server.peers[0].socket.close(1001);
  await until("it is told", () => tidegate.statuses.at(-1) !== "open");
  server.isUp = true;
  await tidegate.becomes("open");
  assert.equal(gaps.length, 1);
});

test("a call under way when the server says RECONNECT is answered on the old connection", async () => {
  const asked = [];
  const server = await broker({ answers: { CALL: (frame) => void asked.push(frame) } });
  const tidegate = client(server);
  await tidegate.connect();
  const answer = tidegate.call("slow");
  const old = server.peers[0];
  await old.gets("CALL");
  old.send({ type: "RECONNECT" });
  await server.peer(1);
  old.send(done(asked[0], "at last"));
  assert.equal(await answer, "at last");
});

test("a server that asks to leave again and again is not hammered", async () => {
  const server = await broker();
  server.answers.LISTEN = (frame, peer) => {
    setImmediate(() => peer.send({ type: "RECONNECT" }));
    return done(frame);
  };
  const tidegate = client(server, { stable_ms: 60_000, backoff: { min_ms: 20, max_ms: 3_600_000 } });
  await tidegate.listen("a", () => {}).ready;
  const begin = Date.now();
  await server.peer(5);
  assert(Date.now() - begin >= 10 + 20 + 40 + 80, "each pause is longer");
});

test("silence is found out", async () => {
  const server = await broker({ answers: { PING: () => null } });
  const tidegate = client(server, { ping_ms: 30, pong_ms: 30 });
  const { ready } = tidegate.listen("a", () => {});
  await ready;
  await (await server.peer(0)).gets("PING");
  const next = await server.peer(1);
  next.answers.PING = () => ({ type: "PONG" });
  await next.gets("PING", 3);
  assert.equal(next.socket.readyState, next.socket.OPEN, "who answers stays");
});

test("a connection that does not open in time is given up", async () => {
  const server = await broker();
  server.isUp = false;
  let tried = 0;
  class Never extends EventTarget {
    constructor() {
      super();
      tried += 1;
    }
    close() {}
  }
  client(server, { WebSocket: Never, connect_ms: 20 }).connect().catch(() => {});
  await until("it has tried again", () => tried >= 3);
});
