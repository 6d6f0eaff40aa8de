import assert from "node:assert/strict";
import { test } from "node:test";
import { broker, client, done, refused } from "./broker.mjs";

const fails = (promise, code, retryable) =>
  assert.rejects(promise, (error) => {
    assert.deepEqual([error.name, error.code, error.retryable], ["TidegateError", code, retryable]);
    return true;
  });

test("connects when first used, by the extended protocol, with the token first", async () => {
  const server = await broker();
  const tidegate = client(server, { token: "secret" });
  assert.deepEqual([tidegate.status.state, server.peers.length], ["idle", 0]);
  const heard = [];
  const { ready } = tidegate.listen("a:b", ({ text }) => heard.push(text));
  await ready;
  const peer = await server.peer(0);
  assert.equal(peer.path, "/ws?v=1");
  assert.deepEqual(
    peer.frames.map(({ type, data }) => [type, data]),
    [
      ["AUTH", { auth_token: "secret" }],
      ["LISTEN", { topics: ["a:b"] }],
    ],
  );
  await tidegate.connect();
  assert.deepEqual(tidegate.statuses, ["connecting", "open"]);
});

test("a call is answered with its data, each with its own", async () => {
  const answers = { CALL: (frame) => done(frame, { got: frame.data }) };
  const tidegate = client(await broker({ answers }));
  const [one, two] = await Promise.all([tidegate.call("chat.one", { n: 1 }), tidegate.call("chat.two")]);
  assert.deepEqual(one, { got: { method: "chat.one", params: { n: 1 } } });
  assert.deepEqual(two, { got: { method: "chat.two", params: null } });
});

test("a publication carries topic, message and event", async () => {
  const server = await broker();
  const tidegate = client(server);
  await tidegate.publish("a:b", { title: "hi" }, { event: "updated" });
  const { data } = await (await server.peer(0)).gets("PUBLISH");
  assert.deepEqual(data, { topic: "a:b", message: { title: "hi" }, event: "updated" });
});

test("a plugin's code stays, the protocol's is used where there is none", async () => {
  const kinds = {
    "name-taken": (f) => refused(f, "ERR_CALL", { code: "name-taken", message: "taken", retryable: false }),
    overloaded: (f) => refused(f, "ERR_CALL", { code: "overloaded", message: "later", retryable: true }),
    ERR_SERVER: (f) => refused(f, "ERR_SERVER", { reason: "away" }),
    ERR_BADAUTH: (f) => refused(f, "ERR_BADAUTH", { reason: "no" }),
  };
  const answers = { CALL: (frame) => kinds[frame.data.method](frame) };
  const tidegate = client(await broker({ answers }));
  await fails(tidegate.call("name-taken"), "name-taken", false);
  await fails(tidegate.call("overloaded"), "overloaded", true);
  await fails(tidegate.call("ERR_SERVER"), "ERR_SERVER", true);
  await fails(tidegate.call("ERR_BADAUTH"), "ERR_BADAUTH", false);
  await assert.rejects(tidegate.call("ERR_SERVER"), { message: "away" });
});

test("without an answer in time a request fails, and a late one does no harm", async () => {
  const late = [];
  const server = await broker({ answers: { CALL: (frame) => void late.push(frame) } });
  const tidegate = client(server);
  await fails(tidegate.call("slow", {}, { timeout_ms: 30 }), "timeout", true);
  const peer = await server.peer(0);
  peer.send(done(late[0], "too late"));
  peer.answers.CALL = (frame) => done(frame, "in time");
  assert.equal(await tidegate.call("next"), "in time");
});

test("a request that waits for a connection in vain fails, and too many fail at once", async () => {
  const server = await broker();
  server.isUp = false;
  const tidegate = client(server, { requests_max: 2 });
  const waiting = [tidegate.call("a", {}, { timeout_ms: 60 }), tidegate.call("b", {}, { timeout_ms: 60 })];
  const failing = waiting.map((call) => fails(call, "timeout", true));
  await fails(tidegate.call("c"), "overloaded", true);
  await Promise.all(failing);
});

test("what the broker would close the connection for is not sent", async () => {
  const server = await broker();
  const tidegate = client(server);
  await fails(tidegate.publish("a:b", "é".repeat(33_000)), "too-large", false);
  await tidegate.publish("a:b", "small");
  assert.equal(server.peers.length, 1);
});

test("what is under way when the connection is lost fails as closed", async () => {
  const server = await broker({ answers: { CALL: (_, peer) => void peer.socket.terminate() } });
  const tidegate = client(server);
  await fails(tidegate.call("cut"), "closed", true);
});

test("after close() nothing more happens", async () => {
  const server = await broker();
  const tidegate = client(server);
  await tidegate.connect();
  const waiting = tidegate.call("x");
  tidegate.close();
  await fails(waiting, "closed", true);
  await fails(tidegate.call("y"), "closed", true);
  await fails(tidegate.listen("a", () => {}).ready, "closed", true);
  await server.isLeft();
  assert.deepEqual(tidegate.statuses, ["connecting", "open", "closed"]);
  assert.equal(server.peers.length, 1);
});

test("a frame that is no JSON object ends the connection, not the client", async () => {
  const server = await broker();
  const tidegate = client(server);
  await tidegate.connect();
  for (const frame of ["{", "7", "null"]) {
    const before = server.peers.length;
    server.peers.at(-1).socket.send(frame);
    await server.peer(before);
    await tidegate.becomes("open");
  }
  await tidegate.call("still");
});
