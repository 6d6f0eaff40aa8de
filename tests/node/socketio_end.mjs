// How the npm socket.io-client sees its connection end.
// Usage: node socketio_end.mjs ORIGIN TOKEN TRANSPORT; prints "connected", then one line of JSON a
// event until it is disconnected.

import { io } from "socket.io-client";

const [origin, token, transport] = process.argv.slice(2);
const socket = io(origin, { transports: [transport], auth: { token }, reconnectionDelay: 60_000 });
socket.on("connect", () => console.log("connected"));
socket.onAny((...event) => console.log(JSON.stringify(event)));
socket.on("connect_error", (error) => console.log(JSON.stringify(["connect_error", error.message])));
socket.on("disconnect", (reason) => {
  console.log(JSON.stringify(["disconnect", reason, socket.active]));
  process.exit();
});
