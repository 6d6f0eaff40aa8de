/** What was published on a topic. */
export class Publication {
  constructor({ topic, message, event, id }) {
    this.topic = topic;
    /** The message as text; a JSON string that was published is its own text. */
    this.text = message;
    this.event = event ?? null;
    this.id = id ?? null;
  }

  /** The message as a value. Throws a SyntaxError if a bare text was published. */
  get json() {
    return JSON.parse(this.text);
  }
}
