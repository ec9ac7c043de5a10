"""python3-websockets at /w: says what it hears first, and what a wrong token gets. Prints lines of JSON."""
import asyncio
import json
import os
import ssl
import sys

import websockets

port, server_name, ca_file = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca_file)


async def first(token):
    headers = {"Authorization": f"Bearer {token}"}
    address = f"wss://{server_name}:{port}/w"
    async with websockets.connect(
        address, ssl=tls, host="127.0.0.1", server_hostname=server_name, extra_headers=headers
    ) as socket:
        hello = json.loads(await asyncio.wait_for(socket.recv(), 10))
        await (await socket.ping())
        return hello


print(json.dumps(asyncio.run(first(os.environ["TOKEN"]))))
try:
    asyncio.run(first("wrong"))
except websockets.exceptions.InvalidStatusCode as refused:
    print(json.dumps(refused.status_code))
