// Serves the page and the Socket.IO client's bundle. `node serve.mjs`; the settings are in
// README.md.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const HOST = process.env.HOST || "127.0.0.1";
const PORT = Number(process.env.PORT || "4452");
const BROKER_URL = origin("BROKER_URL", "http://localhost:4444");
const AUTH_URL = origin("AUTH_URL", "http://localhost:4451");

/** What is served, and nothing else. */
const FILES = {
  "/": ["page/index.html", "text/html; charset=utf-8"],
  "/style.css": ["page/style.css", "text/css; charset=utf-8"],
  "/app.mjs": ["page/app.mjs", "text/javascript; charset=utf-8"],
  "/feed.mjs": ["page/feed.mjs", "text/javascript; charset=utf-8"],
  "/session.mjs": ["page/session.mjs", "text/javascript; charset=utf-8"],
  "/socket.io.mjs": [
    "node_modules/socket.io-client/dist/socket.io.esm.min.js",
    "text/javascript; charset=utf-8",
  ],
};

const HEADERS = {
  // No script but ours, no inline code, and no connection but to the broker and the logins.
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${AUTH_URL} ${BROKER_URL} ${BROKER_URL.replace(/^http/, "ws")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  // Edit and reload.
  "cache-control": "no-cache",
};

function origin(name, byDefault) {
  const text = process.env[name] || byDefault;
  if (URL.canParse(text) && /^https?:/.test(text)) return new URL(text).origin;
  console.error(`notifications: ${name}=${text} is not an http or https URL`);
  process.exit(2);
}

const server = createServer(async (request, response) => {
  const path = request.url.split("?", 1)[0];
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (isRead && path === "/config.json") {
    const config = JSON.stringify({ broker: BROKER_URL, auth: AUTH_URL });
    return response.writeHead(200, { ...HEADERS, "content-type": "application/json" }).end(config);
  }
  if (!isRead || !Object.hasOwn(FILES, path)) {
    return response.writeHead(404, HEADERS).end();
  }
  const [file, type] = FILES[path];
  try {
    const body = await readFile(new URL(file, import.meta.url));
    response.writeHead(200, { ...HEADERS, "content-type": type }).end(body);
  } catch (error) {
    const place = fileURLToPath(new URL(".", import.meta.url));
    console.error(`notifications: ${error.message}; is "npm ci" done in ${place}?`);
    response.writeHead(500, HEADERS).end();
  }
});

server.listen(PORT, HOST, () => {
  console.log(`notifications listening on http://${HOST}:${server.address().port}`);
});
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => server.close());
