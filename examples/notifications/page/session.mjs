// Who is logged in, and a token that is good for a while yet.

/** A token that ends within this many seconds is replaced before it is used. */
const MARGIN_S = 10;

export class Session {
  #url;
  #user;
  #token = "";
  #until = 0;

  constructor(authUrl, user) {
    this.#url = authUrl;
    this.#user = user;
  }

  get user() {
    return this.#user;
  }

  /** A token with some life left; asks the Authentication Service if there is none. */
  async token() {
    if (!this.#token || performance.now() >= this.#until) await this.#renew();
    return this.#token;
  }

  /** The broker did not take it: the next one is a new one. */
  discard() {
    this.#token = "";
  }

  async #renew() {
    const response = await fetch(new URL("/login", this.#url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: this.#user }),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(body.error?.message ?? `the login answered ${response.status}`);
    this.#token = body.token;
    const life = Math.max(body.expires_in - MARGIN_S, body.expires_in / 2);
    this.#until = performance.now() + life * 1000;
  }
}
