// What the User Service remembers: its users, the fault that a test asked for, and its counts.

import { setTimeout as sleep } from "node:timers/promises";

/** So that `PUT` in a loop cannot fill the memory. */
const USERS_MAX = 10_000;
const DELAY_MS_MAX = 600_000;
/** Paths that are counted one by one. */
const PATHS_MAX = 10_000;

/** What a request is refused with. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

export class Users {
  #byId = new Map();

  #anybody;

  /** A list of `{id, name, active?, blocked?}`; with `anybody` those that are not in it are there too. */
  constructor(list, anybody = false) {
    this.#anybody = anybody;
    if (!Array.isArray(list)) throw new Error("this is not a list of users");
    for (const user of list) this.put(user?.id, user);
  }

  get(id) {
    const user = this.#anybody && !this.#byId.has(id) ? { name: id, active: true } : this.#known(id);
    if (user.blocked) throw new Refusal(403, "blocked", `the user ${id} is blocked`);
    const { name, active } = user;
    return { id, name, active };
  }

  put(id, { name = id, active = true, blocked = false }) {
    if (typeof id !== "string" || id === "" || id.length > 255) {
      throw new Refusal(400, "bad-user", "a user's id is a text of 1 to 255 characters");
    }
    const good = typeof name === "string" && [active, blocked].every((v) => typeof v === "boolean");
    if (!good) {
      throw new Refusal(400, "bad-user", '"name" is a text, "active" and "blocked" are booleans');
    }
    if (!this.#byId.has(id) && this.#byId.size >= USERS_MAX) {
      throw new Refusal(409, "too-many-users", `there are ${USERS_MAX} users already`);
    }
    this.#byId.set(id, { name, active, blocked });
    return { id, name, active, blocked };
  }

  delete(id) {
    this.#known(id);
    this.#byId.delete(id);
    return { id };
  }

  #known(id) {
    const user = this.#byId.get(id);
    if (!user) throw new Refusal(404, "unknown-user", `there is no user ${id}`);
    return user;
  }
}

/** How questions about users are made to fail. */
export class Faults {
  current = { delay_ms: 0, status: 0 };

  /** Replaces the fault; `{}` ends it. */
  set({ delay_ms = 0, status = 0 }) {
    const delayed = Number.isInteger(delay_ms) && delay_ms >= 0 && delay_ms <= DELAY_MS_MAX;
    const answered = status === 0 || (Number.isInteger(status) && status >= 200 && status <= 599);
    if (!delayed || !answered) {
      const message = `"delay_ms" is at most ${DELAY_MS_MAX}, "status" one of 200 to 599, or 0`;
      throw new Refusal(400, "bad-fault", message);
    }
    this.current = { delay_ms, status };
    return this.current;
  }

  async befall() {
    const { delay_ms, status } = this.current;
    // Without a reference, so that a held answer does not keep the process from ending.
    if (delay_ms > 0) await sleep(delay_ms, undefined, { ref: false });
    if (status > 0) throw new Refusal(status, "fault", `made to answer ${status}`);
  }
}

/** Counts of `GET /users/{id}`. */
export class Stats {
  #counts = Stats.#none();

  static #none() {
    return { requests: 0, in_flight: 0, most_in_flight: 0, by_status: {}, by_path: {} };
  }

  /** Answers what to call, with the status, when the answer has left or was given up on. */
  begin(path) {
    const counts = this.#counts;
    counts.requests += 1;
    if (path in counts.by_path || Object.keys(counts.by_path).length < PATHS_MAX) {
      counts.by_path[path] = (counts.by_path[path] ?? 0) + 1;
    }
    counts.in_flight += 1;
    counts.most_in_flight = Math.max(counts.most_in_flight, counts.in_flight);
    return (status) => {
      counts.in_flight -= 1;
      counts.by_status[status] = (counts.by_status[status] ?? 0) + 1;
    };
  }

  all() {
    return this.#counts;
  }

  reset() {
    this.#counts = Stats.#none();
    return {};
  }
}
