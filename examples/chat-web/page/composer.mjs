// Where messages are written.

import { $, say } from "./dom.mjs";

/** The plugin's default; it has the last word. */
const CHARACTERS_MAX = 2000;
/** From here on the reader is told how many are left. */
const COUNTED_FROM = CHARACTERS_MAX * 0.8;

const form = $("#composer");
const field = $("#text");
const left = $("#left");

/** `send` gets each text and answers what is wrong with it, "" if nothing. */
export function open(send) {
  form.onsubmit = (event) => {
    event.preventDefault();
    submit(send);
  };
  change("");
}

export const focus = () => field.focus();

function submit(send) {
  const text = field.value.replaceAll("\t", "    ").trim();
  field.focus();
  if (text === "") return;
  const wrong = problemOf(text) || send(text);
  if (wrong) return say(field, wrong);
  change("");
}

function change(text) {
  field.value = text;
  changed();
}

function changed() {
  const { length } = [...field.value];
  say(field, length > CHARACTERS_MAX ? problemOf(field.value) : "");
  left.textContent = length >= COUNTED_FROM ? `${CHARACTERS_MAX - length}` : "";
  // As high as its text; the style sheet says how high at most.
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
}

function problemOf(text) {
  const excess = [...text].length - CHARACTERS_MAX;
  if (excess > 0) return `A message has at most ${CHARACTERS_MAX} characters: ${excess} too many.`;
  return /[\p{Cc}]/u.test(text.replaceAll("\n", "")) ? "A message cannot hold control characters." : "";
}

field.addEventListener("input", changed);
field.addEventListener("keydown", (event) => {
  // Enter also ends the input of a Chinese or Japanese word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
