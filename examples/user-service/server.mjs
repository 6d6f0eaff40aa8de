// A User Service: knows which users there are. `node server.mjs`; the settings are in README.md.

import { timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Faults, Refusal, Stats, Users } from "./state.mjs";

const BODY_BYTES_MAX = 4096;

/** The settings, checked. Throws an Error that names the variable or the file. */
export function settings(env) {
  const port = Number(env.PORT || "4450");
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`PORT=${env.PORT} is not a whole number from 0 to 65535`);
  }
  const file = env.USERS_FILE || fileURLToPath(new URL("users.json", import.meta.url));
  return {
    host: env.HOST || "127.0.0.1",
    port,
    users: usersIn(file, env.ANYBODY === "on"),
    serviceToken: env.SERVICE_TOKEN || "",
    faults: env.FAULTS === "on",
  };
}

function usersIn(file, anybody) {
  try {
    return new Users(JSON.parse(readFileSync(file, "utf8")), anybody);
  } catch (error) {
    throw new Error(`USERS_FILE ${file}: ${error.message}`);
  }
}

/** The server, not yet listening. */
export function userService({ users, serviceToken, faults: withFaults }) {
  const faults = new Faults();
  const stats = new Stats();
  const routes = {
    "GET /healthz": () => ({ ok: true }),
    "GET /stats": () => stats.all(),
    "DELETE /stats": () => stats.reset(),
  };
  if (withFaults) {
    routes["GET /faults"] = () => faults.current;
    routes["PUT /faults"] = async (request) => faults.set(await jsonBody(request));
  }
  const ofUser = {
    GET: (id) => users.get(id),
    PUT: async (id, request) => users.put(id, await jsonBody(request)),
    DELETE: (id) => users.delete(id),
  };
  const route = async (request, path) => {
    const direct = routes[`${request.method} ${path}`];
    if (direct) return direct(request);
    const [, encoded] = path.match(/^\/users\/([^/]+)$/) ?? [];
    if (encoded === undefined || !Object.hasOwn(ofUser, request.method)) {
      throw new Refusal(404, "not-found", `there is no ${request.method} ${path}`);
    }
    checkBearer(request, serviceToken);
    return ofUser[request.method](decoded(encoded), request);
  };
  return createServer(async (request, response) => {
    const path = request.url.split("?", 1)[0];
    // Only questions about users fail and count, so that a test can always undo what it did.
    const asked = request.method === "GET" && path.startsWith("/users/");
    const done = asked ? stats.begin(path) : () => {};
    response.once("close", () => done(response.headersSent ? response.statusCode : "none"));
    try {
      if (asked) await faults.befall();
      answer(response, 200, await route(request, path));
    } catch (error) {
      refuse(request, response, error);
    }
  });
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, "bad-id", `${text} is not percent-encoded UTF-8`);
  }
}

function checkBearer(request, token) {
  if (token === "") return;
  const [wanted, given] = [`Bearer ${token}`, request.headers.authorization ?? ""].map(Buffer.from);
  if (wanted.length !== given.length || !timingSafeEqual(wanted, given)) {
    throw new Refusal(401, "unauthenticated", "this needs the service's bearer token");
  }
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

function answer(response, status, body) {
  // Whoever asked may have given up while a fault held the answer back.
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function refuse(request, response, error) {
  const known = error instanceof Refusal;
  if (!known) console.error(`${request.method} ${request.url}:`, error);
  const { status, code, message } = known
    ? error
    : { status: 500, code: "internal", message: "this should not have happened" };
  // What is left of a body that was not read must not be taken for the next request.
  if (!request.complete && !response.destroyed) response.setHeader("connection", "close");
  answer(response, status, { error: { code, message } });
}

function main() {
  let given;
  try {
    given = settings(process.env);
  } catch (error) {
    console.error(`user-service: ${error.message}`);
    process.exit(2);
  }
  const server = userService(given);
  server.listen(given.port, given.host, () => {
    console.log(`user-service listening on http://${given.host}:${server.address().port}`);
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => server.close());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
