"""A client on PyPI's `python-socketio` that does what it is told and tells what it hears.

Usage: python socketio_told.py URL OPTIONS

It speaks to its caller as tests/node/socketio_told.mjs does, where the lines are explained.
Of OPTIONS it knows `token`, `transports`, `path` and `reconnection`.
"""

import asyncio
import base64
import json
import sys
from urllib.parse import urlsplit

import socketio

URL = urlsplit(sys.argv[1])
OPTIONS = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
ORIGIN = f"{URL.scheme}://{URL.netloc}"
NAMESPACE = URL.path or "/"


def without_bytes(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{value!r} has no JSON form")


def with_bytes(value: dict) -> object:
    return base64.b64decode(value["bytes"]) if isinstance(value.get("bytes"), str) else value


def tell(heard: str, **fields: object) -> None:
    line = json.dumps({"heard": heard, **fields}, default=without_bytes, ensure_ascii=False)
    print(line, flush=True)


class Client:
    def __init__(self) -> None:
        self.token = OPTIONS.get("token")
        self.socket = socketio.AsyncClient(reconnection=OPTIONS.get("reconnection", True))
        on = self.socket.on
        on("connect", self.connected, namespace=NAMESPACE)
        on("connect_error", self.refused, namespace=NAMESPACE)
        on("disconnect", self.disconnected, namespace=NAMESPACE)
        on("*", self.event, namespace=NAMESPACE)

    def auth(self) -> dict:
        return {} if self.token is None else {"token": self.token}

    async def connect(self) -> None:
        transports = OPTIONS.get("transports")
        path = OPTIONS.get("path", "/socket.io/")
        try:
            await self.socket.connect(
                ORIGIN,
                auth=self.auth,
                transports=transports,
                namespaces=[NAMESPACE],
                socketio_path=path,
            )
        except socketio.exceptions.ConnectionError:
            # Told by the handler.
            pass

    async def connected(self) -> None:
        transport = self.socket.transport()
        tell("connect", id=self.socket.get_sid(NAMESPACE), transport=transport)

    async def refused(self, error: object) -> None:
        told = error if isinstance(error, dict) else {"message": str(error)}
        tell("connect_error", message=told.get("message"), data=told.get("data"))

    async def disconnected(self, reason: str) -> None:
        tell("disconnect", reason=reason)

    async def event(self, event: str, *args: object) -> object:
        tell("event", event=event, args=args)
        return args

    async def do(self, command: dict) -> None:
        match command["do"]:
            case "emit":
                await self.emit(command)
            case "token":
                self.token = command["token"]
            case "connect":
                await self.connect()
            case "disconnect":
                await self.socket.disconnect()
            case "drop":
                await self.socket.eio.disconnect(abort=True)
            case other:
                raise ValueError(f"what is {other}?")

    async def emit(self, command: dict) -> None:
        args, ack = tuple(command.get("args", [])), command.get("ack")
        callback = None
        if ack is not None:
            callback = lambda *answer: tell("ack", ack=ack, args=answer)  # noqa: E731
        await self.socket.emit(command["event"], args, namespace=NAMESPACE, callback=callback)


async def main() -> None:
    client = Client()
    await client.connect()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await client.do(json.loads(line, object_hook=with_bytes))
    await client.socket.disconnect()


asyncio.run(main())
