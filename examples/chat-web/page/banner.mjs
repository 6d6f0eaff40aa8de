// The connection's state, said only when there is something to say.

import { $ } from "./dom.mjs";

/** A connection that is back sooner is not worth a word. */
const QUIET_MS = 800;

const banner = $("#banner");
const text = $("#banner-text");
const wait = $("#banner-wait");
const button = $("#banner-button");

let timer;
let countdown;
let wasOpen = false;

/** Shows a status of the client. `again` is what the button does. */
export function show({ state, in_ms, error }, again) {
  clearInterval(countdown);
  if (state === "open" || state === "idle") return hide();
  text.textContent = state === "closed" ? error.message : wasOpen ? "Connection lost." : "No connection yet.";
  wait.textContent = state === "connecting" ? "Connecting…" : "";
  button.textContent = state === "closed" ? "Connect again" : "Try now";
  button.disabled = state === "connecting";
  button.onclick = again;
  if (state === "waiting") count(Date.now() + in_ms);
  timer ??= setTimeout(() => (banner.hidden = false), QUIET_MS);
}

/** Something that is no connection's state and may be tried again. */
export function problem(message, again) {
  show({ state: "closed", error: new Error(message) }, again);
  button.textContent = "Try again";
}

function hide() {
  const wasShown = !banner.hidden;
  clearTimeout(timer);
  timer = undefined;
  banner.hidden = true;
  $("#said").textContent = wasShown && wasOpen ? "Connected again." : "";
  wasOpen = true;
}

/** For the eye only: read aloud each second it would be a nuisance. */
function count(until) {
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    wait.textContent = seconds > 0 ? `Trying again in ${seconds} s.` : "";
  };
  tick();
  countdown = setInterval(tick, 1000);
}
