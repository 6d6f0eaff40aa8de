// The page of examples/chat-web in a real browser.
// Usage: node chat.mjs PAGE_URL SCREENSHOTS
//
// When it prints "waiting for the server to go", the broker must be told to end; at "waiting for the
// server to come back" another must be started with the same data; at "waiting for the server to be
// killed" that one must be killed and another started.

import assert from "node:assert/strict";
import { join } from "node:path";
import { launch, shot } from "./chromium.mjs";
import { isFocused, Window, writer } from "./people.mjs";

const [url, screenshots] = process.argv.slice(2);
/** More than one batch of 50. */
const WRITTEN = 60;
const HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>';

const browser = await launch();
const pictured = ({ page }, name) => shot(page, join(screenshots, `chat-${name}.png`));

await writer(await browser.newContext(), url, "carol", WRITTEN);
const desk = await browser.newContext({ viewport: { width: 960, height: 640 }, colorScheme: "light" });
const phone = await browser.newContext({ viewport: { width: 320, height: 568 }, colorScheme: "dark" });
const ann = await Window.open(desk, url);
const bob = await Window.open(phone, url);

await registering();
await entering();
await talking();
await loadingMore();
await readingBack();
await mistakes();
await reloading();
await restarting();
await outage();
await leaving();
await browser.close();
console.log("ok");

async function registering() {
  await ann.name.waitFor();
  assert(await isFocused(ann.name));
  await ann.isRefused("", /type a name/);
  await ann.isRefused("   ", /type a name/);
  await ann.isRefused("x".repeat(33), /at most 32 characters/);
  await ann.isRefused("a\u0007b", /control characters/);
  await ann.isRefused("carol", /carol is taken/);
  await pictured(ann, "form-light");
  await ann.enter("ann");
  await ann.isIn("ann");
  await bob.isRefused("ann", /ann is taken/);
  await pictured(bob, "form-dark-phone");
  await bob.fits();
  await bob.enter("bob");
  await bob.isIn("bob");
}

async function entering() {
  await ann.sees(`carol ${WRITTEN}`);
  assert.equal(await ann.messages.count(), 50, "the last batch");
  assert.equal((await ann.texts()).at(-1), `carol ${WRITTEN}`);
  assert((await ann.distance()) < 2, "the newest are in sight");
  assert(await isFocused(ann.field));
  // The batch itself is not read aloud.
  await ann.page.locator("[role=log][aria-live=polite]").waitFor();
  assert.equal(await ann.page.locator("#messages .day").count(), 1);
  assert.equal(await ann.page.locator("#messages .who").count(), 1, "one sender, named once");
  const time = await ann.messages.last().locator("time").getAttribute("datetime");
  assert(Math.abs(Date.now() - Date.parse(time)) < 120_000, time);
}

async function talking() {
  await bob.says("Hello from a phone");
  await ann.sees("Hello from a phone");
  assert.equal(await ann.saying("Hello from a phone").locator(".who").textContent(), "bob");
  assert.equal(await ann.saying("Hello from a phone").getAttribute("class"), "message");
  const own = bob.saying("Hello from a phone");
  assert.match(await own.getAttribute("class"), /\bown\b/);
  assert.equal(await own.locator(".who").textContent(), "You");
  const [mine, others] = [await own.boundingBox(), await bob.saying(`carol ${WRITTEN}`).boundingBox()];
  assert(mine.x > others.x, "own messages stand apart");

  await ann.says(HOSTILE);
  await bob.sees(HOSTILE);
  assert.equal(await bob.page.locator("#messages img, #messages script").count(), 0);
  await ann.field.fill("two");
  await ann.field.press("Shift+Enter");
  await ann.page.keyboard.type("lines");
  await ann.field.press("Enter");
  await bob.page.locator(".text", { hasText: "two\nlines" }).waitFor();
  assert.equal((await bob.texts()).at(-1), "two\nlines");
  await ann.page.getByRole("button", { name: "Send" }).click();
  assert.deepEqual(await ann.texts(), await bob.texts(), "an empty field sends nothing");
  assert((await bob.distance()) < 2, "who is at the end follows");
  await bob.fits();
  await pictured(ann, "light");
  await pictured(bob, "dark-phone");
}

async function loadingMore() {
  await ann.scrollTo(0);
  const first = ann.saying("carol 11").locator(".text");
  const { y } = await first.boundingBox();
  await ann.more.focus();
  await ann.page.keyboard.press("Enter");
  await ann.saying("carol 1").waitFor({ state: "attached" });
  await ann.more.waitFor({ state: "hidden" });
  assert(Math.abs((await first.boundingBox()).y - y) < 2, "what was in sight stays where it was");
  assert(await isFocused(ann.log), "the button is gone, the place is not");
  const carols = (await ann.texts()).filter((text) => text.startsWith("carol"));
  assert.deepEqual(carols, Array.from({ length: WRITTEN }, (_, at) => `carol ${at + 1}`));
}

async function readingBack() {
  await ann.scrollTo(0);
  await bob.says("Are you there?");
  const button = ann.page.getByRole("button", { name: "1 new message" });
  await button.waitFor();
  assert.equal(await ann.page.title(), "(1) Tidegate chat");
  assert.equal(await ann.log.evaluate((log) => log.scrollTop), 0, "who reads further up is left there");
  await pictured(ann, "new-light");
  await button.click();
  await button.waitFor({ state: "hidden" });
  assert((await ann.distance()) < 2);
  assert.equal(await ann.page.title(), "Tidegate chat");
  await ann.scrollTo(0);
  await ann.says("Yes");
  assert((await ann.distance()) < 2, "who writes is at the end");
  await bob.sees("Yes");
}

async function mistakes() {
  await ann.field.fill("x".repeat(2001));
  await ann.field.press("Enter");
  await ann.page.getByRole("alert").filter({ hasText: "at most 2000 characters: 1 too many" }).waitFor();
  assert.equal(await ann.field.getAttribute("aria-invalid"), "true");
  assert.equal((await ann.field.inputValue()).length, 2001, "nothing written is lost");
  await ann.field.press("Backspace");
  assert.equal(await ann.field.getAttribute("aria-invalid"), null);
  await ann.field.fill("");
  // Only the server knows that these are not seen.
  await ann.says("\u200b\u2060");
  const failed = ann.page.locator("#messages .failed");
  await failed.waitFor();
  assert.match(await failed.textContent(), /Not sent\. Please write something\./);
  await failed.getByRole("button", { name: "Discard" }).click();
  await failed.waitFor({ state: "detached" });
  assert(await isFocused(ann.field));
}

async function reloading() {
  const before = (await ann.texts()).slice(-10);
  await ann.page.reload();
  await ann.isIn("ann");
  await ann.sees("Yes");
  assert.deepEqual((await ann.texts()).slice(-10), before);
  await ann.more.waitFor();
}

async function restarting() {
  ann.isOutage = bob.isOutage = true;
  console.log("waiting for the server to go");
  for (const { banner } of [ann, bob]) await banner.getByText("Connection lost.").waitFor();
  await bob.says("Written while the server is away");
  assert.match(await bob.messages.last().textContent(), /Sending…/);
  await pictured(bob, "lost-dark-phone");
  console.log("waiting for the server to come back");
  for (const { banner } of [ann, bob]) await banner.waitFor({ state: "hidden" });
  for (const window of [ann, bob]) await window.sees("Written while the server is away");
  await ann.isIn("ann");
  await ann.says("Still logged in");
  await bob.sees("Still logged in");

  console.log("waiting for the server to be killed");
  for (const { banner } of [ann, bob]) await banner.waitFor();
  for (const { banner } of [ann, bob]) await banner.waitFor({ state: "hidden" });
  await bob.says("Nothing is lost");
  await ann.sees("Nothing is lost");
  assert.deepEqual((await ann.texts()).slice(-6), (await bob.texts()).slice(-6));
  ann.isOutage = bob.isOutage = false;
}

async function outage() {
  bob.isOutage = true;
  await bob.scrollTo(0);
  await phone.setOffline(true);
  await bob.banner.waitFor();
  await ann.says("Bob misses this");
  await ann.says("and this");
  await phone.setOffline(false);
  await bob.page.getByRole("button", { name: "2 new messages" }).click();
  await phone.setOffline(true);
  await bob.banner.waitFor();
  await bob.says("Bob wrote this offline");
  await phone.setOffline(false);
  for (const window of [ann, bob]) {
    await window.sees("Bob wrote this offline");
    await window.sees("Bob misses this");
    await window.sees("and this");
  }
  await bob.banner.waitFor({ state: "hidden" });
  assert.deepEqual((await ann.texts()).slice(-8), (await bob.texts()).slice(-8));
  bob.isOutage = false;
}

async function leaving() {
  const second = await Window.open(desk, url);
  await second.isIn("ann");
  await second.says("From a second window");
  await ann.sees("From a second window");
  assert.match(await ann.saying("From a second window").getAttribute("class"), /\bown\b/);
  await second.page.getByRole("button", { name: "Log out" }).click();
  await second.name.waitFor();
  await ann.page.getByText("You have been logged out.").waitFor();
  assert(await isFocused(ann.name));
  await bob.sees("From a second window");

  // The name is free, its messages stay.
  await second.enter("ann");
  await second.isIn("ann");
  await second.sees("From a second window");
  await bob.says("Goodbye");
  await second.sees("Goodbye");
}
