const DEFAULTS = {
  request_ms: 10_000,
  connect_ms: 10_000,
  ping_ms: 30_000,
  pong_ms: 10_000,
  backoff: { min_ms: 1000, max_ms: 30_000 },
  stable_ms: 10_000,
  linger_ms: 2000,
  seen_ids: 1000,
  requests_max: 1000,
  frame_bytes: 64 << 10,
};

/** All settings, those that were not given by their defaults. */
export function settingsOf({ WebSocket = globalThis.WebSocket, ...given }) {
  if (typeof WebSocket !== "function") {
    throw new TypeError('there is no WebSocket here: give one, such as that of the npm package "ws"');
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(DEFAULTS, name));
  if (unknown) throw new TypeError(`there is no setting ${unknown}`);
  const backoff = { ...DEFAULTS.backoff, ...given.backoff };
  return { ...DEFAULTS, ...given, backoff, WebSocket };
}

/** The `/ws` URL of a broker, from any of its URLs; in a page by default from where it came. */
export function urlOf(given = globalThis.location?.href) {
  if (given === undefined) throw new TypeError("the broker's url is missing");
  const url = new URL(given, globalThis.location?.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (!/^wss?:$/.test(url.protocol)) throw new TypeError(`${given} is no http, https, ws or wss URL`);
  if (!url.pathname.endsWith("/ws")) url.pathname = "/ws";
  url.hash = "";
  url.search = "?v=1";
  return url.href;
}
