// One room: what is heard, what is fetched, what is sent.

import { $ } from "./dom.mjs";
import * as composer from "./composer.mjs";
import * as log from "./log.mjs";
import { rowsOf } from "./rows.mjs";
import { Sender } from "./sender.mjs";
import { Timeline } from "./timeline.mjs";
import { untilMidnight } from "./times.mjs";

const MESSAGES_MAX = 1000;
const BATCH = 50;
/** A gap of more batches is not filled: the newest are shown, the others can be loaded. */
const FILLS_MAX = 8;
const FILL_BATCH = 100;
const PAUSE_MS = 2000;
const TOPIC = "chat:message:new";

export class Room {
  #client;
  #room;
  #me;
  #timeline = new Timeline(MESSAGES_MAX);
  #sender;
  #ends;
  #resetting = null;
  #isOpen = true;
  #isEntered = false;
  #isFilling = false;
  #unread = 0;
  #midnight;

  /** `isDefault`: its topic is the one without a name. */
  constructor(client, me, room, isDefault) {
    this.#client = client;
    this.#room = room;
    this.#me = me;
    this.#sender = new Sender(client, me, room, (message) => this.#saved(message));
    this.#sender.changed = () => this.#render();
    const topic = isDefault ? TOPIC : `${TOPIC}:${room}`;
    const { ready, unlisten } = client.listen(topic, ({ json }) => this.#heard(json));
    const gap = ({ topics }) => {
      if (!topics.includes(topic)) return;
      this.#timeline.openGap();
      this.#fill();
    };
    this.#ends = [
      unlisten,
      client.on("missed", gap),
      client.on("resume", gap),
      client.on("status", ({ state }) => state === "open" || this.#timeline.openGap()),
      client.on("refused", ({ error }) => this.#say(error.message)),
    ];
    this.#wire();
    // What is announced while the first batch is fetched must not fall between the two.
    ready.then(() => this.#enter(), (error) => this.#isOpen && this.#say(error.message));
  }

  close() {
    this.#isOpen = false;
    clearTimeout(this.#midnight);
    for (const end of this.#ends) end();
    this.#sender.close();
    document.removeEventListener("visibilitychange", this.#seen);
    log.render([], { hasOlder: false, announced: false });
    this.#count(0);
  }

  #wire() {
    $("#messages").onclick = ({ target }) => {
      const nonce = target.closest("li")?.dataset.nonce;
      if (target.matches(".retry")) this.#sender.retry(nonce);
      if (target.matches(".discard")) this.#sender.discard(nonce);
      if (target.matches(".retry, .discard")) composer.focus();
    };
    $("#more").onclick = () => this.#older();
    $("#new").onclick = () => this.#latest();
    log.onEnd(this.#seen);
    document.addEventListener("visibilitychange", this.#seen);
    composer.open((text) => {
      const wrong = this.#sender.send(text);
      if (!wrong) this.#latest();
      return wrong;
    });
    this.#atMidnight();
  }

  async #enter() {
    this.#say("Loading messages…");
    await this.#reset();
    if (!this.#isOpen) return;
    this.#say("");
    this.#isEntered = true;
    this.#render();
    this.#sender.start();
  }

  /** The end is in sight: nothing is unread. */
  #seen = () => {
    if (!this.#timeline.isDetached && !document.hidden && log.isAtEnd()) this.#count(0);
  };

  #heard(message) {
    if (!this.#isOpen || message.room !== this.#room) return;
    const { isDetached } = this.#timeline;
    const isNew = this.#timeline.hear(message);
    if (isNew) this.#sender.heard(message);
    if (isNew || isDetached) this.#added([message]);
    this.#render({ announced: true });
  }

  /** Before they are shown: whether the end is in sight is asked of what is. */
  #added(messages) {
    const others = messages.filter(({ name }) => name !== this.#me).length;
    const isUnseen = this.#timeline.isDetached || document.hidden || !log.isAtEnd();
    if (isUnseen && others > 0) this.#count(this.#unread + others);
  }

  #saved(message) {
    this.#timeline.hear(message);
  }

  /** Fetches what may have been missed. */
  async #fill() {
    if (this.#isFilling || !this.#timeline.hasGap) return;
    this.#isFilling = true;
    try {
      for (let fills = 0; this.#isOpen && this.#timeline.hasGap; fills += 1) {
        const after = this.#timeline.beginFill();
        if (after === null || fills >= FILLS_MAX) await this.#reset();
        else this.#added(this.#timeline.fill(await this.#history({ after, limit: FILL_BATCH })));
        this.#render();
      }
    } finally {
      this.#isFilling = false;
    }
  }

  /** The newest batch instead of what is there; once at a time. */
  #reset() {
    const reset = async () => {
      this.#timeline.beginReset();
      this.#timeline.reset(await this.#history({ limit: BATCH }));
      this.#resetting = null;
      this.#render();
      this.#fill();
    };
    this.#resetting ??= reset();
    return this.#resetting;
  }

  async #older() {
    const button = $("#more");
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    button.textContent = "Loading…";
    try {
      const before = this.#timeline.oldest.created_at;
      this.#timeline.prepend(before, await this.#batch({ before, limit: BATCH }));
      button.textContent = "Load more";
    } catch (error) {
      button.textContent = `Could not load: ${error.message} Try again`;
    }
    button.removeAttribute("aria-disabled");
    const hadFocus = document.activeElement === button;
    this.#render();
    if (hadFocus && button.hidden) $("#log").focus();
  }

  async #latest() {
    if (this.#timeline.isDetached) await this.#reset();
    this.#count(0);
    log.toEnd();
  }

  /** A batch, whatever it takes. */
  async #history(part) {
    for (;;) {
      try {
        return await this.#batch(part);
      } catch (error) {
        if (!this.#isOpen) return { messages: [], more: false };
        this.#say(error.retryable ? "" : error.message);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  #batch(part) {
    return this.#client.call("chat.history", { room: this.#room, ...part });
  }

  #render({ announced = false } = {}) {
    if (!this.#isOpen) return;
    if (log.isAtEnd()) this.#timeline.trim();
    const { messages, hasOlder, isDetached } = this.#timeline;
    const rows = rowsOf(messages, isDetached ? [] : this.#sender.shown, this.#me);
    log.render(rows, { hasOlder, announced });
    $("#none").hidden = !this.#isEntered || rows.length > 0;
    this.#button();
  }

  #count(unread) {
    this.#unread = unread;
    document.title = unread > 0 ? `(${unread}) Tidegate chat` : "Tidegate chat";
    this.#button();
  }

  #button() {
    const { isDetached } = this.#timeline;
    const many = `${this.#unread} new message${this.#unread === 1 ? "" : "s"}`;
    $("#new").textContent = this.#unread > 0 ? many : "Latest messages";
    $("#new").hidden = !isDetached && (this.#unread === 0 || log.isAtEnd());
  }

  #say(text) {
    $("#notice").textContent = text;
    $("#notice").hidden = text === "";
  }

  /** "Today" becomes "Yesterday" in a window that stays open. */
  #atMidnight() {
    this.#midnight = setTimeout(() => {
      this.#render();
      this.#atMidnight();
    }, untilMidnight() + 1000);
  }
}
