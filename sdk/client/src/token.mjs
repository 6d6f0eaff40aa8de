import { TidegateError, unauthenticated } from "./error.mjs";

/** A token is replaced so long before it ends, or at half its life if it is short. */
const MARGIN_MS = 60_000;
/** Not sooner than this, though the token or a clock that is wrong says that it has ended. */
const LIFE_MS_MIN = 1_000;

/** Where tokens come from: fixed, a function's, or `/auth/ws`, which swaps the session's cookie. */
export class Tokens {
  #ask;
  #token = null;
  #renewAt = Infinity;
  #wait_ms;
  #asking = null;
  /** Whether another can be had. */
  renewable;

  /** `wait_ms`: for one token. */
  constructor(source, base, wait_ms) {
    this.#wait_ms = wait_ms;
    this.renewable = typeof source === "function" || typeof source?.endpoint === "string";
    if (typeof source === "function") this.#ask = async () => source();
    else if (this.renewable) this.#ask = () => swapCookie(new URL(source.endpoint, base), source);
    else this.#token = source ?? null;
  }

  /** Milliseconds until it should be replaced; Infinity = never. */
  get untilRenewal() {
    return this.#renewAt - Date.now();
  }

  /** A token with some life left; null = none, which makes an anonymous client. */
  async current() {
    const isGood = this.#token !== null && this.untilRenewal > 0;
    return isGood || !this.renewable ? this.#token : this.renewed();
  }

  /** Another token. Whoever asks meanwhile gets the same one. */
  renewed() {
    this.#asking ??= this.#renew().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #renew() {
    const given = await within(this.#wait_ms, this.#ask()).catch(asFailure);
    const { token, expires_in } = typeof given === "object" && given !== null ? given : { token: given };
    const life = expires_in === undefined ? lifeIn(token) : expires_in * 1000;
    const until = Math.max(LIFE_MS_MIN, life / 2, life - MARGIN_MS);
    // Tokens made together are not replaced together.
    this.#renewAt = Date.now() + until * (0.9 + Math.random() / 10);
    this.#token = token || null;
    return this.#token;
  }
}

/** What hangs must not keep the connection from being tried again. */
function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`none within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** An application's own error may be anything, so another attempt is made. */
function asFailure(cause) {
  if (cause instanceof TidegateError) throw cause;
  throw new TidegateError("unavailable", `no token: ${cause}`, { retryable: true, cause });
}

async function swapCookie(url, { headers, fetch = globalThis.fetch }) {
  const options = { credentials: "include", cache: "no-store", headers };
  let response;
  try {
    response = await fetch(url, options);
  } catch (cause) {
    throw new TidegateError("unavailable", `no answer from ${url}`, { retryable: true, cause });
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok && typeof body.token === "string") return body;
  const message = body.message ?? `${url} answered ${response.status}`;
  const { status } = response;
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) throw unauthenticated(message);
  throw new TidegateError(body.error ?? "unavailable", message, { retryable: true });
}

/** Milliseconds that a JWT has left; Infinity = it does not say. */
function lifeIn(token) {
  try {
    const [, payload] = token.split(".");
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof exp === "number" ? exp * 1000 - Date.now() : Infinity;
  } catch {
    return Infinity;
  }
}
