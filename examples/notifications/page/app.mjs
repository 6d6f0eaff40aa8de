// Logs in, connects, and shows what comes.

import { Feed } from "/feed.mjs";
import { Session } from "/session.mjs";
import { io } from "/socket.io.mjs";

/** Before the page itself tries again, where the client does not. */
const PAUSE_MS = 2000;

const config = await (await fetch("/config.json")).json();
const feed = new Feed();
const $ = (selector) => document.querySelector(selector);
let connection = null;

$("#login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const session = new Session(config.auth, $("#user").value);
  try {
    await session.token();
  } catch (error) {
    return problem(`Cannot log in: ${error.message}`);
  }
  problem("");
  connection = new Connection(session);
  $("#who").textContent = session.user;
  $("#login").hidden = true;
  $("#feed").hidden = false;
  $("#logout").focus();
});

$("#logout").addEventListener("click", () => {
  connection?.end();
  signedOut();
});

function signedOut() {
  connection = null;
  feed.clear();
  state("signed-out", "Signed out");
  $("#feed").hidden = true;
  $("#login").hidden = false;
  $("#user").focus();
}

/** The banner; `name` is for the eye and for tests. */
function state(name, text) {
  $("#state").dataset.state = name;
  $("#state").textContent = text;
}

function problem(text) {
  $("#problem").textContent = text;
  $("#problem").hidden = text === "";
}

/** One user's connection, from login to logout. */
class Connection {
  #session;
  #socket;
  #timer = 0;
  /** The token was refused once since it last was good. */
  #renewed = false;

  constructor(session) {
    this.#session = session;
    state("connecting", "Connecting…");
    // Asked before each connection, so that one after hours shows a token of now.
    const auth = async (give) => {
      try {
        give({ token: await session.token() });
      } catch (error) {
        problem(`Cannot renew the login: ${error.message}`);
        give({});
      }
    };
    const socket = io(config.broker, { auth });
    socket.on("connect", () => this.#connected());
    socket.on("connect_error", (error) => this.#refused(error));
    socket.on("disconnect", (reason) => this.#disconnected(reason));
    socket.on("notification", (payload) => feed.add(payload));
    this.#socket = socket;
  }

  end() {
    clearTimeout(this.#timer);
    this.#socket.off();
    this.#socket.disconnect();
  }

  #connected() {
    this.#renewed = false;
    problem("");
    const { engine } = this.#socket.io;
    const show = () => state("connected", `Connected over ${engine.transport.name}`);
    engine.once("upgrade", show);
    show();
  }

  #disconnected(reason) {
    state("connecting", "Connection lost, connecting again…");
    // Ended by the server, for example because the token ran out: the client stays away by itself.
    if (reason === "io server disconnect") this.#again();
  }

  /** The client itself tries again where no server answered; where one refused, we decide. */
  #refused(error) {
    const { code, retryable } = error.data ?? {};
    if (this.#socket.active) {
      problem(`No connection: ${error.message}`);
      return state("connecting", "Connecting again…");
    }
    problem(code ? `${error.message} (${code})` : error.message);
    this.#session.discard();
    if (retryable || !this.#renewed) {
      this.#renewed = true;
      state("connecting", "Refused, trying again…");
      return this.#again();
    }
    state("refused", "Refused");
  }

  #again() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.connect(), PAUSE_MS);
  }
}
