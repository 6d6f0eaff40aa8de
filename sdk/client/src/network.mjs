/** After these a connection that was lost is found to be so within seconds. */
const CHECK_MS = 3000;

/** In a browser, hurries a link when the network or the reader comes back. Answers how to stop. */
export function watchNetwork(link) {
  const { document } = globalThis;
  if (!document) return () => {};
  const hurry = () => link.hurry(CHECK_MS);
  const seen = () => document.visibilityState === "visible" && hurry();
  const ends = new AbortController();
  const { signal } = ends;
  globalThis.addEventListener("online", hurry, { signal });
  globalThis.addEventListener("offline", hurry, { signal });
  document.addEventListener("visibilitychange", seen, { signal });
  return () => ends.abort();
}
