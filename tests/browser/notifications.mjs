// The page of examples/notifications in a real browser.
// Usage: node notifications.mjs PAGE_URL INGEST_URL INGEST_TOKEN SCREENSHOTS
//
// ann is let in, mallory is refused. A record is a POST to INGEST_URL with its key in a header.
// When it prints "waiting for the server to go", the server must be ended.

import assert from "node:assert/strict";
import { join } from "node:path";
import { launch, shot } from "./chromium.mjs";

const [pageUrl, ingestUrl, ingestToken, screenshots] = process.argv.slice(2);
const PATIENCE_MS = 20_000;

const browser = await launch();

async function notify(user, payload) {
  const headers = { authorization: `Bearer ${ingestToken}`, "tidegate-key": user };
  const body = JSON.stringify(payload);
  const response = await fetch(ingestUrl, { method: "POST", headers, body });
  assert.equal(response.status, 200, await response.text());
}

/** A window that fails the test on any error that the page does not expect. */
async function open(colorScheme) {
  const context = await browser.newContext({ colorScheme, viewport: { width: 800, height: 600 } });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`the page: ${error.stack}`));
  page.on("console", (line) => {
    const text = line.text();
    assert(!/Content Security Policy|TrustedHTML/.test(text), text);
  });
  await page.goto(pageUrl);
  return page;
}

async function logIn(page, user) {
  await page.getByLabel("User name").fill(user);
  await page.getByRole("button", { name: "Log in" }).click();
}

const reaches = (page, state) => page.locator(`#state[data-state=${state}]`).waitFor();
const items = (page) => page.locator("#list li");

const dark = await open("dark");
assert.equal(await dark.getByRole("status").textContent(), "Signed out");
await logIn(dark, "ann");
await reaches(dark, "connected");
const light = await open("light");
await logIn(light, "ann");
await reaches(light, "connected");
await dark.getByText("Connected over websocket").waitFor();

await notify("bob", { title: "Not for ann" });
await notify("ann", { title: "Hello <b>ann</b>", text: "One\nTwo é 😀" });
await notify("ann", "only a text");
await notify("ann", { some: { other: "shape" } });
for (const page of [dark, light]) {
  await items(page).nth(2).waitFor();
  assert.equal(await items(page).count(), 3);
  assert.deepEqual(await page.locator("#list .title").allTextContents(), [
    "Notification",
    "only a text",
    "Hello <b>ann</b>",
  ]);
  assert.equal(await page.title(), "(3) Notifications");
  const time = await page.locator("#list time").first().getAttribute("datetime");
  assert(Math.abs(Date.now() - Date.parse(time)) < 60_000, time);
}

// By keyboard: what is read leaves the focus on the next one.
await dark.getByRole("button", { name: "Mark as read: Notification" }).press("Enter");
await dark.getByText("2 unread").waitFor();
const focused = await dark.evaluate(() => document.activeElement.getAttribute("aria-label"));
assert.equal(focused, "Mark as read: only a text");
await shot(dark, join(screenshots, "notifications-dark.png"));
await shot(light, join(screenshots, "notifications-light.png"));
await dark.getByRole("button", { name: "Mark all as read" }).click();
assert.equal(await dark.title(), "Notifications");
assert.equal(await dark.locator("#list .unread").count(), 0);
// Windows keep their own read state.
assert.equal(await light.locator("#list .unread").count(), 3);

await dark.getByRole("button", { name: "Log out" }).click();
await logIn(dark, "mallory");
await reaches(dark, "refused");
const alert = await dark.getByRole("alert").textContent();
assert.match(alert, /\(forbidden-user\)$/);
await dark.getByRole("button", { name: "Log out" }).click();
await notify("ann", { title: "Ann is away here" });
await items(light).nth(3).waitFor();
assert.equal(await items(dark).count(), 0);

console.log("waiting for the server to go");
await reaches(light, "connecting");
assert.equal(await items(light).count(), 4, "what was heard stays");
console.log("waiting for the server to come back");
await reaches(light, "connected");
await notify("ann", { title: "After the outage" });
await items(light).nth(4).waitFor();
await browser.close();
console.log("ok");
