// What stands in the log, row by row. Knows no page.

import { dayOf } from "./times.mjs";

/** Messages of one sender that follow each other so soon are one group, under one name. */
const GROUP_MS = 5 * 60_000;

/** Rows of `day`, `message` and `send`, each with a key that no other has. */
export function rowsOf(messages, sends, me) {
  const rows = [];
  let before = null;
  const add = (kind, key, { name, text, time_ms, ...more }) => {
    const day = dayOf(time_ms);
    if (day !== before?.day) {
      rows.push({ kind: "day", key: `day ${day}`, day, time_ms });
      before = null;
    }
    const isContinued = before?.name === name && time_ms - before.time_ms < GROUP_MS;
    rows.push({ kind, key, name, text, time_ms, isOwn: name === me, isContinued, ...more });
    before = { day, name, time_ms };
  };
  for (const { id, name, text, time_ms } of messages) add("message", id, { name, text, time_ms });
  for (const { nonce, text, time_ms, error } of sends) {
    // The other clock may be ahead: what was written last stands last, under the same day.
    const shown_ms = Math.max(time_ms, before?.time_ms ?? 0);
    add("send", `send ${nonce}`, { name: me, text, time_ms: shown_ms, nonce, error });
  }
  return rows;
}
