import assert from "node:assert/strict";
import { test } from "node:test";
import { TidegateError } from "../src/index.mjs";
import { broker, client, done, refused, until } from "./broker.mjs";

/** Tokens `1`, `2`, … that live so many seconds. */
function minted(expires_in = 3600) {
  let count = 0;
  return () => [200, { token: String((count += 1)), expires_in }];
}

const shown = (peer) => peer.ofType("AUTH").map(({ data }) => data.auth_token);

test("/auth/ws gives the token, which is shown again until it nears its end", async () => {
  const asked = [];
  const give = minted();
  const token = (request) => {
    asked.push([request.url, request.headers.cookie]);
    return give();
  };
  const server = await broker({ token });
  const headers = { cookie: "connect.sid=x" };
  const tidegate = client(server, { token: { endpoint: "/auth/ws", headers } });
  await tidegate.connect();
  server.peers[0].socket.terminate();
  await tidegate.becomes("waiting");
  await tidegate.becomes("open");
  assert.deepEqual(server.peers.map(shown), [["1"], ["1"]]);
  assert.deepEqual(asked, [["/auth/ws", "connect.sid=x"]]);
});

test("a token is replaced on the open connection before it ends", async () => {
  const server = await broker({ token: minted(0.1) });
  const tidegate = client(server, { token: { endpoint: "/auth/ws" } });
  await tidegate.connect();
  await server.peers[0].gets("AUTH", 3);
  assert.deepEqual(shown(server.peers[0]).slice(0, 3), ["1", "2", "3"]);
  assert.deepEqual(tidegate.statuses, ["connecting", "open"]);
});

test("a JWT says itself when it ends", async () => {
  let count = 0;
  const jwt = () => {
    const payload = { exp: Date.now() / 1000 + 0.1, n: (count += 1) };
    return `e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.sig`;
  };
  const server = await broker();
  await client(server, { token: jwt }).connect();
  await server.peers[0].gets("AUTH", 3);
});

test("a token that does not come is asked for again", async () => {
  let asked = 0;
  const token = () => ((asked += 1) === 1 ? new Promise(() => {}) : "good");
  const server = await broker();
  const tidegate = client(server, { token, connect_ms: 100 });
  await tidegate.connect();
  assert.deepEqual(tidegate.statuses, ["connecting", "waiting", "connecting", "open"]);
  assert.deepEqual(shown(server.peers[0]), ["good"]);
});

test("no session: unauthenticated, which is the end", async () => {
  const server = await broker();
  const tidegate = client(server, { token: { endpoint: "/auth/ws" } });
  await assert.rejects(tidegate.connect(), { code: "unauthenticated", message: "no session" });
  assert.deepEqual(tidegate.statuses, ["connecting", "unauthenticated"]);
  await assert.rejects(tidegate.call("x"), { code: "unauthenticated" });
  assert.equal(server.peers.length, 0);
});

test("sessions that cannot be read now are asked for again", async () => {
  const replies = [[503, { error: "unavailable" }], [502, "no object"], [429, {}], [200, { token: "t", expires_in: 60 }]];
  const server = await broker({ token: () => replies.shift() });
  await client(server, { token: { endpoint: "/auth/ws" } }).connect();
  assert.deepEqual(shown(server.peers[0]), ["t"]);
});

test("a function's failure is tried again unless it says that this is of no use", async () => {
  const server = await broker();
  let failures = 2;
  const token = () => {
    if (failures-- > 0) throw new Error("not yet");
    return { token: "t" };
  };
  await client(server, { token }).connect();
  const never = () => Promise.reject(new TidegateError("logged-out", "gone"));
  const other = client(server, { token: never });
  await assert.rejects(other.connect(), { code: "logged-out" });
  assert.equal(other.status.state, "unauthenticated");
});

test("a token that is refused is replaced once", async () => {
  const answers = { AUTH: (frame) => (frame.data.auth_token === "2" ? done(frame) : refused(frame, "ERR_BADAUTH")) };
  const server = await broker({ answers, token: minted() });
  await client(server, { token: { endpoint: "/auth/ws" } }).connect();
  assert.deepEqual(shown(server.peers[0]), ["1", "2"]);
  server.answers.AUTH = (frame) => refused(frame, "ERR_BADAUTH", { reason: "blocked" });
  const other = client(server, { token: { endpoint: "/auth/ws" } });
  await assert.rejects(other.connect(), { code: "unauthenticated", message: "blocked" });
  const fixed = client(server, { token: "fixed" });
  await assert.rejects(fixed.connect(), { code: "unauthenticated" });
});

test("AUTH_REVOKED: another token, the topics again, and the gap is told", async () => {
  const server = await broker({ token: minted() });
  const tidegate = client(server, { token: { endpoint: "/auth/ws" } });
  const missed = [];
  tidegate.on("missed", ({ topics }) => missed.push(topics));
  await tidegate.listen(["a", "b"], () => {}).ready;
  const peer = server.peers[0];
  peer.send({ type: "AUTH_REVOKED", data: { topics: ["b"] } });
  await until("it is told", () => missed.length === 1);
  assert.deepEqual(missed, [["b"]]);
  assert.deepEqual(shown(peer), ["1", "2"]);
  assert.deepEqual(peer.topics(), ["a", "b", "b"]);
});

test("AUTH_REVOKED after a logout: unauthenticated", async () => {
  const give = minted();
  let isLoggedIn = true;
  const server = await broker({ token: () => (isLoggedIn ? give() : [401, { message: "logged out" }]) });
  const tidegate = client(server, { token: { endpoint: "/auth/ws" } });
  await tidegate.listen("a", () => {}).ready;
  isLoggedIn = false;
  server.peers[0].send({ type: "AUTH_REVOKED", data: { topics: ["a"] } });
  await tidegate.becomes("unauthenticated");
  await server.isLeft();
});

test("AUTH_REVOKED because the rules changed: the topic is refused, the others stay", async () => {
  const server = await broker({ token: minted() });
  const tidegate = client(server, { token: { endpoint: "/auth/ws" } });
  const told = [];
  tidegate.on("refused", ({ topics, error }) => told.push([topics, error.message]));
  const heard = [];
  await tidegate.listen(["a", "b"], ({ id }) => heard.push(id)).ready;
  const peer = server.peers[0];
  peer.answers.LISTEN = (frame) => refused(frame, "ERR_BADAUTH", { reason: "not any more" });
  peer.send({ type: "AUTH_REVOKED", data: { topics: ["b"] } });
  await until("it is told", () => told.length === 1);
  assert.deepEqual(told, [[["b"], "not any more"]]);
  peer.message("a", "1");
  await until("a is heard", () => heard.length === 1);
});

test("AUTH_REVOKED of a token that cannot be replaced: the topics are refused", async () => {
  const server = await broker();
  const tidegate = client(server, { token: "fixed" });
  const told = [];
  tidegate.on("refused", ({ topics }) => told.push(...topics));
  await tidegate.listen(["a", "b"], () => {}).ready;
  server.peers[0].send({ type: "AUTH_REVOKED", data: { topics: ["a", "b"] } });
  await until("it is told", () => told.length === 2);
  await tidegate.listen("c", () => {}).ready;
});

test("a call that comes with an ended token is made again with another", async () => {
  const server = await broker({ token: minted() });
  const tidegate = client(server, { token: { endpoint: "/auth/ws" } });
  await tidegate.connect();
  const peer = server.peers[0];
  peer.answers.CALL = (frame) =>
    peer.ofType("AUTH").length < 2 ? refused(frame, "ERR_BADAUTH", { reason: "expired" }) : done(frame, "yes");
  assert.deepEqual(await Promise.all([tidegate.call("x"), tidegate.call("y")]), ["yes", "yes"]);
  peer.answers.CALL = (frame) => refused(frame, "ERR_BADAUTH", { reason: "never" });
  await assert.rejects(tidegate.call("z"), { code: "ERR_BADAUTH", message: "never" });
});
