import assert from "node:assert/strict";
import { test } from "node:test";
import { earlier, Timeline } from "../page/timeline.mjs";

/** The message number `n`, a second after the one before. */
function message(n) {
  const time_ms = 1_764_000_000_000 + n * 1000;
  const created_at = `${time_ms}000000`;
  return { id: `general/${created_at}`, room: "general", name: "ann", text: String(n), created_at, time_ms };
}

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, at) => message(first + at));
const shown = (timeline) => timeline.messages.map(({ text }) => Number(text));
const numbers = (first, last) => range(first, last).map(({ text }) => Number(text));

function entered(max = 1000) {
  const timeline = new Timeline(max);
  timeline.beginReset();
  timeline.reset({ messages: range(11, 20).reverse(), more: true });
  return timeline;
}

test("a place some time before another has as many digits", () => {
  assert.equal(earlier("1764110000123000417", 30_000), "1764109970123000000");
  assert.equal(earlier("0000000010000000417", 30_000), "0000000000000000000");
});

test("messages are sorted, each once", () => {
  const timeline = entered();
  assert(timeline.hear(message(22)));
  assert(timeline.hear(message(21)));
  assert(!timeline.hear(message(22)));
  assert.deepEqual(shown(timeline), numbers(11, 22));
});

test("what is announced while the first batch is fetched is there with it", () => {
  const timeline = new Timeline(1000);
  timeline.beginReset();
  timeline.hear(message(21));
  timeline.hear(message(20));
  timeline.reset({ messages: range(11, 20).reverse(), more: true });
  assert.deepEqual(shown(timeline), numbers(11, 21));
});

test("a late message older than all that is shown comes with the older ones only", () => {
  const timeline = entered();
  assert(!timeline.hear(message(5)));
  timeline.prepend(timeline.oldest.created_at, { messages: range(1, 10).reverse(), more: false });
  assert.deepEqual(shown(timeline), numbers(1, 20));
  assert(timeline.hear(message(0)), "it is the first of all now");
});

test("a gap is filled from a while before it, batch by batch", () => {
  const timeline = entered();
  timeline.openGap();
  timeline.hear(message(300));
  timeline.openGap();
  assert.equal(timeline.beginFill(), earlier(message(20).created_at, 30_000));
  timeline.fill({ messages: range(11, 110), more: true });
  assert.equal(timeline.beginFill(), message(110).created_at);
  const added = timeline.fill({ messages: range(111, 301), more: false });
  assert.equal(added.length, 190, "one was there already");
  assert(!timeline.hasGap);
  assert.deepEqual(shown(timeline), numbers(11, 301));
});

test("a gap that opens while another is filled stays", () => {
  const timeline = entered();
  timeline.openGap();
  timeline.beginFill();
  timeline.openGap();
  timeline.fill({ messages: range(11, 25), more: false });
  assert(timeline.hasGap);
  assert.equal(timeline.beginFill(), earlier(message(25).created_at, 30_000));
});

test("a gap in an empty room asks for the newest batch", () => {
  const timeline = new Timeline(1000);
  timeline.openGap();
  assert(timeline.hasGap);
  assert.equal(timeline.beginFill(), null);
});

test("who reads the newest loses the oldest, and can load them again", () => {
  const timeline = entered(10);
  timeline.hear(message(21));
  timeline.trim();
  assert.deepEqual(shown(timeline), numbers(12, 21));
  assert(timeline.hasOlder);
});

test("who reads far back loses the newest, until the newest are asked for", () => {
  const timeline = entered(15);
  timeline.prepend(timeline.oldest.created_at, { messages: range(1, 10).reverse(), more: false });
  assert.deepEqual(shown(timeline), numbers(1, 15));
  assert(timeline.isDetached);
  assert(!timeline.hear(message(21)));
  timeline.openGap();
  assert(!timeline.hasGap, "everything after the last one is still to be loaded anyway");
  timeline.beginReset();
  timeline.hear(message(23));
  timeline.reset({ messages: range(13, 22).reverse(), more: true });
  assert(!timeline.isDetached);
  assert.deepEqual(shown(timeline), numbers(13, 23));
});

test("who stays with the older ones while ever more come keeps no more than twice the most", () => {
  const timeline = entered(10);
  const isShown = [];
  for (let number = 21; number <= 60; number += 1) isShown.push(timeline.hear(message(number)));
  assert.deepEqual(shown(timeline), numbers(11, 20));
  assert(timeline.isDetached && !timeline.hasGap);
  assert.equal(isShown.filter(Boolean).length, 10);
});

test("what is missed while the newest batch is asked for is a gap after it", () => {
  const timeline = entered(10);
  timeline.beginReset();
  timeline.openGap();
  timeline.beginFill();
  timeline.reset({ messages: range(11, 20).reverse(), more: true });
  assert(timeline.hasGap);
});

test("a gap's messages that come after the newest were let go are not shown", () => {
  const timeline = entered(15);
  timeline.openGap();
  timeline.beginFill();
  timeline.prepend(timeline.oldest.created_at, { messages: range(1, 10).reverse(), more: false });
  timeline.fill({ messages: range(11, 25), more: false });
  assert.deepEqual(shown(timeline), numbers(1, 15));
});

test("a late message that was announced while the older ones were read is there with them", () => {
  const timeline = entered();
  timeline.hear(message(5));
  const older = [...range(1, 4), ...range(6, 10)].reverse();
  timeline.prepend(timeline.oldest.created_at, { messages: older, more: false });
  assert.deepEqual(shown(timeline), numbers(1, 20));
});

test("older ones that come when the first is another are of no use", () => {
  const timeline = entered(10);
  const before = timeline.oldest.created_at;
  timeline.hear(message(21));
  timeline.trim();
  timeline.prepend(before, { messages: range(1, 10).reverse(), more: false });
  assert.deepEqual(shown(timeline), numbers(12, 21));
});

/** A generator of numbers below `n`, the same for the same seed. */
function dice(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/**
 * Messages are saved by two nodes whose clocks differ, announced in any order, lost while there is no
 * connection; the reader loads older ones, jumps to the newest; answers come late. Whatever happens,
 * the timeline is sorted and has each once, and when all is answered and the reader is at the newest
 * it is a whole piece of the room that reaches to its end.
 */
for (let seed = 1; seed <= 300; seed += 1) {
  test(`any order of events leaves no hole (seed ${seed})`, () => new Run(seed).go());
}

class Run {
  #dice;
  #room = [];
  #now = 1_764_000_000_000;
  #wire = [];
  #isConnected = true;
  #questions = [];
  #timeline = new Timeline(40);

  constructor(seed) {
    this.#dice = dice(seed);
  }

  go() {
    const steps = ["save", "save", "save", "hear", "hear", "cut", "connect", "miss", "older", "latest", "trim", "answer", "answer"];
    for (let saved = this.#dice(30); saved > 0; saved -= 1) this.#save();
    this.#wire = [];
    this.#latest();
    for (let step = 0; step < 400; step += 1) {
      this[`_${steps[this.#dice(steps.length)]}`]();
      this.#check();
    }
    this._connect();
    while (this.#wire.length > 0) this._hear();
    this.#settle();
    this._latest();
    this.#settle();
    this.#checkWhole();
  }

  _save() {
    this.#save();
  }

  _hear() {
    if (this.#wire.length > 0) this.#timeline.hear(this.#wire.splice(this.#dice(Math.min(3, this.#wire.length)), 1)[0]);
  }

  _cut() {
    this.#isConnected = false;
    this.#timeline.openGap();
    this.#wire = [];
    this.#questions = this.#questions.map(({ ask, done }) => ({ ask, done, answer: null }));
  }

  _connect() {
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#timeline.openGap();
    this.#fill();
  }

  /** The server lost publications, and says so. */
  _miss() {
    if (!this.#isConnected) return;
    this.#wire = [];
    this.#timeline.openGap();
    this.#fill();
  }

  _older() {
    const before = this.#timeline.oldest?.created_at;
    if (!before || !this.#timeline.hasOlder || !this.#isConnected) return;
    this.#ask(
      () => this.#batch(this.#room.filter(({ created_at }) => created_at < before).reverse(), 7),
      (batch) => this.#timeline.prepend(before, batch),
    );
  }

  _latest() {
    if (this.#timeline.isDetached && this.#isConnected) this.#latest();
  }

  _trim() {
    this.#timeline.trim();
  }

  /** An answer is made up at one time and arrives at another. */
  _answer() {
    const at = this.#dice(this.#questions.length);
    const question = this.#questions[at];
    if (!question || !this.#isConnected) return;
    if (question.answer === null) question.answer = question.ask();
    else {
      this.#questions.splice(at, 1);
      question.done(question.answer);
    }
  }

  #latest() {
    if (this.isResetting) return;
    this.isResetting = true;
    this.#timeline.beginReset();
    this.#ask(
      () => this.#batch([...this.#room].reverse(), 4),
      (batch) => {
        this.isResetting = false;
        this.#timeline.reset(batch);
        this.#fill();
      },
    );
  }

  #fill() {
    if (this.isFilling || !this.#timeline.hasGap) return;
    const after = this.#timeline.beginFill();
    if (after === null) return this.#latest();
    this.isFilling = true;
    this.#ask(
      () => this.#batch(this.#room.filter(({ created_at }) => created_at > after), 6),
      (batch) => {
        this.isFilling = false;
        this.#timeline.fill(batch);
        this.#fill();
      },
    );
  }

  #ask(ask, done) {
    this.#questions.push({ ask, done, answer: null });
  }

  #settle() {
    while (this.#questions.length > 0) this._answer();
  }

  #batch(messages, limit) {
    return { messages: messages.slice(0, limit), more: messages.length > limit };
  }

  #save() {
    this.#now += this.#dice(4000);
    // The other node's clock is up to 20 s behind.
    const time_ms = this.#now - this.#dice(2) * this.#dice(20_000);
    const created_at = `${time_ms}${String(this.#dice(1_000_000)).padStart(6, "0")}`;
    if (this.#room.some((other) => other.created_at === created_at)) return;
    const saved = { id: `general/${created_at}`, name: "ann", text: "", created_at, time_ms };
    this.#room.push(saved);
    this.#room.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    if (this.#isConnected) this.#wire.push(saved);
  }

  #check() {
    const places = this.#timeline.messages.map(({ created_at }) => created_at);
    assert.deepEqual(places, [...new Set(places)].sort());
  }

  #checkWhole() {
    const places = this.#timeline.messages.map(({ created_at }) => created_at);
    const room = this.#room.map(({ created_at }) => created_at);
    assert(!this.#timeline.hasGap);
    if (places.length === 0) return assert.equal(room.length, 0);
    const first = room.indexOf(places[0]);
    assert.equal(this.#timeline.hasOlder, first > 0, "there are older ones, or there are none");
    assert.deepEqual(places, room.slice(first));
  }
}
