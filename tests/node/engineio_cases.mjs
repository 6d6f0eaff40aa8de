// Every case that the Engine.IO v4 conformance suite knows, and what other servers got wrong.
// Usage: node engineio_cases.mjs ORIGIN PATH [echo]
// The server: ping interval 300 ms, ping timeout 200 ms, payload up to 1,000,000 bytes, upgrade
// timeout 600 ms. With `echo` it returns every message.

import assert from "node:assert/strict";
import net from "node:net";
import { Endpoint, run, sleep } from "./cases.mjs";

const [origin, path, echo] = process.argv.slice(2);
const server = new Endpoint(origin, path);
const OPEN = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];

function checkOpen(text, upgrades) {
  assert.equal(text[0], "0");
  const open = JSON.parse(text.slice(1));
  assert.deepEqual(Object.keys(open).sort(), OPEN);
  assert.equal(typeof open.sid, "string");
  const { pingInterval, pingTimeout, maxPayload } = open;
  assert.deepEqual([pingInterval, pingTimeout, maxPayload], [300, 200, 1_000_000]);
  assert.deepEqual(open.upgrades, upgrades);
}

async function refusedSocket(query, message) {
  const refused = await server.socket(query).refused;
  assert.equal(refused.status, 400);
  assert.equal(refused.body, message);
  assert.match(refused.headers["content-type"], /^text\/html/);
  assert.equal(refused.headers.connection, "close");
}

const ended = async (sid) => assert.equal((await server.get(sid)).status, 400);

async function posted(sid, body) {
  const answer = await server.post(sid, body);
  assert.deepEqual([answer.status, await answer.text()], [200, "ok"]);
}

async function polled(sid, wanted) {
  const answer = await server.get(sid);
  assert.deepEqual([answer.status, await answer.text()], [200, wanted]);
}

const both = {
  async "handshake polling: opens"() {
    const answer = await server.request("EIO=4&transport=polling");
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type"), /^text\/plain; charset=UTF-8$/i);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("set-cookie"), null);
    checkOpen(await answer.text(), ["websocket"]);
  },
  async "handshake polling: bad EIO"() {
    await server.refused("transport=polling", 400, 5);
    await server.refused("EIO=abc&transport=polling", 400, 5);
  },
  async "handshake polling: bad transport"() {
    await server.refused("EIO=4", 400, 0);
    await server.refused("EIO=4&transport=abc", 400, 0);
  },
  async "handshake polling: bad method"() {
    await server.refused("EIO=4&transport=polling", 400, 2, { method: "POST" });
    await server.refused("EIO=4&transport=polling", 400, 2, { method: "PUT" });
  },
  async "handshake: unknown session, foreign node, no upgrade"() {
    await server.refused("EIO=4&transport=polling&sid=abc", 400, 1);
    await server.refused("EIO=4&transport=polling&sid=other.0.AAAAAAAAAAAAAAAAAAAA", 400, 1);
    await server.refused("EIO=4&transport=websocket", 400, 3);
  },
  async "handshake websocket: opens"() {
    const socket = server.socket();
    checkOpen(await socket.next(), []);
    socket.raw.close();
  },
  async "handshake websocket: bad EIO"() {
    await refusedSocket("transport=websocket", "Unsupported protocol version");
    await refusedSocket("EIO=abc&transport=websocket", "Unsupported protocol version");
  },
  async "handshake websocket: bad transport"() {
    await refusedSocket("EIO=4", "Transport unknown");
    await refusedSocket("EIO=4&transport=abc", "Transport unknown");
    await refusedSocket("EIO=4&transport=websocket&sid=abc", "Session ID unknown");
  },
  async "heartbeat polling: three rounds"() {
    const sid = await server.handshake();
    for (let round = 0; round < 3; round += 1) {
      await polled(sid, "2");
      assert.equal((await server.post(sid, "3")).status, 200);
    }
  },
  async "heartbeat polling: timeout"() {
    const sid = await server.handshake();
    await sleep(500);
    await ended(sid);
  },
  async "heartbeat websocket: three rounds, one ping each"() {
    const socket = await server.opened();
    const times = [performance.now()];
    for (let round = 0; round < 3; round += 1) {
      assert.equal(await socket.next(), "2");
      times.push(performance.now());
      socket.send("3");
    }
    for (let at = 1; at < times.length; at += 1) {
      assert(times[at] - times[at - 1] > 250, `pings at ${times}`);
    }
    socket.raw.close();
  },
  async "heartbeat websocket: timeout"() {
    const socket = await server.opened();
    await socket.closed;
  },
  async "close polling"() {
    const sid = await server.handshake();
    const poll = server.get(sid);
    await sleep(20);
    await posted(sid, "1");
    const answer = await poll;
    assert.deepEqual([answer.status, await answer.text()], [200, "6"]);
    await ended(sid);
  },
  async "close websocket"() {
    const socket = await server.opened();
    socket.send("1");
    await socket.closed;
  },
  async "upgrade: requests with the same sid are refused after it"() {
    const sid = await server.handshake();
    const socket = await server.upgraded(sid);
    await sleep(20);
    await server.refused(`EIO=4&transport=polling&sid=${sid}`, 400, 3);
    await server.refused(`EIO=4&transport=polling&sid=${sid}`, 400, 3, { method: "POST", body: "3" });
    assert.equal(await socket.next(), "2", "and the session goes on");
    socket.raw.close();
  },
  async "upgrade: a second WebSocket with the same sid is closed, the first goes on"() {
    const sid = await server.handshake();
    const socket = await server.upgraded(sid);
    const second = server.upgrade(sid);
    await second.closed;
    assert.equal(await socket.next(), "2");
    socket.raw.close();
  },
  async "upgrade: a second WebSocket during it is closed, the first goes on"() {
    const sid = await server.handshake();
    const first = server.upgrade(sid);
    await first.open;
    first.send("2probe");
    assert.equal(await first.next(), "3probe");
    const second = server.upgrade(sid);
    await second.closed;
    first.send("5");
    assert.equal(await first.next(), "2");
    first.raw.close();
  },
  // socketioxide #479, #497: stuck when the client polled again after the probe.
  async "upgrade: every GET is answered by a noop until it is done"() {
    const sid = await server.handshake();
    const socket = server.upgrade(sid);
    await socket.open;
    const before = server.get(sid);
    await sleep(10);
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    assert.equal(await (await before).text(), "6");
    await polled(sid, "6");
    await polled(sid, "6");
    socket.send("5");
    assert.equal(await socket.next(), "2");
    socket.raw.close();
  },
  async "upgrade: anything but a probe closes the candidate only"() {
    for (const word of ["4hello", "5", "2", "3probe", "", "2probe2"]) {
      const sid = await server.handshake();
      const candidate = server.upgrade(sid);
      await candidate.open;
      candidate.send(word);
      await candidate.closed;
      await polled(sid, "2");
    }
  },
  // socketioxide #731
  async "upgrade: one that is never finished is given up, polling goes on"() {
    const sid = await server.handshake();
    const candidate = server.upgrade(sid);
    await candidate.open;
    const begun = performance.now();
    candidate.closed.then(() => (candidate.took = performance.now() - begun));
    while (!candidate.took) {
      const text = await (await server.get(sid)).text();
      if (text === "2") await posted(sid, "3");
    }
    assert(candidate.took > 400 && candidate.took < 1_500, `${candidate.took} ms`);
    const again = await server.upgraded(sid);
    assert.equal(await again.next(), "2");
    again.raw.close();
  },
  async "upgrade: the session outlives a candidate that hangs up"() {
    const sid = await server.handshake();
    const candidate = server.upgrade(sid);
    await candidate.open;
    candidate.send("2probe");
    assert.equal(await candidate.next(), "3probe");
    candidate.raw.terminate();
    await candidate.closed;
    for (;;) {
      const text = await (await server.get(sid)).text();
      if (text === "2") break;
      assert.equal(text, "6", "while the hang-up was not seen");
    }
  },
  async "the client's side of a heartbeat is a pong, nothing else"() {
    for (const word of ["2", "2probe", "2xyz", "3xyz", "1xyz", "5", "6", "0{}", "", "7", "b*"]) {
      const socket = await server.opened();
      socket.send(word);
      await socket.closed;
      const sid = await server.handshake();
      assert.equal((await server.post(sid, word)).status, 400, word);
      await ended(sid);
    }
  },
  async "a POST of a binary type ends the session"() {
    const sid = await server.handshake();
    const headers = { "content-type": "application/octet-stream" };
    const answer = await server.post(sid, Buffer.from("3"), headers);
    assert.equal(answer.status, 400);
    await ended(sid);
  },
  async "a body above the limit is refused, announced or not"() {
    const sid = await server.handshake();
    const big = "4" + "x".repeat(1_000_000);
    assert.equal((await server.post(sid, big)).status, 413);
    const stream = new Blob([big]).stream();
    const unannounced = server.get(sid, { method: "POST", body: stream, duplex: "half" });
    assert.equal((await unannounced).status, 413);
    await polled(sid, "2");
  },
  async "a message above the limit closes the WebSocket"() {
    const socket = await server.opened();
    socket.send("4" + "x".repeat(1_000_000));
    await socket.closed;
  },
  async "two POSTs at once end the session"() {
    const sid = await server.handshake();
    const { hostname, port, pathname } = new URL(server.url(""));
    const slow = net.connect(Number(port), hostname);
    const head = `POST ${pathname}?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: x\r\n`;
    slow.write(`${head}Content-Length: 2\r\n\r\n3`);
    slow.on("error", () => {});
    await sleep(50);
    assert.equal((await server.post(sid, "3")).status, 400);
    await ended(sid);
    slow.destroy();
  },
  async "an aborted POST ends the session"() {
    const sid = await server.handshake();
    const { hostname, port, pathname } = new URL(server.url(""));
    const broken = net.connect(Number(port), hostname);
    const head = `POST ${pathname}?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: x\r\n`;
    broken.write(`${head}Content-Length: 20\r\n\r\n4hel`);
    await sleep(50);
    broken.destroy();
    await sleep(50);
    await ended(sid);
  },
  async "message polling: a packet that is none"() {
    const sid = await server.handshake();
    assert.equal((await server.post(sid, "abc")).status, 400);
    await ended(sid);
  },
  async "message polling: two GETs at once"() {
    const sid = await server.handshake();
    const first = server.get(sid);
    await sleep(20);
    const second = await server.get(sid);
    assert.equal(second.status, 400);
    const answer = await first;
    assert.deepEqual([answer.status, await answer.text()], [200, "1"]);
    await ended(sid);
  },
  async "message polling: a cancelled GET"() {
    const sid = await server.handshake();
    const controller = new AbortController();
    const poll = server.get(sid, { signal: controller.signal }).catch(() => {});
    await sleep(20);
    controller.abort();
    await poll;
    await sleep(5);
    await ended(sid);
  },
  async "message websocket: a packet that is none"() {
    const socket = await server.opened();
    socket.send("abc");
    await socket.closed;
  },
};

const echoing = {
  async "message polling: one text"() {
    const sid = await server.handshake();
    await posted(sid, "4hello");
    await polled(sid, "4hello");
  },
  async "message polling: several texts"() {
    const sid = await server.handshake();
    await posted(sid, "4test1\x1e4test2\x1e4test3");
    await polled(sid, "4test1\x1e4test2\x1e4test3");
  },
  async "message polling: text and binary"() {
    const sid = await server.handshake();
    await posted(sid, "4hello\x1ebAQIDBA==");
    await polled(sid, "4hello\x1ebAQIDBA==");
  },
  // socketioxide 0.17.4: packets that came while a GET waited lost their separator.
  async "message polling: packets that come while a GET waits are whole"() {
    const sid = await server.handshake();
    const wanted = [];
    let heard = "";
    for (let round = 0; round < 20; round += 1) {
      const poll = server.get(sid);
      const words = [0, 1, 2].map((at) => `4r${round}.${at}`);
      wanted.push(...words);
      await posted(sid, words.join("\x1e"));
      heard += (await (await poll).text()) + "\x1e";
    }
    assert.deepEqual(heard.split("\x1e").filter((word) => word && word !== "2"), wanted);
  },
  async "message websocket: text"() {
    const socket = await server.opened();
    socket.send("4hello");
    assert.equal(await socket.next(), "4hello");
    socket.raw.close();
  },
  async "message websocket: binary, also as base64"() {
    const socket = await server.opened();
    socket.send(Buffer.from([1, 2, 3, 4]));
    assert.deepEqual([...(await socket.next())], [1, 2, 3, 4]);
    socket.send("bAQIDBA==");
    assert.deepEqual([...(await socket.next())], [1, 2, 3, 4]);
    socket.raw.close();
  },
  async "upgrade: polling to WebSocket"() {
    const sid = await server.handshake();
    const socket = server.upgrade(sid);
    await socket.open;
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    await polled(sid, "6");
    socket.send("5");
    socket.send("4hello");
    assert.equal(await socket.next(), "4hello");
    socket.raw.close();
  },
  async "upgrade: what waited goes out first, in order"() {
    const sid = await server.handshake();
    const socket = server.upgrade(sid);
    await socket.open;
    await posted(sid, "4one\x1ebAQID\x1e4two");
    socket.send("2probe");
    assert.equal(await socket.next(), "3probe");
    socket.send("5");
    socket.send("4three");
    assert.equal(await socket.next(), "4one");
    assert.deepEqual([...(await socket.next())], [1, 2, 3]);
    assert.equal(await socket.next(), "4two");
    assert.equal(await socket.next(), "4three");
    socket.raw.close();
  },
};

await run(echo ? { ...both, ...echoing } : both);
