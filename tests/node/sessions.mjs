// A web application with express-session and connect-redis logs a user in; its cookie is then
// shown to the broker's /auth/ws.
// Usage: node sessions.mjs REDIS_URL BROKER_ORIGIN SECRET
// Prints the broker's answers to GET and POST as one line of JSON.

import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { once } from "node:events";
import { createClient } from "redis";

const [redisUrl, broker, secret] = process.argv.slice(2);
const redis = createClient({ url: redisUrl });
await redis.connect();

const app = express();
app.use(session({ store: new RedisStore({ client: redis }), secret, resave: false, saveUninitialized: false }));
app.post("/login", (request, response) => {
  request.session.user = { id: "alice", scopes: ["user:read:chat", "channel:write"] };
  response.end();
});
app.post("/logout", (request, response) => request.session.destroy(() => response.end()));
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const site = `http://127.0.0.1:${server.address().port}`;

const login = await fetch(`${site}/login`, { method: "POST" });
const cookie = login.headers.getSetCookie()[0].split(";")[0];
const ask = async (method) => {
  const answer = await fetch(`${broker}/auth/ws`, { method, headers: { cookie, origin: broker } });
  return { status: answer.status, body: await answer.text() };
};
const [get, post] = [await ask("GET"), await ask("POST")];
await fetch(`${site}/logout`, { method: "POST", headers: { cookie } });
const after = await ask("GET");
console.log(JSON.stringify({ get, post, after }));
server.close();
server.closeAllConnections();
await redis.close();
