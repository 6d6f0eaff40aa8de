// The browser of the tests.

import assert from "node:assert/strict";
import axe from "axe-core";
import { chromium } from "playwright-core";

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/**
 * Takes a picture, of what everybody can read and use as far as a program can tell (WCAG): what is
 * worth a picture is worth a look for whoever cannot see it.
 */
export async function shot(page, path) {
  // Not by a script element: a page's policy may forbid foreign ones.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  // As it is to stay: on its way in, nothing has its colours yet.
  await page.waitForFunction(() => document.getAnimations().length === 0);
  const { violations } = await page.evaluate(() => axe.run({ preload: false }));
  const told = violations.map(({ id, help, nodes }) => {
    const places = nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`);
    return `${id}: ${help}\n${places.join("\n")}`;
  });
  assert.deepEqual(told, [], path);
  await page.screenshot({ path, animations: "disabled" });
}
