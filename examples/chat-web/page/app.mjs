// Who we are decides what is shown: the form, or the chat.

import { post } from "./api.mjs";
import * as banner from "./banner.mjs";
import { Tidegate } from "./client/index.mjs";
import * as composer from "./composer.mjs";
import { $ } from "./dom.mjs";
import { ask } from "./register.mjs";
import { Room } from "./room.mjs";
import { forgetUnsent } from "./sender.mjs";

const PAUSE_MS = 3000;
/** Other windows of this browser: a session that begins or ends is theirs too. */
const windows = new BroadcastChannel("tidegate-chat");

let chat = null;
/** Counts beginnings: the last one counts. */
let turn = 0;

async function begin(note = "") {
  turn += 1;
  for (const mine = turn; ; ) {
    try {
      const { name, rooms } = await post("chat.who");
      if (mine === turn) enter(name, rooms);
      return;
    } catch (error) {
      if (mine !== turn) return;
      if (error.code === "unauthenticated" || error.code === "forbidden") break;
      banner.problem(error.message, () => location.reload());
      if (!error.retryable) return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  banner.show({ state: "open" });
  ask(note, () => {
    windows.postMessage("changed");
    begin();
  });
}

function enter(name, rooms) {
  banner.show({ state: "open" });
  $("#register").hidden = true;
  chat = new Chat(name, rooms);
}

function leave(note) {
  chat?.close();
  chat = null;
  begin(note);
}

/** One session's stay, from its token to its end. */
class Chat {
  #client = new Tidegate({ token: { endpoint: "/auth/ws" } });
  #rooms;
  #room;

  constructor(name, rooms) {
    this.name = name;
    this.#rooms = rooms;
    $("#me").textContent = name;
    $("#chat").hidden = false;
    $("#skip").hidden = false;
    $("#logout").onclick = () => this.#logout();
    this.#showRooms();
    this.#client.on("status", (status) => this.#became(status));
    this.#open(rooms[0]);
    composer.focus();
  }

  close() {
    this.#room?.close();
    this.#client.close();
    banner.show({ state: "open" });
    $("#chat").hidden = true;
    $("#skip").hidden = true;
  }

  #open(room) {
    this.#room?.close();
    $("#room-name").textContent = room;
    this.#room = new Room(this.#client, this.name, room, room === this.#rooms[0]);
  }

  #showRooms() {
    const select = $("#rooms");
    select.replaceChildren(...this.#rooms.map((room) => new Option(room)));
    $("#rooms-label").hidden = this.#rooms.length < 2;
    select.onchange = () => this.#open(select.value);
  }

  #became(status) {
    if (chat !== this) return;
    if (status.state === "unauthenticated") return leave("You have been logged out.");
    const again = () => (status.state === "closed" ? leave("") : this.#client.retryNow());
    banner.show(status, again);
  }

  async #logout() {
    $("#logout").disabled = true;
    try {
      await post("chat.logout");
      windows.postMessage("changed");
      if (chat === this) leave("");
      forgetUnsent();
    } catch (error) {
      banner.problem(`Not logged out. ${error.message}`, () => this.#logout());
    }
    $("#logout").disabled = false;
  }
}

windows.onmessage = async () => {
  const isOut = ({ code }) => (code === "unauthenticated" ? {} : null);
  const who = await post("chat.who").catch(isOut);
  // Not known now: the connection will tell.
  if (!who || who.name === chat?.name) return;
  if (chat) leave(who.name ? "" : "You have been logged out.");
  else begin();
};

begin();
