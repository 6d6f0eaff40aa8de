import assert from "node:assert/strict";
import { test } from "node:test";
import { broker, client, done, refused, until } from "./broker.mjs";

test("a topic is listened to once, until the last listener leaves", async () => {
  const server = await broker();
  const tidegate = client(server);
  const heard = { one: [], two: [] };
  const one = tidegate.listen(["a", "b"], ({ topic, text }) => heard.one.push(topic + text));
  const two = tidegate.listen("a", ({ topic, text }) => heard.two.push(topic + text));
  await Promise.all([one.ready, two.ready]);
  const peer = await server.peer(0);
  assert.deepEqual(peer.topics().sort(), ["a", "b"]);

  peer.message("a", "1");
  peer.message("b", "2");
  await until("both have heard", () => heard.one.length === 2);
  one.unlisten();
  one.unlisten();
  await peer.gets("UNLISTEN");
  assert.deepEqual(peer.topics("UNLISTEN"), ["b"], "a still has a listener");
  peer.message("a", "3");
  await until("the other hears on", () => heard.two.includes("a3"));
  assert.deepEqual(heard, { one: ["a1", "b2"], two: ["a1", "a3"] });
  two.unlisten();
  await peer.gets("UNLISTEN", 2);
  assert.deepEqual(peer.topics("UNLISTEN"), ["b", "a"]);
});

test("leaving and coming back at once ends up listening", async () => {
  const server = await broker();
  const tidegate = client(server);
  const first = tidegate.listen("a", () => {});
  await first.ready;
  const heard = [];
  first.unlisten();
  const second = tidegate.listen("a", ({ text }) => heard.push(text));
  await second.ready;
  const peer = await server.peer(0);
  const order = peer.frames.map(({ type }) => type);
  assert.deepEqual(order, ["LISTEN", "UNLISTEN", "LISTEN"]);
  peer.message("a", "1");
  await until("it is heard", () => heard.length === 1);
});

test("a refused topic costs no other its listener", async () => {
  const answers = {
    LISTEN: (frame) =>
      frame.data.topics.includes("bad") ? refused(frame, "ERR_BADAUTH", { reason: "not yours" }) : done(frame),
  };
  const server = await broker({ answers });
  const tidegate = client(server);
  const good = tidegate.listen("good", () => {});
  const bad = tidegate.listen(["bad", "other"], () => {});
  await good.ready;
  await assert.rejects(bad.ready, { code: "ERR_BADAUTH", message: "not yours" });
  const peer = await server.peer(0);
  await peer.gets("UNLISTEN");
  assert.deepEqual(peer.topics("UNLISTEN"), ["other"], "all topics of a listener, or none");
});

test("a topic that the server fails at is asked for again, and then told as missed", async () => {
  const server = await broker();
  const tidegate = client(server);
  const missed = [];
  tidegate.on("missed", ({ topics }) => missed.push(topics));
  await tidegate.listen(["a", "b"], () => {}).ready;
  let failures = 2;
  server.answers.LISTEN = (frame) =>
    frame.data.topics.includes("b") && failures-- > 0 ? refused(frame, "ERR_SERVER") : done(frame);
  server.peers[0].socket.terminate();
  const peer = await server.peer(1);
  await until("b is told", () => missed.length > 0);
  assert.deepEqual(missed, [["b"]]);
  assert.equal(peer.socket.readyState, peer.socket.OPEN);
});

test("a publication is a text, and a value where it is one", async () => {
  const server = await broker();
  const tidegate = client(server);
  const heard = [];
  await tidegate.listen("a", (publication) => heard.push(publication)).ready;
  const peer = await server.peer(0);
  peer.send({ type: "MESSAGE", data: { topic: "a", message: '{"x":1}', event: "made", id: "1" } });
  peer.send({ type: "MESSAGE", data: { topic: "a", message: "plain" } });
  await until("both are heard", () => heard.length === 2);
  const { topic, text, json, event, id } = heard[0];
  assert.deepEqual({ topic, text, json, event, id }, { topic: "a", text: '{"x":1}', json: { x: 1 }, event: "made", id: "1" });
  assert.deepEqual([heard[1].text, heard[1].event, heard[1].id], ["plain", null, null]);
  assert.throws(() => heard[1].json, SyntaxError);
});

test("an id is heard once within the window", async () => {
  const server = await broker();
  const tidegate = client(server, { seen_ids: 2 });
  const heard = [];
  await tidegate.listen("a", ({ id }) => heard.push(id)).ready;
  const peer = await server.peer(0);
  for (const id of ["1", "1", "2", "1", "3", "2", "end"]) peer.message("a", id);
  await until("all are in", () => heard.includes("end"));
  assert.deepEqual(heard, ["1", "2", "3", "2", "end"], "2 had left the window");
});

test("MISSED is told, for all topics if it names none", async () => {
  const server = await broker();
  const tidegate = client(server);
  const missed = [];
  tidegate.on("missed", (gap) => missed.push(gap));
  await tidegate.listen(["a", "b"], () => {}).ready;
  const peer = await server.peer(0);
  peer.send({ type: "WELCOME", data: { session_id: "s", keepalive_seconds: 25 } });
  peer.send({ type: "MISSED", data: { topics: ["a"], reason: "slow consumer" } });
  peer.send({ type: "MISSED", data: { topics: null, reason: "the bus was away" } });
  await until("both are told", () => missed.length === 2);
  assert.deepEqual(missed, [
    { topics: ["a"], reason: "slow consumer" },
    { topics: ["a", "b"], reason: "the bus was away" },
  ]);
});

test("a listener that throws is its own affair", async (t) => {
  const server = await broker();
  const tidegate = client(server);
  const [reported, heard] = [[], []];
  // As in a browser; Node has it as an uncaught exception.
  globalThis.reportError = ({ message }) => reported.push(message);
  t.after(() => delete globalThis.reportError);
  const fail = () => {
    throw new Error("mine");
  };
  await tidegate.listen("a", fail).ready;
  await tidegate.listen("a", ({ id }) => heard.push(id)).ready;
  server.peers[0].message("a", "1");
  await until("the other hears", () => heard.length === 1);
  assert.deepEqual(reported, ["mine"]);
});
