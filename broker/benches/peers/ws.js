// Fan-out with npm `ws`: every listener of a topic gets what is published on it.
// PORT is in the environment. Speaks the part of Tidegate's `/ws` that the bench uses.
import { WebSocketServer } from "ws";

const port = Number(process.env.PORT);
const listeners = new Map();

function listen(socket, topic) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(socket);
  socket.topics.add(topic);
}

function publish({ topic, message }) {
  // One text for all listeners: `ws` still makes a frame for each.
  const text = Buffer.from(JSON.stringify({ type: "MESSAGE", data: { topic, message } }));
  for (const socket of listeners.get(topic) ?? []) {
    socket.send(text, { binary: false });
  }
}

const server = new WebSocketServer({ port, path: "/ws", perMessageDeflate: false, backlog: 4096 });

server.on("connection", (socket) => {
  socket.topics = new Set();
  socket.on("message", (bytes) => {
    const { type, nonce, data } = JSON.parse(bytes);
    if (type === "PUBLISH") return publish(data);
    if (type === "LISTEN") data.topics.forEach((topic) => listen(socket, topic));
    socket.send(JSON.stringify({ type: "RESPONSE", error: "", nonce }));
  });
  socket.on("error", () => socket.terminate());
  socket.on("close", () => {
    for (const topic of socket.topics) listeners.get(topic).delete(socket);
  });
});

server.on("listening", () => console.log(`listening on port ${port}`));
