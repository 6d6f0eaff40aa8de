// The list of notifications, newest first, and which of them are read.

/** Older ones leave the page. */
const ITEMS_MAX = 200;

const list = document.querySelector("#list");
const template = document.querySelector("#item");
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

export class Feed {
  constructor() {
    list.addEventListener("click", ({ target }) => {
      if (target.matches(".read")) this.#markRead([target.closest("li")]);
    });
    document.querySelector("#read-all").addEventListener("click", () => {
      this.#markRead(list.querySelectorAll(".unread"));
    });
  }

  /** `payload` is whatever the producer sent; it becomes text and nothing else. */
  add(payload, at = new Date()) {
    const item = template.content.cloneNode(true);
    const { title, text } = words(payload);
    item.querySelector(".title").textContent = title;
    item.querySelector(".text").textContent = text;
    const when = item.querySelector("time");
    when.dateTime = at.toISOString();
    when.textContent = time.format(at);
    item.querySelector(".read").setAttribute("aria-label", `Mark as read: ${title}`);
    list.prepend(item);
    while (list.children.length > ITEMS_MAX) list.lastElementChild.remove();
    this.#count();
  }

  clear() {
    list.replaceChildren();
    this.#count();
  }

  #markRead(items) {
    for (const item of items) {
      item.classList.remove("unread");
      const button = item.querySelector(".read");
      // Where the keyboard is must not be lost with the button.
      if (button === document.activeElement) (nextUnread(item) ?? list).focus();
      button?.remove();
    }
    this.#count();
  }

  #count() {
    const unread = list.querySelectorAll(".unread").length;
    const badge = document.querySelector("#unread");
    badge.textContent = `${unread} unread`;
    badge.hidden = unread === 0;
    document.title = unread === 0 ? "Notifications" : `(${unread}) Notifications`;
    document.querySelector("#read-all").disabled = unread === 0;
    document.querySelector("#empty").hidden = list.children.length > 0;
  }
}

function nextUnread(item) {
  const others = [...list.querySelectorAll(".unread .read")];
  const after = others.find(
    (other) => item.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  return after ?? others.at(-1);
}

function words(payload) {
  if (payload === null || typeof payload !== "object") return { title: String(payload), text: "" };
  const { title, text, body, message } = payload;
  const found = [text, body, message].find((one) => typeof one === "string");
  if (typeof title === "string") return { title, text: found ?? "" };
  if (found !== undefined) return { title: found, text: "" };
  return { title: "Notification", text: JSON.stringify(payload, null, 2) };
}
