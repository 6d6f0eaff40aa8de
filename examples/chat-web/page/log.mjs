// The messages on the page, and where the reader is in them.

import { $, copyOf } from "./dom.mjs";
import { clockOf, dayName, fullOf } from "./times.mjs";

/** So near the end counts as there. */
const END_PX = 60;
/** Screen readers look at additions a little later. */
const HUSH_MS = 300;
/** Names are told apart by one of so many colours. */
const HUES = 8;

const scroller = $("#log");
const more = $("#more");
const list = $("#messages");
const live = $("#live");
const elements = new Map();
let hushed;
let wasAtEnd = true;

export const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_PX;

export function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
  wasAtEnd = true;
}

// A banner, a longer text, a phone's keyboard: whoever is at the end stays there. In the next frame:
// within its own an observer must not move what it observes.
new ResizeObserver(() => requestAnimationFrame(() => wasAtEnd && toEnd())).observe(scroller);

/** Calls when the reader comes to the end by scrolling. */
export function onEnd(reached) {
  scroller.onscroll = () => {
    wasAtEnd = isAtEnd();
    if (wasAtEnd) reached();
  };
}

/**
 * Shows these rows and no others. Whoever is at the end stays there, whoever reads further up keeps
 * the place. What is `announced` is read aloud; whole batches are not.
 */
export function render(rows, { hasOlder, announced }) {
  speak(announced);
  const anchor = wasAtEnd ? null : anchorOf();
  more.hidden = !hasOlder;
  const wanted = new Set(rows.map(({ key }) => key));
  for (const [key, element] of elements) {
    if (wanted.has(key)) continue;
    element.remove();
    elements.delete(key);
  }
  let next = list.firstElementChild;
  for (const row of rows) {
    const old = elements.get(row.key);
    const element = elementOf(row);
    if (old === next) next = next?.nextElementSibling ?? null;
    if (old !== element) old?.remove();
    // One that stays where it is must not be touched: it may have the focus or be selected.
    if (element.nextElementSibling !== next || !element.isConnected) list.insertBefore(element, next);
  }
  const same = anchor && elements.get(anchor.key);
  if (same) scroller.scrollTop += topOf(same) - anchor.top;
  else if (wasAtEnd) toEnd();
}

/** Whether what is added now is read aloud; later additions are. */
function speak(isOn) {
  clearTimeout(hushed);
  live.setAttribute("aria-live", isOn ? "polite" : "off");
  if (!isOn) hushed = setTimeout(() => live.setAttribute("aria-live", "polite"), HUSH_MS);
}

/** The first message in sight, and where its text is: a name above it may come or go. */
function anchorOf() {
  const top = scroller.getBoundingClientRect().top;
  const isSeen = (element) => element.getBoundingClientRect().bottom > top;
  const element = [...list.children].find((row) => row.className !== "day" && isSeen(row));
  return element && { key: element.dataset.key, top: topOf(element) };
}

const topOf = (message) => message.querySelector(".text").getBoundingClientRect().top;

/** The row's element; another one if what it says has changed. */
function elementOf(row) {
  const { kind, key, isContinued, error } = row;
  const state = [kind, isContinued, error?.message, kind === "day" && dayName(row.time_ms)].join();
  const element = elements.get(key);
  if (element?.dataset.state === state) return element;
  const made = kind === "day" ? dayElement(row) : messageElement(row);
  Object.assign(made.dataset, { key, state });
  elements.set(key, made);
  return made;
}

function dayElement({ time_ms }) {
  const element = copyOf("#day");
  element.firstElementChild.textContent = dayName(time_ms);
  return element;
}

function messageElement({ kind, name, text, time_ms, isOwn, isContinued, nonce, error }) {
  const element = copyOf(kind === "send" ? "#send-row" : "#message-row");
  element.classList.toggle("own", isOwn);
  element.classList.toggle("continued", isContinued);
  element.classList.toggle("failed", Boolean(error));
  // What one has written oneself need not be read out.
  if (isOwn) element.setAttribute("aria-live", "off");
  const who = element.querySelector(".who");
  who.classList.add(`hue-${hueOf(name)}`);
  // Once for all that follow each other.
  if (isContinued) who.remove();
  else who.firstElementChild.textContent = isOwn ? "You" : name;
  element.querySelector(".text").textContent = text;
  const time = element.querySelector("time");
  time.dateTime = new Date(time_ms).toISOString();
  time.title = fullOf(time_ms);
  time.textContent = clockOf(time_ms);
  if (kind === "send") fillSend(element, nonce, error);
  return element;
}

function fillSend(element, nonce, error) {
  element.dataset.nonce = nonce;
  element.querySelector(".state").textContent = error ? `Not sent. ${error.message}` : "Sending…";
  for (const button of element.querySelectorAll("button")) button.hidden = !error;
}

function hueOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % HUES;
}
