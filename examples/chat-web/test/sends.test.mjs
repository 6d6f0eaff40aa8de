import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "../page/rows.mjs";
import { Sends } from "../page/sends.mjs";
import { dayName, untilMidnight } from "../page/times.mjs";

const at = (...parts) => new Date(2025, 10, ...parts).getTime();
const texts = (sends) => sends.shown.map(({ text }) => text);

test("texts are sent in order; one that failed holds up no other and can be tried again", () => {
  const sends = new Sends("ann");
  for (const nonce of ["1", "2"]) sends.add(nonce, `text ${nonce}`, 0);
  assert.equal(sends.next.nonce, "1");
  sends.fail("1", new Error("no"));
  assert.equal(sends.next.nonce, "2");
  sends.remove("2");
  assert.equal(sends.next, undefined);
  sends.retry("1");
  assert.equal(sends.next.nonce, "1");
  sends.remove("1");
  sends.retry("1");
  assert.deepEqual(texts(sends), []);
});

test("a text whose message is there is not shown beside it", () => {
  const sends = new Sends("ann");
  for (const nonce of ["1", "2"]) sends.add(nonce, "same", 0);
  sends.heard({ name: "bob", text: "same" });
  assert.equal(texts(sends).length, 2);
  sends.heard({ name: "ann", text: "same" });
  assert.deepEqual(sends.shown.map(({ nonce }) => nonce), ["2"]);
  sends.fail("1", new Error("it was another window's"));
  assert.equal(texts(sends).length, 2);
});

test("unsent texts outlive a reload with their nonces", () => {
  const sends = new Sends("ann");
  sends.add("1", "text", 7);
  sends.fail("1", new Error("no"));
  const after = new Sends("ann", JSON.parse(JSON.stringify(sends.kept)));
  assert.deepEqual(after.next, { nonce: "1", text: "text", time_ms: 7, error: null, isHeard: false });
});

test("there is an end to unsent texts", () => {
  const sends = new Sends("ann");
  for (let nonce = 0; !sends.isFull; nonce += 1) sends.add(String(nonce), "x", 0);
  assert.equal(sends.kept.length, 50);
});

test("rows: days apart, groups under one name, own ones told, unsent ones last", () => {
  const message = (id, name, time_ms) => ({ id, name, text: id, time_ms });
  const messages = [
    message("a", "bob", at(24, 23, 58)),
    message("b", "bob", at(24, 23, 59)),
    message("c", "bob", at(25, 0, 1)),
    message("d", "bob", at(25, 0, 7)),
    message("e", "ann", at(25, 0, 8)),
  ];
  // This machine's clock is behind.
  const sends = [{ nonce: "n", text: "f", time_ms: at(24, 12), error: null }];
  const rows = rowsOf(messages, sends, "ann").map(({ kind, key, isOwn, isContinued }) =>
    kind === "day" ? "day" : [key, isOwn, isContinued],
  );
  assert.deepEqual(rows, [
    "day",
    ["a", false, false],
    ["b", false, true],
    "day",
    ["c", false, false],
    ["d", false, false],
    ["e", true, false],
    ["send n", true, true],
  ]);
});

test("days have names near now", () => {
  const now = at(25, 0, 30);
  assert.equal(dayName(at(25, 23), now), "Today");
  assert.equal(dayName(at(24, 1), now), "Yesterday");
  assert.match(dayName(at(23, 1), now), /23/);
  assert.equal(untilMidnight(at(25, 23, 59)), 60_000);
});
