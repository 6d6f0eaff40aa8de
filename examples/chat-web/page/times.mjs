// Times as people say them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "medium" });

export const clockOf = (time_ms) => clock.format(time_ms);
export const fullOf = (time_ms) => full.format(time_ms);

/** The local day, as something to compare. */
export function dayOf(time_ms) {
  const at = new Date(time_ms);
  return `${at.getFullYear()}-${at.getMonth() + 1}-${at.getDate()}`;
}

export function dayName(time_ms, now_ms = Date.now()) {
  const day = dayOf(time_ms);
  if (day === dayOf(now_ms)) return "Today";
  const yesterday = new Date(now_ms);
  yesterday.setDate(yesterday.getDate() - 1);
  return day === dayOf(yesterday) ? "Yesterday" : date.format(time_ms);
}

/** Milliseconds until the next local day. */
export function untilMidnight(now_ms = Date.now()) {
  const next = new Date(now_ms);
  next.setHours(24, 0, 0, 0);
  return next - now_ms;
}
