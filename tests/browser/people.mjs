// People at windows of the chat: what they do and see.

import assert from "node:assert/strict";

const PATIENCE_MS = 20_000;

/** A window that fails the test on any error that is not part of it. */
export class Window {
  /** Network errors of this time are part of the test. */
  isOutage = false;

  static async open(context, url) {
    context.setDefaultTimeout(PATIENCE_MS);
    const window = new Window();
    window.page = await context.newPage();
    await window.page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        console.error(`policy violated: ${violatedDirective} ${blockedURI}`),
      );
    });
    window.page.on("pageerror", (error) => assert.fail(`the page: ${error.message} ${error.stack}`));
    window.page.on("dialog", (dialog) => assert.fail(`a dialog: ${dialog.message()}`));
    window.page.on("console", (line) => window.#hears(line));
    await window.page.goto(url);
    return window;
  }

  /** Chromium itself reports answers that refuse something, such as a name. */
  #hears(line) {
    const text = line.text();
    if (!["error", "warning"].includes(line.type())) return;
    const isRefusal = /the server responded with a status of 4(00|01|03|09) /.test(text);
    const isNetwork = /net::ERR_|WebSocket connection to .* failed|status of 503 /.test(text);
    assert(isRefusal || (this.isOutage && isNetwork), `the console: ${text}`);
  }

  get name() {
    return this.page.getByLabel("What is your name?");
  }

  get field() {
    return this.page.getByLabel("Message", { exact: true });
  }

  get log() {
    return this.page.getByRole("region", { name: "Messages" });
  }

  get messages() {
    return this.page.locator("#messages .message");
  }

  get more() {
    return this.page.getByRole("button", { name: "Load more" });
  }

  get banner() {
    return this.page.locator("#banner");
  }

  /** Those that hold this text and nothing else. */
  saying(text) {
    return this.messages.filter({ has: this.page.locator(".text").getByText(text, { exact: true }) });
  }

  async enter(name) {
    await this.name.fill(name);
    await this.page.keyboard.press("Enter");
  }

  /** Refused at the field, with words that match. */
  async isRefused(name, words) {
    await this.enter(name);
    await this.page.getByRole("alert").filter({ hasText: words }).waitFor();
    assert.equal(await this.name.getAttribute("aria-invalid"), "true");
    const described = await this.name.getAttribute("aria-describedby");
    assert.match(await this.page.locator(`#${described}`).textContent(), words);
    assert(await isFocused(this.name), "the field to be mended has the focus");
  }

  async isIn(name) {
    await this.field.waitFor();
    assert.equal(await this.page.locator("#me").textContent(), name);
  }

  async says(text) {
    await this.field.fill(text);
    await this.field.press("Enter");
    assert.equal(await this.field.inputValue(), "", "it is written");
  }

  /** Sees it, once. */
  async sees(text) {
    await this.saying(text).first().waitFor();
    assert.equal(await this.saying(text).count(), 1, text);
  }

  /** All texts, top to bottom. */
  texts() {
    return this.page.locator("#messages .text").allTextContents();
  }

  /** Pixels between what is in sight and the end. */
  distance() {
    return this.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
  }

  scrollTo(top) {
    return this.log.evaluate((log, top) => (log.scrollTop = top), top);
  }

  /** Nothing is wider than the window. */
  async fits() {
    const [wide, all] = await this.page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    assert(wide <= all, `${wide} px in a window of ${all}`);
  }
}

export const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement);

/** Somebody who writes `count` messages as a program does. */
export async function writer(context, url, name, count) {
  const headers = { origin: new URL(url).origin };
  const call = async (method, data) => {
    const response = await context.request.post(new URL(`/call/${method}`, url).href, { headers, data });
    assert.equal(response.status(), 200, await response.text());
  };
  await call("chat.register", { name });
  for (let n = 1; n <= count; n += 1) await call("chat.send", { text: `${name} ${n}`, nonce: `${name}-${n}` });
}
