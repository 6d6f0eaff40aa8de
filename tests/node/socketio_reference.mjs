// The reference implementation, npm's `socket.io`, with the rules that the broker has: what the
// tests' clients do is first seen to work here.
// Usage: PORT=0 node socketio_reference.mjs JWKS_URL   (prints the origin that it listens on)
// `POST /ingest/user-notifications` with JSON sends the user in the header `tidegate-key` the event
// `notification`.

import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";

const [jwksUrl] = process.argv.slice(2);

const http = createServer(async (request, response) => {
  const user = request.headers["tidegate-key"];
  const isKnown = request.method === "POST" && request.url === "/ingest/user-notifications";
  if (!isKnown || !user) return response.writeHead(404).end();
  let text = "";
  for await (const chunk of request) text += chunk;
  server.to(`user:${user}`).emit("notification", JSON.parse(text));
  response.end();
});
const server = new Server(http, { cors: { origin: true }, pingInterval: 1000, pingTimeout: 1000 });

server.use(async (socket, next) => {
  try {
    const { sub } = await claims(socket.handshake.auth.token);
    // As a User Service would have it.
    if (sub === "mallory") {
      throw Object.assign(new Error("this user may not connect"), { code: "forbidden-user" });
    }
    socket.data.sub = sub;
    next();
  } catch (error) {
    const data = { code: error.code ?? "bad-token", retryable: false };
    next(Object.assign(new Error(error.message), { data }));
  }
});

server.on("connection", (socket) => {
  socket.join(`user:${socket.data.sub}`);
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => args.pop()(...args));
  socket.on("ask-me", async (question, ack) => ack(await socket.emitWithAck("asked", question)));
  socket.on("kick", () => socket.disconnect());
  socket.on("drop", () => socket.conn.close());
});

/** The claims of a token that is good. */
async function claims(token) {
  if (typeof token !== "string") throw Object.assign(new Error("no token"), { code: "no-token" });
  const [header, payload, signature] = token.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url"));
  const { keys } = await (await fetch(jwksUrl)).json();
  const jwk = keys.find((key) => key.kid === kid);
  const key = jwk && createPublicKey({ key: jwk, format: "jwk" });
  const data = Buffer.from(`${header}.${payload}`);
  if (!key || !verify(null, data, key, Buffer.from(signature, "base64url"))) {
    throw new Error("the token is not signed by a known key");
  }
  const found = JSON.parse(Buffer.from(payload, "base64url"));
  if (found.exp * 1000 <= Date.now()) {
    throw Object.assign(new Error("the token has expired"), { code: "expired" });
  }
  return found;
}

http.listen(Number(process.env.PORT), "127.0.0.1", () => {
  console.log(`socketio_reference listening on http://127.0.0.1:${http.address().port}`);
});
