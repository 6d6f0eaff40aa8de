// Every case of the Socket.IO v5 conformance suite's own half, and what other servers got wrong.
// Usage: node socketio_cases.mjs ORIGIN   (a socketio_echo with its default timers)

import assert from "node:assert/strict";
import { Endpoint, run, sleep } from "./cases.mjs";

const server = new Endpoint(process.argv[2], "/socket.io/");
const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;

async function connected(socket, namespace = "", payload = "", auth = payload || "{}") {
  const prefix = namespace && `${namespace},`;
  socket.send(`40${prefix}${payload}`);
  const answer = await socket.message();
  assert(answer.startsWith(`40${prefix}{`), answer);
  const { sid, ...rest } = JSON.parse(answer.slice(2 + prefix.length));
  assert.equal(typeof sid, "string");
  assert.deepEqual(rest, {});
  assert.equal(await socket.message(), `42${prefix}["auth",${auth}]`);
  return sid;
}

async function joined() {
  const socket = await server.opened();
  await connected(socket);
  return socket;
}

async function closes(...messages) {
  const socket = await joined();
  for (const message of messages) socket.send(message);
  await socket.closed;
}

await run({
  async "connect: main"() {
    await connected(await server.opened());
  },
  async "connect: main with a payload"() {
    await connected(await server.opened(), "", '{"token":"123"}');
  },
  async "connect: custom"() {
    await connected(await server.opened(), "/custom");
  },
  async "connect: custom with a payload"() {
    await connected(await server.opened(), "/custom", '{"token":"abc"}');
  },
  async "connect: the comma may be missing"() {
    const socket = await server.opened();
    socket.send("40/custom");
    assert((await socket.message()).startsWith("40/custom,{"));
  },
  async "connect: its sid is not the connection's"() {
    const socket = server.socket();
    const { sid } = JSON.parse((await socket.next()).slice(1));
    assert.notEqual(await connected(socket), sid);
  },
  async "connect: unknown namespace, and the connection stays"() {
    const socket = await server.opened();
    socket.send("40/random");
    assert.equal(await socket.next(), '44/random,{"message":"Invalid namespace"}');
    await connected(socket);
  },
  async "connect: invalid handshake"() {
    const socket = await server.opened();
    socket.send("4abc");
    await socket.closed;
  },
  async "connect: no handshake"() {
    const socket = await server.opened();
    const answering = (async () => {
      for (;;) await socket.message();
    })();
    const begun = performance.now();
    await Promise.race([socket.closed, answering]);
    const took = performance.now() - begun;
    assert(took > 900 && took < 2_000, `${took} ms`);
  },
  async "connect: the first packet is another, twice, or its payload no object"() {
    for (const first of ['42["message"]', "41", '430["x"]', "40[]", "40null", '40"x"', "401"]) {
      const socket = await server.opened();
      socket.send(`4${first.slice(1)}`);
      await socket.closed;
    }
    await closes("40");
    await closes('42/custom,["message"]');
  },
  async "disconnect: main, and the connection stays"() {
    const socket = await joined();
    socket.send("41");
    assert.equal(await socket.next(), "2");
    socket.send("3");
    await connected(socket);
  },
  async "disconnect: custom, and main goes on"() {
    const socket = await joined();
    await connected(socket, "/custom");
    socket.send("41/custom");
    socket.send('42["message","message to main namespace"]');
    assert.equal(await socket.message(), '42["message-back","message to main namespace"]');
  },
  async "disconnect: an event after it closes the connection"() {
    await closes("41", '42["message"]');
  },
  async "message: text"() {
    const socket = await joined();
    socket.send('42["message",1,"2",{"3":[true]}]');
    assert.equal(await socket.message(), '42["message-back",1,"2",{"3":[true]}]');
  },
  async "message: binary"() {
    const socket = await joined();
    socket.send(`452-["message",${placeholder(0)},${placeholder(1)}]`);
    socket.send(Buffer.from([1, 2, 3]));
    socket.send(Buffer.from([4, 5, 6]));
    assert.equal(await socket.message(), `452-["message-back",${placeholder(0)},${placeholder(1)}]`);
    assert.deepEqual([...(await socket.next())], [1, 2, 3]);
    assert.deepEqual([...(await socket.next())], [4, 5, 6]);
  },
  async "message: text with ack"() {
    const socket = await joined();
    socket.send('42456["message-with-ack",1,"2",{"3":[false]}]');
    assert.equal(await socket.message(), '43456[1,"2",{"3":[false]}]');
  },
  async "message: binary with ack"() {
    const socket = await joined();
    socket.send(`452-789["message-with-ack",${placeholder(0)},${placeholder(1)}]`);
    socket.send(Buffer.from([1, 2, 3]));
    socket.send(Buffer.from([4, 5, 6]));
    assert.equal(await socket.message(), `462-789[${placeholder(0)},${placeholder(1)}]`);
    assert.deepEqual([...(await socket.next())], [1, 2, 3]);
    assert.deepEqual([...(await socket.next())], [4, 5, 6]);
  },
  async "message: the server asks for an ack, text and binary"() {
    const socket = await joined();
    socket.send('42["emit-with-ack","x"]');
    assert.equal(await socket.message(), '421["emit-with-ack","x"]');
    socket.send(`461-1[${placeholder(0)}]`);
    socket.send(Buffer.from([7]));
    assert.equal(await socket.message(), `451-["emit-with-ack",${placeholder(0)}]`);
    assert.deepEqual([...(await socket.next())], [7]);
    socket.send("4399[1]");
    socket.send('42["message",1]');
    assert.equal(await socket.message(), '42["message-back",1]', "an ack that nobody asked for is nothing");
  },
  async "message: unknown packet type"() {
    await closes("4abc");
    await closes("48");
  },
  async "message: invalid payload"() {
    await closes("42{}");
    await closes("42[]");
    await closes("42[1");
    await closes('42["message",]');
    await closes('42["disconnect"]');
  },
  async "message: invalid ack id"() {
    await closes('42abc["message-with-ack",1,"2",{"3":[false]}]');
  },
  // Limits that other parsers lack.
  async "binary: text in between, binary that none announced, too many attachments"() {
    await closes(`451-["message",${placeholder(0)}]`, '42["message"]');
    await closes(Buffer.from([1]));
    const eleven = Array.from({ length: 11 }, (_, num) => placeholder(num)).join(",");
    await closes(`4511-["message",${eleven}]`);
    await closes(`451-["message"]`);
  },
  // socketioxide #232
  async "binary: attachments follow their packet at once, under load, over both transports"() {
    const socket = await joined();
    const rounds = 200;
    for (let at = 0; at < rounds; at += 1) {
      socket.send(`451-["message",${at},${placeholder(0)}]`);
      socket.send(Buffer.from([at]));
      socket.send(`42["message",${at}]`);
    }
    for (let at = 0; at < rounds; at += 1) {
      assert.equal(await socket.message(), `451-["message-back",${at},${placeholder(0)}]`);
      assert.deepEqual([...(await socket.next())], [at]);
      assert.equal(await socket.message(), `42["message-back",${at}]`);
    }
    const sid = await server.handshake();
    await server.post(sid, "40");
    await sleep(30);
    await server.get(sid);
    const packet = `451-["message",${placeholder(0)}]\x1ebAQID`;
    await server.post(sid, `${packet}\x1e${packet}`);
    const back = `451-["message-back",${placeholder(0)}]\x1ebAQID`;
    assert.equal(await (await server.get(sid)).text(), `${back}\x1e${back}`);
  },
});
