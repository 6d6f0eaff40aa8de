// Compiled by settings.test.mjs, never run.

import { Tidegate, TidegateError } from "@tidegate/client";

const tidegate = new Tidegate({
  url: new URL("https://edge.example"),
  token: { endpoint: "/auth/ws" },
  backoff: { max_ms: 5000 },
});
new Tidegate();
new Tidegate({ url: "/ws", token: "fixed", WebSocket });
new Tidegate({ token: async () => ({ token: "t", expires_in: 60 }) });

const off: () => void = tidegate.on("status", (status) => {
  if (status.state === "waiting") status.in_ms.toFixed();
  // @ts-expect-error only a pause has a length
  status.in_ms;
});
tidegate.on("missed", ({ topics, reason }) => topics.includes(reason));
tidegate.on("refused", ({ error }) => error.retryable);
// @ts-expect-error there is no such event
tidegate.on("message", () => {});

const { ready, unlisten } = tidegate.listen(["a", "b"], ({ topic, text, json, event, id }) => {
  [topic, text, json.title, event?.length, id?.length];
});
await ready;
unlisten();
await tidegate.publish("a", { any: ["json"] }, { event: "made" });
const { name } = await tidegate.call<{ name: string }>("chat.who", {}, { timeout_ms: 100 });
name.trim();
const error: Error = new TidegateError("code", "message", { retryable: true });
tidegate.retryNow();
tidegate.close();
off();
export { error };
