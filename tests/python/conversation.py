"""A whole conversation on the PyPI package `websockets`.

Usage: python conversation.py ORIGIN TOKEN   (the token may read chat and write channels)
"""

import asyncio
import json
import sys

import websockets

ORIGIN, TOKEN = sys.argv[1:]
URL = ORIGIN.replace("http", "ws") + "/ws"


async def main() -> None:
    async with websockets.connect(URL) as client, websockets.connect(URL) as publisher:
        assert client.protocol.extensions == [], "no compression was agreed on"
        await send(client, type="PING")
        assert await recv(client) == {"type": "PONG"}
        listen = {"topics": ["channel:update", "chat:general"], "auth_token": TOKEN}
        await send(client, type="LISTEN", nonce="one", data=listen)
        assert await recv(client) == {"type": "RESPONSE", "error": "", "nonce": "one"}
        await send(publisher, type="AUTH", nonce="a", data={"auth_token": TOKEN})
        assert (await recv(publisher))["error"] == ""
        # In fragments, as this library sends an iterable.
        message = {"title": "é 😀", "numbers": list(range(100))}
        data = {"topic": "channel:update", "message": message}
        text = json.dumps({"type": "PUBLISH", "nonce": "p", "data": data}, ensure_ascii=False)
        await publisher.send(text[at : at + 7] for at in range(0, len(text), 7))
        assert (await recv(publisher)) == {"type": "RESPONSE", "error": "", "nonce": "p"}
        heard = await recv(client)
        assert heard["type"] == "MESSAGE" and heard["data"]["topic"] == "channel:update"
        assert json.loads(heard["data"]["message"]) == message
        await (await client.ping(b"hello"))
        bad = {"topics": ["user:somebody-else:x"]}
        await send(client, type="LISTEN", nonce="two", data=bad)
        assert (await recv(client))["error"] == "ERR_BADAUTH"
    assert client.close_code == 1000, client.close_code

    async with websockets.connect(URL) as client:
        await client.send(b"binary")
        try:
            await recv(client)
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 1003, closed
        else:
            raise AssertionError("binary was taken")
    print("ok")


async def send(client: websockets.ClientConnection, **frame: object) -> None:
    await client.send(json.dumps(frame))


async def recv(client: websockets.ClientConnection) -> dict:
    return json.loads(await asyncio.wait_for(client.recv(), 20))


asyncio.run(main())
