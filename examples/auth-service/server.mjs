// An Authentication Service: makes tokens and publishes the keys that they are checked with.
// `node server.mjs`; the settings are in README.md.

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { randomUUID, timingSafeEqual } from "node:crypto";
import { Keys, TooManyKeys } from "./keys.mjs";

/** A login is a name and a number; more is no login. */
const BODY_BYTES_MAX = 4096;

/** What a request is refused with. */
class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** The settings, checked. Throws an Error that names the variable. */
export function settings(env) {
  const list = (text) => text.split(/[\s,]+/).filter(Boolean);
  return {
    host: env.HOST || "127.0.0.1",
    port: whole("PORT", env.PORT || "4451", 0, 65_535),
    issuer: env.ISSUER || "auth-service",
    audience: env.AUDIENCE || "tidegate",
    algorithm: env.ALGORITHM || "EdDSA",
    ttl: whole("TOKEN_TTL", env.TOKEN_TTL || "900", 1, 86_400),
    scopes: list(env.SCOPES ?? "user:read:chat user:write:chat"),
    origins: list(env.ALLOWED_ORIGINS ?? "http://localhost:4452 http://127.0.0.1:4452"),
    rotateToken: env.ROTATE_TOKEN || "",
  };
}

function whole(name, text, least, most) {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new Error(`${name}=${text} is not a whole number from ${least} to ${most}`);
}

/** The server, not yet listening. */
export function authService(settings, now = () => Math.floor(Date.now() / 1000)) {
  const keys = new Keys(settings.algorithm, settings.ttl);
  const routes = {
    "POST /login": async (request) => login(await jsonBody(request), settings, keys, now()),
    "GET /.well-known/jwks.json": () => ({ keys: keys.published(now()) }),
    "POST /rotate": (request) => {
      checkBearer(request, settings.rotateToken);
      return { kid: keys.rotate(now()) };
    },
    "GET /healthz": () => ({ ok: true }),
  };
  return createServer(async (request, response) => {
    allowOrigin(request, response, settings.origins);
    if (request.method === "OPTIONS") return preflight(request, response);
    const path = request.url.split("?", 1)[0];
    try {
      const route = routes[`${request.method} ${path}`];
      if (!route) throw new Refusal(404, "not-found", `there is no ${request.method} ${path}`);
      answer(response, 200, await route(request));
    } catch (error) {
      refuse(request, response, error);
    }
  });
}

function login(body, { ttl, issuer, audience, scopes }, keys, now) {
  const { user, expires_in = ttl } = body;
  if (typeof user !== "string" || !/^[^\p{Cc}]{1,64}$/u.test(user) || user.trim() === "") {
    throw new Refusal(400, "bad-user", '"user" must be a text of 1 to 64 characters');
  }
  if (!Number.isInteger(expires_in) || expires_in < 1 || expires_in > ttl) {
    throw new Refusal(400, "bad-expires-in", `"expires_in" must be whole seconds from 1 to ${ttl}`);
  }
  const claims = { iss: issuer, aud: audience, sub: user, scopes };
  const times = { iat: now, exp: now + expires_in, jti: randomUUID() };
  return { token: keys.sign({ ...claims, ...times }), expires_in };
}

async function jsonBody(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) {
      throw new Refusal(413, "too-large", `the body is larger than ${BODY_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (body !== null && typeof body === "object") return body;
  } catch {
    // Answered below.
  }
  throw new Refusal(400, "bad-body", "the body is not a JSON object");
}

function checkBearer(request, token) {
  if (token === "") return;
  const [wanted, given] = [`Bearer ${token}`, request.headers.authorization ?? ""].map(Buffer.from);
  if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) {
    throw new Refusal(401, "unauthenticated", "this needs the service's bearer token");
  }
}

function allowOrigin(request, response, origins) {
  response.setHeader("vary", "Origin");
  const { origin } = request.headers;
  if (origin && (origins.includes(origin) || origins.includes("*"))) {
    response.setHeader("access-control-allow-origin", origin);
  }
}

function preflight(request, response) {
  response.setHeader("access-control-allow-methods", "GET, POST");
  response.setHeader("access-control-allow-headers", "content-type");
  response.setHeader("access-control-max-age", "600");
  response.writeHead(204).end();
}

function answer(response, status, body) {
  response.setHeader("content-type", "application/json");
  // Tokens are nobody's to keep, and a key that is gone must be seen to be gone.
  response.setHeader("cache-control", "no-store");
  response.writeHead(status).end(JSON.stringify(body));
}

function refuse(request, response, error) {
  const known = error instanceof Refusal ? error : null;
  const busy = error instanceof TooManyKeys;
  if (!known && !busy) console.error(`${request.method} ${request.url}:`, error);
  const { status = busy ? 429 : 500, code = busy ? "too-many-keys" : "internal" } = known ?? {};
  const message = known || busy ? error.message : "this should not have happened";
  // What is left of a body that was not read must not be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close");
  answer(response, status, { error: { code, message } });
}

function main() {
  let given;
  let server;
  try {
    given = settings(process.env);
    server = authService(given);
  } catch (error) {
    console.error(`auth-service: ${error.message}`);
    process.exit(2);
  }
  server.listen(given.port, given.host, () => {
    console.log(`auth-service listening on http://${given.host}:${server.address().port}`);
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => server.close());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
