/** Why something was not done. `code` is for programs, `message` for people. */
export class TidegateError extends Error {
  constructor(code, message, { retryable = false, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TidegateError";
    this.code = code;
    /** Whether the same may succeed later. Of `closed` and `timeout` it may even have been done. */
    this.retryable = retryable;
  }
}

/** The error that a RESPONSE holds. A plugin's code is the error's; else it is the protocol's. */
export function errorOf({ error, data }) {
  const { code, message, reason, retryable } = data ?? {};
  return new TidegateError(String(code ?? error), String(message ?? reason ?? error), {
    retryable: retryable ?? error === "ERR_SERVER",
  });
}

export const closed = (message) => new TidegateError("closed", message, { retryable: true });
export const overloaded = () =>
  new TidegateError("overloaded", "too many requests wait for an answer", { retryable: true });
export const unauthenticated = (message, cause) =>
  new TidegateError("unauthenticated", message, { cause });
