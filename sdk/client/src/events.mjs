/** Who wants to know of what. */
export class Events {
  #handlers = new Map();

  constructor(...names) {
    for (const name of names) this.#handlers.set(name, new Set());
  }

  /** Answers the function that takes the handler away. */
  on(name, handler) {
    const handlers = this.#handlers.get(name);
    if (!handlers) throw new TypeError(`there is no event ${name}`);
    handlers.add(handler);
    return () => handlers.delete(handler);
  }

  emit(name, value) {
    for (const handler of [...this.#handlers.get(name)]) guarded(handler, value);
  }
}

/** An application's mistake surfaces as its own uncaught error and disturbs nobody else. */
export function guarded(handler, value) {
  try {
    handler(value);
  } catch (error) {
    if (globalThis.reportError) return globalThis.reportError(error);
    queueMicrotask(() => {
      throw error;
    });
  }
}
