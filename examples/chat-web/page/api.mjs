// Methods over HTTP: those that change the session, and the question who we are.

import { TidegateError } from "./client/index.mjs";

/** Longer than the broker lets a call take: a name that is taken without an answer is lost. */
const WAIT_MS = 15_000;

/** Resolves with the answer, rejects with a TidegateError. */
export async function post(method, params = {}) {
  let response;
  try {
    response = await fetch(`/call/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(params),
      signal: AbortSignal.timeout(WAIT_MS),
    });
  } catch (cause) {
    throw new TidegateError("unavailable", "The chat cannot be reached.", { retryable: true, cause });
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const { error = "unavailable", message = `The server answered ${response.status}.` } = body;
  throw new TidegateError(error, message, { retryable: body.retryable ?? response.status >= 500 });
}
