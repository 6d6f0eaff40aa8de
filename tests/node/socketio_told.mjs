// A client on npm's `socket.io-client` that does what it is told and tells what it hears, one
// JSON object a line.
// Usage: node socketio_told.mjs URL OPTIONS
//
// URL may end in a namespace. OPTIONS are the client's own (`transports`, `upgrade`, `path`, …)
// and `token`, which goes into `auth`.
// It hears {"heard": "connect" | "connect_error" | "disconnect" | "upgrade" | "event" | "ack"}.
// It does  {"do": "emit", "event", "args", "ack"?}: with `ack`, a number, the answer is heard
//                 under it
//          {"do": "token", "token"}: the next connection shows this one
//          {"do": "connect" | "disconnect" | "drop"}: `drop` closes the transport alone
// and ends when its input ends. Bytes are {"bytes": "<base64>"} in both directions. An event that
// wants an ack gets its own arguments back.

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, optionsText = "{}"] = process.argv.slice(2);
let { token, ...options } = JSON.parse(optionsText);

function tell(heard, fields) {
  process.stdout.write(JSON.stringify({ heard, ...fields }, withoutBytes) + "\n");
}

/** For JSON.stringify; `this` is the holder, for a Buffer has turned itself into an object. */
function withoutBytes(name, value) {
  const raw = this[name];
  if (raw instanceof ArrayBuffer || ArrayBuffer.isView(raw)) {
    return { bytes: Buffer.from(raw).toString("base64") };
  }
  return value;
}

function withBytes(_name, value) {
  return typeof value?.bytes === "string" ? Buffer.from(value.bytes, "base64") : value;
}

const auth = (give) => give(token === undefined ? {} : { token });
const socket = io(url, { forceNew: true, auth, ...options });

socket.on("connect", () => {
  const { engine } = socket.io;
  tell("connect", { id: socket.id, transport: engine.transport.name });
  engine.once("upgrade", ({ name }) => tell("upgrade", { transport: name }));
});
socket.on("connect_error", (error) => {
  const { message, data } = error;
  tell("connect_error", { message, data: data ?? null, active: socket.active });
});
socket.on("disconnect", (reason) => tell("disconnect", { reason, active: socket.active }));
socket.onAny((event, ...args) => {
  const answer = typeof args.at(-1) === "function" ? args.pop() : undefined;
  tell("event", { event, args });
  answer?.(...args);
});

const deeds = {
  emit: ({ event, args = [], ack }) => {
    if (ack === undefined) return socket.emit(event, ...args);
    socket.emit(event, ...args, (...answer) => tell("ack", { ack, args: answer }));
  },
  token: (command) => (token = command.token),
  connect: () => socket.connect(),
  disconnect: () => socket.disconnect(),
  drop: () => socket.io.engine.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line, withBytes);
  if (!Object.hasOwn(deeds, command.do)) throw new Error(`what is ${line}?`);
  deeds[command.do](command);
}
socket.disconnect();
