// A broker that does what a test says, on real sockets.

import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { Tidegate } from "../src/index.mjs";

const PATIENCE_MS = 10_000;

/** Resolves to the first truthy answer of `probe`. */
export async function until(what, probe) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What each type of frame is answered with by itself; a test may change it for one connection. */
const ANSWERS = {
  PING: () => ({ type: "PONG" }),
  AUTH: done,
  LISTEN: done,
  UNLISTEN: done,
  PUBLISH: done,
  CALL: done,
};

export function done({ nonce }, data) {
  return { type: "RESPONSE", error: "", nonce, data };
}

export function refused({ nonce }, error, data) {
  return { type: "RESPONSE", error, nonce, data };
}

/** One connection, seen from the broker. */
class Peer {
  frames = [];

  constructor(socket, path, answers) {
    this.socket = socket;
    this.path = path;
    this.answers = { ...ANSWERS, ...answers };
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString());
      this.frames.push(frame);
      const answer = this.answers[frame.type](frame, this);
      if (answer) this.send(answer);
    });
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  message(topic, id, message = id) {
    this.send({ type: "MESSAGE", data: { topic, message, id } });
  }

  ofType(type) {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** The topics of its LISTENs or UNLISTENs, in order. */
  topics(type = "LISTEN") {
    return this.ofType(type).flatMap(({ data }) => data.topics);
  }

  async gets(type, count = 1) {
    await until(`the broker has ${count} ${type}`, () => this.ofType(type).length >= count);
    return this.ofType(type)[count - 1];
  }
}

/** `answers` hold for all its connections; `token` answers `/auth/ws`. */
export async function broker({ answers = {}, token = () => [401, { message: "no session" }] } = {}) {
  const peers = [];
  const http = createServer((request, response) => {
    const [status, body] = token(request);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  const sockets = new WebSocketServer({ server: http });
  const self = {
    peers,
    answers,
    /** Whether upgrades are answered. */
    isUp: true,
    peer: (at) => until(`connection ${at} is there`, () => peers[at]),
    isLeft: () => until("nobody is connected", () => sockets.clients.size === 0),
  };
  sockets.shouldHandle = () => self.isUp;
  sockets.on("connection", (socket, request) => peers.push(new Peer(socket, request.url, self.answers)));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  self.url = `http://127.0.0.1:${http.address().port}`;
  after(() => {
    for (const socket of sockets.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
  });
  return self;
}

/** Short times, so that a test is; `statuses` is what it became, in order. */
export function client(server, options = {}) {
  const tidegate = new Tidegate({
    url: server.url,
    WebSocket,
    backoff: { min_ms: 20, max_ms: 80 },
    linger_ms: 20,
    stable_ms: 0,
    ...options,
  });
  const statuses = [];
  tidegate.on("status", ({ state }) => statuses.push(state));
  after(() => tidegate.close());
  return Object.assign(tidegate, {
    statuses,
    becomes: (state) => until(`the client is ${state}`, () => tidegate.status.state === state),
  });
}
