import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Users } from "./state.mjs";
import { settings, userService } from "./server.mjs";

const running = [];
after(() => running.forEach((server) => server.close()));

async function start(env = {}) {
  const server = userService(settings(env));
  running.push(server);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return async (method, path, body, options = {}) => {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(origin + path, { method, body: text, ...options });
    return [response.status, await response.json()];
  };
}

test("a user is there, unknown or blocked", async () => {
  const ask = await start();
  assert.deepEqual(await ask("GET", "/users/ann"), [200, { id: "ann", name: "Ann", active: true }]);
  assert.equal((await ask("GET", "/users/carl"))[1].active, false);
  const [unknown, { error }] = await ask("GET", "/users/nobody");
  assert.deepEqual([unknown, error.code], [404, "unknown-user"]);
  const [blocked, { error: why }] = await ask("GET", "/users/mallory");
  assert.deepEqual([blocked, why.code], [403, "blocked"]);
});

test("anybody is a user if that is wished, unless blocked", async () => {
  const ask = await start({ ANYBODY: "on" });
  assert.deepEqual(await ask("GET", "/users/lena"), [200, { id: "lena", name: "lena", active: true }]);
  assert.equal((await ask("GET", "/users/mallory"))[0], 403);
  assert.equal((await ask("DELETE", "/users/lena"))[0], 404);
});

test("users come, change and go", async () => {
  const ask = await start();
  const path = "/users/" + encodeURIComponent("dora/é 1");
  assert.equal((await ask("GET", path))[0], 404);
  assert.equal((await ask("PUT", path, {}))[0], 200);
  const user = { id: "dora/é 1", name: "dora/é 1", active: true };
  assert.deepEqual(await ask("GET", path), [200, user]);
  assert.equal((await ask("PUT", path, { blocked: true }))[0], 200);
  assert.equal((await ask("GET", path))[0], 403);
  assert.equal((await ask("DELETE", path))[0], 200);
  assert.equal((await ask("DELETE", path))[0], 404);
});

test("what is no user is refused by name", async () => {
  const ask = await start();
  for (const body of [{ name: 7 }, { active: "yes" }, { blocked: null }]) {
    const [status, { error }] = await ask("PUT", "/users/x", body);
    assert.deepEqual([status, error.code], [400, "bad-user"]);
  }
  assert.equal((await ask("PUT", "/users/x", "{"))[1].error.code, "bad-body");
  assert.equal((await ask("PUT", "/users/x", " ".repeat(5000)))[0], 413);
  assert.equal((await ask("GET", "/users/%ff"))[1].error.code, "bad-id");
  assert.equal((await ask("GET", "/users/"))[0], 404);
  assert.equal((await ask("POST", "/users/ann"))[0], 404);
});

test("the bearer token is needed if one is set", async () => {
  const ask = await start({ SERVICE_TOKEN: "secret" });
  const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });
  for (const options of [{}, bearer("other"), bearer("secret2")]) {
    assert.equal((await ask("GET", "/users/ann", undefined, options))[0], 401);
  }
  assert.equal((await ask("DELETE", "/users/ann"))[0], 401);
  assert.equal((await ask("GET", "/users/ann", undefined, bearer("secret")))[0], 200);
  assert.equal((await ask("GET", "/healthz"))[0], 200);
});

test("faults befall questions alone, until they end", async () => {
  const ask = await start({ FAULTS: "on" });
  assert.deepEqual(await ask("PUT", "/faults", { status: 503 }), [200, { delay_ms: 0, status: 503 }]);
  assert.equal((await ask("GET", "/users/ann"))[0], 503);
  assert.equal((await ask("PUT", "/users/ann", {}))[0], 200);
  for (const fault of [{ delay_ms: -1 }, { delay_ms: "1" }, { status: 99 }, { status: 1000 }]) {
    assert.equal((await ask("PUT", "/faults", fault))[0], 400);
  }
  await ask("PUT", "/faults", { delay_ms: 60_000 });
  const signal = AbortSignal.timeout(50);
  await assert.rejects(ask("GET", "/users/ann", undefined, { signal }), { name: "TimeoutError" });
  await ask("PUT", "/faults", {});
  assert.equal((await ask("GET", "/users/ann"))[0], 200);
});

test("faults are closed unless they are asked for", async () => {
  const ask = await start();
  assert.equal((await ask("PUT", "/faults", { status: 503 }))[0], 404);
});

test("questions are counted", async () => {
  const ask = await start();
  await Promise.all([ask("GET", "/users/ann"), ask("GET", "/users/ann"), ask("GET", "/users/x")]);
  await ask("GET", "/healthz");
  const [, stats] = await ask("GET", "/stats");
  assert.equal(stats.requests, 3);
  assert.deepEqual(stats.by_path, { "/users/ann": 2, "/users/x": 1 });
  assert.deepEqual(stats.by_status, { 200: 2, 404: 1 });
  assert(stats.most_in_flight >= 1 && stats.in_flight === 0);
  await ask("DELETE", "/stats");
  assert.equal((await ask("GET", "/stats"))[1].requests, 0);
});

test("wrong settings are named", () => {
  assert.throws(() => settings({ PORT: "x" }), /PORT=x/);
  assert.throws(() => settings({ USERS_FILE: "/nowhere" }), /USERS_FILE \/nowhere/);
  assert.throws(() => new Users({}), /list of users/);
  assert.throws(() => new Users([{ name: "no id" }]), /id/);
});
