import { Backoff } from "./backoff.mjs";
import { Connection } from "./connection.mjs";
import { closed, TidegateError, unauthenticated } from "./error.mjs";

/** Close codes after which another connection would end the same way (docs/protocol.md). */
const FINAL_CODES = new Set([1002, 1003, 1007, 1009, 4008]);
/** Nothing was said in time. */
const IDLE_CODE = 4003;
/** Longer timers overflow. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Keeps one connection: opens it, shows the token and renews it, opens the next when one is lost or
 * the server asks for it.
 *
 * `owner` has `prepare(connection)`, awaited before a connection counts; `adopted(isHole)`;
 * `heard(connection, frame)`; `status(status)`; and `isIdle()`, whether a connection has no purpose.
 */
export class Link {
  #url;
  #settings;
  #tokens;
  #owner;
  #backoff;
  #current = null;
  #opening = null;
  #wasOpen = false;
  /** What the loop does beside a connection that is still in use: it shows when that ends. */
  #behind = null;
  #isStarted = false;
  #hasEnded = false;
  #renewing = null;
  #cut = () => {};
  #renewal;

  constructor(url, settings, tokens, owner) {
    this.#url = url;
    this.#settings = settings;
    this.#tokens = tokens;
    this.#owner = owner;
    this.#backoff = new Backoff(settings.backoff);
  }

  /** The connection that is in use; null = there is none now. */
  get current() {
    return this.#current?.isOver === false ? this.#current : null;
  }

  start() {
    if (!this.#isStarted && !this.#hasEnded) this.#run();
    this.#isStarted = true;
  }

  /** For good. */
  end(status) {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#renewal);
    this.#current?.close();
    this.#opening?.close();
    this.#cut();
    this.#owner.status(status);
  }

  /** Tries now instead of when the pause is over; asks an open connection for a sign of life. */
  hurry(wait_ms) {
    this.#cut();
    this.current?.check(wait_ms);
  }

  /** Shows another token on the connection, and keeps at it while that may succeed. */
  renew() {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew() {
    const backoff = new Backoff(this.#settings.backoff);
    for (;;) {
      const connection = this.current;
      // The next connection is shown a good one.
      if (!connection || this.#hasEnded) return;
      try {
        await show(connection, await this.#tokens.renewed());
        return this.#planRenewal();
      } catch (error) {
        if (!error.retryable) return this.end({ state: "unauthenticated", error });
        await new Promise((resolve) => setTimeout(resolve, backoff.next()));
      }
    }
  }

  async #run() {
    while (!this.#hasEnded) {
      let failure, isStable = false;
      try {
        const connection = await this.#establish();
        this.#adopt(connection);
        await connection.leave;
        isStable = Date.now() - connection.openedAt >= this.#settings.stable_ms;
        if (isStable) this.#backoff.reset();
        failure = connection.isOver ? await connection.over : null;
      } catch (error) {
        failure = error;
      }
      if (this.#hasEnded) return;
      const end = endFor(failure);
      if (end) return this.end(end);
      // A server that asks for another connection gets it at once, but not over and over.
      if (failure !== null || !isStable) await this.#pause(failure);
    }
  }

  async #establish() {
    this.#say({ state: "connecting" });
    const token = await this.#tokens.current();
    if (this.#hasEnded) throw closed("closed meanwhile");
    const hear = (connection, frame) => this.#owner.heard(connection, frame);
    const connection = new Connection(this.#url, this.#settings, hear);
    this.#opening = connection;
    try {
      await connection.opened();
      await this.#authenticate(connection, token);
      await this.#owner.prepare(connection);
      if (this.#hasEnded) throw closed("closed meanwhile");
      return connection;
    } catch (error) {
      // Nobody listens on it: leaving nothing behind matters more than a clean close.
      connection.drop("it was not of use");
      const { code, reason } = await connection.over;
      throw FINAL_CODES.has(code) ? { code, reason } : error;
    } finally {
      this.#opening = null;
    }
  }

  /** A token that was good an hour ago may be revoked: another is asked for once. */
  async #authenticate(connection, token) {
    if (token === null) return;
    try {
      await show(connection, token);
    } catch (error) {
      if (error.retryable || !this.#tokens.renewable) throw error;
      await show(connection, await this.#tokens.renewed());
    }
  }

  #adopt(connection) {
    const previous = this.current;
    this.#current = connection;
    this.#behind = null;
    connection.over.then(() => {
      if (this.#current === connection && this.#behind && !this.#hasEnded) this.#owner.status(this.#behind);
    });
    previous?.retire();
    this.#planRenewal();
    const isHole = this.#wasOpen && !previous;
    this.#wasOpen = true;
    this.#owner.status({ state: "open" });
    this.#owner.adopted(isHole);
  }

  async #pause(failure) {
    const isIdle = failure?.code === IDLE_CODE && this.#owner.isIdle();
    const in_ms = isIdle ? Infinity : this.#backoff.next();
    const isCut = new Promise((resolve) => (this.#cut = resolve));
    const timer = isIdle ? undefined : setTimeout(this.#cut, in_ms);
    const error = failure instanceof TidegateError ? failure : undefined;
    this.#say(isIdle ? { state: "idle" } : { state: "waiting", in_ms, error });
    await isCut;
    clearTimeout(timer);
    this.#cut = () => {};
  }

  #say(status) {
    if (this.current) this.#behind = status;
    else this.#owner.status(status);
  }

  #planRenewal() {
    clearTimeout(this.#renewal);
    const { untilRenewal } = this.#tokens;
    if (untilRenewal === Infinity) return;
    const renew = () => (this.#tokens.untilRenewal > 0 ? this.#planRenewal() : this.renew());
    this.#renewal = setTimeout(renew, Math.min(Math.max(untilRenewal, 0), TIMER_MS_MAX));
  }
}

/** Makes the token the connection's. */
async function show(connection, token) {
  try {
    await connection.request("AUTH", { auth_token: token });
  } catch (error) {
    throw error.retryable ? error : unauthenticated(error.message, error);
  }
}

/** The status in which a failure leaves the client for good; null = another attempt may succeed. */
function endFor(failure) {
  if (failure === null || failure.retryable) return null;
  if (failure instanceof TidegateError) return { state: "unauthenticated", error: failure };
  // Such as a page that may not open WebSockets there.
  if (failure instanceof Error) return { state: "closed", error: failure };
  const { code, reason } = failure;
  if (!FINAL_CODES.has(code)) return null;
  const error = new TidegateError("closed-by-server", `the server closed with ${code} ${reason}`);
  return { state: "closed", error };
}
