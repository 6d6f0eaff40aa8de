// @tidegate/client with a real broker, which ends and comes back while it is in use.
// Usage: node client.mjs ORIGIN COOKIE TOKEN
//
// The session of COOKIE may read chat; TOKEN may write channels. Tokens of /auth/ws live shortly.
// When it prints "waiting for the server to go", the broker must be told to end; at "waiting for the
// server to come back" another must be started there; at "waiting for the logout" the session must
// be ended.

import assert from "node:assert/strict";
import WebSocket from "ws";
import { Tidegate } from "../../sdk/client/src/index.mjs";

const [origin, cookie, token] = process.argv.slice(2);
const PATIENCE_MS = 20_000;

async function until(what, probe) {
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    if (await probe()) return;
    assert(Date.now() < end, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

let swaps = 0;
function counted(...request) {
  swaps += 1;
  return fetch(...request);
}

const endpoint = { endpoint: "/auth/ws", headers: { cookie }, fetch: counted };
const listener = new Tidegate({ url: origin, WebSocket, token: endpoint });
const publisher = new Tidegate({ url: origin, WebSocket, token });
const anonymous = new Tidegate({ url: origin, WebSocket });
const [heard, statuses, gaps] = [[], [], []];
listener.on("status", ({ state }) => statuses.push(state));
listener.on("resume", ({ topics }) => gaps.push(topics));
listener.on("missed", (gap) => assert.fail(JSON.stringify(gap)));

await listener.listen(["channel:update", "chat:general"], ({ json }) => heard.push(json.n)).ready;
await publisher.publish("channel:update", { n: 1 }, { event: "updated" });
await until("the first is heard", () => heard.length === 1);

await assert.rejects(anonymous.listen("chat:general", () => {}).ready, { code: "ERR_BADAUTH" });
await assert.rejects(anonymous.listen("a::b", () => {}).ready, { code: "ERR_BADTOPIC" });
await assert.rejects(publisher.call("nobody.does"), { code: "unknown-method", retryable: false });
await assert.rejects(publisher.publish("channel:update", "x".repeat(70_000)), { code: "too-large" });
anonymous.close();

// The connection outlives its tokens.
await until("the token is renewed twice", () => swaps >= 3);
await publisher.publish("channel:update", { n: 2 });
await until("the second is heard", () => heard.length === 2);
assert.deepEqual(statuses, ["connecting", "open"]);

console.log("waiting for the server to go");
await until("the connection is lost", () => listener.status.state === "waiting");
console.log("waiting for the server to come back");
await until("it is told what may be missing", () => gaps.length === 1);
assert.deepEqual(gaps[0].sort(), ["channel:update", "chat:general"]);
await publisher.publish("channel:update", { n: 3 });
await until("the third is heard", () => heard.includes(3));
assert.deepEqual(heard, [1, 2, 3]);

console.log("waiting for the logout");
await until("the listener knows", () => listener.status.state === "unauthenticated");
await assert.rejects(listener.call("any.thing"), { code: "unauthenticated" });
publisher.close();
console.log("ok");
