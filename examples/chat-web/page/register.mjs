// The form that asks for a name.

import { post } from "./api.mjs";
import { $, say } from "./dom.mjs";

const field = $("#name");
const form = $("#register form");
const button = form.querySelector("button");

/** Shows the form; `entered` is called when there is a session. */
export function ask(note, entered) {
  $("#register").hidden = false;
  $("#note").textContent = note;
  $("#note").hidden = note === "";
  say(field, "");
  field.focus();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (name === "") return refuse("Please type a name.");
    button.disabled = true;
    try {
      await post("chat.register", { name });
    } catch (error) {
      // Another window of this browser was faster, with another name.
      if (error.code !== "already-registered") return refuse(error.message);
    } finally {
      button.disabled = false;
    }
    field.value = "";
    $("#register").hidden = true;
    entered();
  };
}

function refuse(message) {
  say(field, message);
  field.focus();
  field.select();
}

field.addEventListener("input", () => say(field, ""));
