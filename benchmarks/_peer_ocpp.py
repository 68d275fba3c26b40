"""A central system of OCPP 1.6 as a process: `python -m benchmarks._peer_ocpp ours|library POSTS`.

``library`` is the server of the `ocpp` package as its own documentation shows it, on `websockets`. Prints its port, and
for every line that it reads the processor time that it has used so far.
"""

import asyncio
import sys
from contextlib import suppress
from datetime import UTC, datetime
from time import process_time
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PASSWORD = "00112233445566778899aabbccddeeff"
PROTOCOL = Subprotocol("ocpp1.6")


def post_name(number: int) -> str:
    return f"POST{number}"


class CentralSystem(ChargePoint):  # type: ignore[misc]  # its library has no types
    """What the library asks its user to write."""

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    async def heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    @on("MeterValues")  # type: ignore[untyped-decorator]
    async def meter_values(self, **_values: Any) -> Any:
        return call_result.MeterValues()


async def library(_posts: int) -> int:
    async def connected(connection: ServerConnection) -> None:
        assert connection.request is not None
        with suppress(ConnectionClosed):
            await CentralSystem(connection.request.path.strip("/"), connection).start()

    server = await serve(connected, "127.0.0.1", 0, subprotocols=[PROTOCOL])
    return int(next(iter(server.sockets)).getsockname()[1])


async def ours(posts: int) -> int:
    """The shipped server, without the pace at which it hears a post. Imported here: it changes a setting of the library
    that the library's own server leaves as it is."""
    import edge.ocpp.server
    from edge.machine.clock import wall_ms

    edge.ocpp.server.MESSAGES_PER_S = edge.ocpp.server.MESSAGES_AT_ONCE = float("inf")
    points = {(post_name(number), 1): f"ev-{number}" for number in range(posts)}
    passwords = dict.fromkeys((name for name, _ in points), PASSWORD)
    loop = asyncio.get_running_loop()
    server = edge.ocpp.server.OcppServer(
        ("127.0.0.1", 0), points, passwords.get, wall_ms, loop, lambda _point, _port, _said: None
    )
    server.start()
    await server.listening.wait()
    return server.port


async def main(which: str, posts: int) -> None:
    print(await {"ours": ours, "library": library}[which](posts), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(process_time(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
