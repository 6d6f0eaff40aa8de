/** `retryable`: the same may succeed later; of `closed` and `timeout` it may even have been done. */
export class TidegateError extends Error {
  constructor(code: string, message: string, more?: { retryable?: boolean; cause?: unknown });
  /** A plugin's code, `ERR_…` of the protocol, or the client's own: `closed`, `timeout`, `too-large`, `overloaded`, `unauthenticated`, `unavailable`, `closed-by-server`. */
  readonly code: string;
  readonly retryable: boolean;
}

/** What was published on a topic. */
export interface Publication {
  readonly topic: string;
  /** The message as text; a JSON string that was published is its own text. */
  readonly text: string;
  /** The message as a value. Throws a SyntaxError if a bare text was published. */
  readonly json: any;
  readonly event: string | null;
  readonly id: string | null;
}

export type Token = string | null | { token: string; /** Seconds. */ expires_in?: number };

/** Swaps the session's cookie for a token. `endpoint` is relative to the broker's URL. */
export interface TokenEndpoint {
  endpoint: string;
  headers?: Record<string, string>;
  fetch?: typeof fetch;
}

export interface Options {
  /** Any http, https, ws or wss URL of the broker. In a page by default from where it came. */
  url?: string | URL;
  /** Without one the client is anonymous. All but a fixed text are asked again before a token ends. */
  token?: string | (() => Token | Promise<Token>) | TokenEndpoint | null;
  /** By default the global one, which Node has since 22. */
  WebSocket?: new (url: string) => any;
  /** Time for an answer, waiting for a connection included (10 s). */
  request_ms?: number;
  /** Time for a connection to open (10 s). */
  connect_ms?: number;
  /** A PING goes out so often (30 s), and something must be heard in `pong_ms` (10 s). */
  ping_ms?: number;
  pong_ms?: number;
  /** Pauses between attempts: doubled from 1 s to 30 s, each shortened by up to a half. */
  backoff?: { min_ms?: number; max_ms?: number };
  /** A connection that lasted so long (10 s) sets the pauses back to the first. */
  stable_ms?: number;
  /** A connection that the server asked to leave is kept so long (2 s) beside the next. */
  linger_ms?: number;
  /** Ids of publications that are remembered, to hear each once (1,000). */
  seen_ids?: number;
  /** Requests without an answer yet; more fail with `overloaded` (1,000). */
  requests_max?: number;
  /** The largest frame that the broker takes (64 KiB); larger requests fail with `too-large`. */
  frame_bytes?: number;
}

export type Status =
  /** Nothing to do yet, or the server closed a connection on which nothing was said. */
  | { state: "idle" }
  | { state: "connecting" }
  | { state: "open" }
  /** The next attempt is in `in_ms` milliseconds. */
  | { state: "waiting"; in_ms: number; error?: TidegateError }
  /** The end: `close()`, or a close code that says not to come back. */
  | { state: "closed"; error: Error }
  /** The end: no token can be had, or the server does not take it. */
  | { state: "unauthenticated"; error: TidegateError };

/** Publications on these topics may not have been heard. */
export interface Gap {
  topics: string[];
  reason: string;
}

export interface Events {
  status: Status;
  /** Connected anew after a time without a connection; all topics are listened to again. */
  resume: Gap;
  /** The server lost publications, or a topic was not listened to for a while. */
  missed: Gap;
  /** Topics that were listened to are refused now; their handlers hear nothing more. */
  refused: { topics: string[]; error: TidegateError };
}

export interface Listening {
  readonly topics: string[];
  /** Resolves when the server listens to all topics for us; rejects if it refuses one. */
  readonly ready: Promise<void>;
  unlisten(): void;
}

/** A connection to the broker that is kept up. Connects when first used; after its end it stays so. */
export class Tidegate {
  constructor(options?: Options);
  readonly status: Status;
  /** Answers the function that takes the handler away. */
  on<E extends keyof Events>(event: E, handler: (value: Events[E]) => void): () => void;
  /** Resolves when there is a connection; rejects at the end. */
  connect(): Promise<void>;
  /** Several listeners of a topic share one LISTEN. */
  listen(topics: string | string[], handler: (publication: Publication) => void): Listening;
  publish(topic: string, message: unknown, more?: { event?: string }): Promise<void>;
  /** A plugin's method. Rejects with a TidegateError that has the plugin's code. */
  call<T = any>(method: string, params?: unknown, more?: { timeout_ms?: number }): Promise<T>;
  /** Tries now instead of when the pause is over. */
  retryNow(): void;
  close(): void;
}
