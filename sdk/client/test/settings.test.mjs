import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import WebSocket from "ws";
import { Tidegate } from "../src/index.mjs";
import { settingsOf, urlOf } from "../src/settings.mjs";

test("any URL of the broker will do", () => {
  for (const [given, url] of [
    ["http://localhost:4444", "ws://localhost:4444/ws?v=1"],
    ["ws://localhost:4444/ws", "ws://localhost:4444/ws?v=1"],
    ["https://edge.example/index.html#room", "wss://edge.example/ws?v=1"],
    [new URL("wss://edge.example/behind/ws?v=1"), "wss://edge.example/behind/ws?v=1"],
  ]) {
    assert.equal(urlOf(given), url);
  }
  for (const given of ["ftp://x", "localhost:4444", "", undefined]) {
    assert.throws(() => urlOf(given), TypeError, String(given));
  }
});

test("settings are checked", () => {
  const { backoff, request_ms } = settingsOf({ WebSocket, request_ms: 5, backoff: { max_ms: 9 } });
  assert.deepEqual([backoff, request_ms], [{ min_ms: 1000, max_ms: 9 }, 5]);
  assert.throws(() => settingsOf({ WebSocket, timeout: 5 }), /no setting timeout/);
  assert.throws(() => new Tidegate({ url: "http://x", WebSocket: null }), /"ws"/);
  const tidegate = new Tidegate({ url: "http://x", WebSocket });
  assert.throws(() => tidegate.on("message", () => {}), /no event message/);
  assert.throws(() => tidegate.listen([], () => {}), TypeError);
  assert.throws(() => tidegate.listen("a"), TypeError);
});

test("the types fit a program that uses everything", () => {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"];
  const tsc = fileURLToPath(new URL("../node_modules/.bin/tsc", import.meta.url));
  execFileSync(tsc, [...options, "--lib", "es2022,dom", "--types", "", "uses.mts"], { cwd: folder });
});
