// The messages of a room that are shown: sorted, each once, none left out between the first and the
// last. Knows no page and no connection.

/** `created_at` begins with so many digits of milliseconds. */
const MS_DIGITS = 13;
/** Two nodes' clocks may differ, so what is asked for after a gap begins so long before it. */
const OVERLAP_MS = 30_000;
/** More than are announced while one batch is fetched. */
const LATE_MAX = 100;

/** The place in a room so many milliseconds before another. */
export function earlier(created_at, ms) {
  const at = Math.max(0, Number(created_at.slice(0, MS_DIGITS)) - ms);
  return String(at).padStart(MS_DIGITS, "0") + "0".repeat(created_at.length - MS_DIGITS);
}

export class Timeline {
  #max;
  #messages = [];
  #ids = new Set();
  /** Nothing is missing up to here; null = up to the end. */
  #solidTo = null;
  /** What is asked for next is after this; null = the gap's start with its overlap. */
  #cursor = null;
  /** A gap was opened since the last question: its answer may be older than the gap. */
  #isDisturbed = false;
  /** Announced, but from before the first: they may have been saved after the older ones were read. */
  #late = [];
  /** Heard while the newest batch is asked for; null = it is not. */
  #heard = null;
  /** Whether the server has messages before the first. */
  hasOlder = false;
  /** The newest were let go for older ones: what is heard is not shown before the next reset. */
  isDetached = false;

  constructor(max) {
    this.#max = max;
  }

  get messages() {
    return this.#messages;
  }

  get oldest() {
    return this.#messages[0];
  }

  get newest() {
    return this.#messages.at(-1);
  }

  get hasGap() {
    return this.#solidTo !== null;
  }

  /** A message was announced, or is the answer to a sent one. Whether it is shown now. */
  hear(message) {
    if (this.#heard && this.#heard.length < this.#max) this.#heard.push(message);
    if (this.isDetached || !this.#insert(message)) return false;
    this.#bound();
    return !this.isDetached;
  }

  /** From here on messages may have been missed. */
  openGap() {
    this.#isDisturbed = true;
    this.#cursor = null;
    if (!this.isDetached) this.#solidTo ??= this.newest?.created_at ?? "";
  }

  /** Answers what to ask for to fill the gap: messages after this; null = the newest batch. */
  beginFill() {
    // While the newest batch is asked for, what was missed meanwhile is its business.
    if (this.#heard === null) this.#isDisturbed = false;
    return this.#cursor ?? (this.#solidTo ? earlier(this.#solidTo, OVERLAP_MS) : null);
  }

  /**
   * That part of the gap, oldest first; `hasGap` says whether there is another. Answers those that
   * were not there before.
   */
  fill({ messages, more }) {
    // Behind the older ones that are shown there is no gap, but all that is newer.
    if (this.isDetached) return [];
    const added = messages.filter((message) => this.#insert(message));
    const last = messages.at(-1)?.created_at ?? this.#solidTo;
    this.#solidTo = more || this.#isDisturbed ? last : null;
    this.#cursor = this.#isDisturbed ? null : this.#solidTo;
    this.#bound();
    return added;
  }

  /** The newest batch is about to be asked for. */
  beginReset() {
    this.#isDisturbed = false;
    this.#heard = [];
  }

  /** The newest batch takes the place of everything but what was heard while it was asked for. */
  reset({ messages, more }) {
    const heard = this.#heard ?? [];
    this.#heard = null;
    this.#messages = [];
    this.#late = [];
    this.#ids.clear();
    this.#cursor = null;
    this.hasOlder = false;
    this.isDetached = false;
    for (const message of messages) this.#insert(message);
    this.hasOlder = more;
    const newest = this.newest?.created_at ?? "";
    for (const message of heard) this.#insert(message);
    const isWhole = heard.length < this.#max && !this.#isDisturbed;
    this.#solidTo = isWhole ? null : newest;
  }

  /** The batch before what was the first message, newest first. Makes room by letting the newest go. */
  prepend(before, { messages, more }) {
    if (this.oldest?.created_at !== before) return;
    this.hasOlder = false;
    for (const message of messages) this.#insert(message);
    this.hasOlder = more;
    for (const message of this.#late.splice(0)) this.#insert(message);
    this.#letNewestGo();
  }

  /** Lets the oldest go, for whoever reads the newest. */
  trim() {
    const excess = this.#messages.length - this.#max;
    if (excess <= 0) return;
    this.#drop(this.#messages.splice(0, excess));
    this.hasOlder = true;
  }

  /** Nobody trims for a reader who stays with the older ones while ever more come. */
  #bound() {
    if (this.#messages.length > 2 * this.#max) this.#letNewestGo();
  }

  #letNewestGo() {
    const excess = this.#messages.length - this.#max;
    if (excess <= 0) return;
    this.#drop(this.#messages.splice(this.#max, excess));
    this.isDetached = true;
    this.#solidTo = null;
  }

  #drop(messages) {
    for (const { id } of messages) this.#ids.delete(id);
  }

  #insert(message) {
    if (this.#ids.has(message.id)) return false;
    // Shown now, those between it and the first would be left out.
    if (this.hasOlder && this.oldest && message.created_at < this.oldest.created_at) {
      this.#late = [...this.#late, message].slice(-LATE_MAX);
      return false;
    }
    // Nearly always the last.
    let at = this.#messages.length;
    while (at > 0 && this.#messages[at - 1].created_at > message.created_at) at -= 1;
    this.#messages.splice(at, 0, message);
    this.#ids.add(message.id);
    return true;
  }
}
