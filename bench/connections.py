"""Many connections at once: what they hold while nothing is asked, and what a request over one of many costs.

The contenders come one after another here, because all of their connections together would not fit into one process; the
ratio to nginx is of the medians, not paired by round.
"""

import selectors
import socket
import time
from dataclasses import dataclass, field as made

from contenders import SMALL
from figures import Slice
from peers import descriptors
from processes import Server
from report import scenario_of, within_bytes
from stage import Stage, field

COUNTS = {"connections-1000": 1_000, "connections-10000": 10_000}
MEMORY_BYTES_MAX = 150_000_000
IN_FLIGHT = 64
OPENING = 200
# What waits has waited for a while: some contenders keep less of a connection then.
SETTLE_SECONDS = 5.0
WAIT_SECONDS_MAX = 30.0
REQUEST = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"


def measure(stage: Stage, wanted: list[str]) -> list[dict]:
    return [run(stage, name, count) for name, count in COUNTS.items() if name in wanted]


def run(stage: Stage, name: str, count: int) -> dict:
    if descriptors() < count + 1_000:
        raise RuntimeError(f"{name}: at most {descriptors()} files may be open; raise it with `ulimit -n {count + 1_000}`")
    slices, memory = {}, {}
    with field(stage, name) as up:
        for contender, running in up.contenders.items():
            alone = running.server.memory_bytes()
            with Crowd(contender, running.port, count) as crowd:
                time.sleep(SETTLE_SECONDS)
                idle = running.server.memory_bytes()
                memory[contender] = {"alone_bytes": alone, "idle_bytes": idle}
                slices[contender] = [crowd.slice(running.server, stage.options.seconds) for _ in range(stage.options.rounds)]
        targets = [within_bytes("portcullis", MEMORY_BYTES_MAX)] if count == 10_000 else []
        what = f"{count} connections that have sent one request each and wait; then {IN_FLIGHT} requests at a time over all"
        return scenario_of(name, what, "request", slices, targets, memory=memory)


@dataclass
class Waiting:
    """One connection, and what has come of its answer."""

    client: socket.socket
    received: bytes = made(default=b"")


class Crowd:
    """Connections that are all open at once."""

    def __init__(self, name: str, port: int, count: int):
        self.name = name
        self.selector = selectors.DefaultSelector()
        self.clients: list[Waiting] = []
        self.next = 0
        for start in range(0, count, OPENING):
            opened = [self.open(port) for _ in range(min(OPENING, count - start))]
            self.clients += opened
            self.finish(opened)

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_) -> None:
        for waiting in self.clients:
            waiting.client.close()
        self.selector.close()

    def open(self, port: int) -> Waiting:
        client = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS_MAX)
        client.setblocking(False)
        client.send(REQUEST)
        waiting = Waiting(client)
        self.selector.register(client, selectors.EVENT_READ, waiting)
        return waiting

    def finish(self, asked: list[Waiting]) -> None:
        missing = len(asked)
        while missing:
            missing -= len(self.answered())

    def answered(self) -> list[Waiting]:
        """Those whose answer has come whole."""
        ready = self.selector.select(WAIT_SECONDS_MAX)
        if not ready:
            raise RuntimeError(f"{self.name}: no answer within {WAIT_SECONDS_MAX:.0f} s; {len(self.clients)} connections are open")
        return [key.data for key, _ in ready if self.read(key.data)]

    def read(self, waiting: Waiting) -> bool:
        data = waiting.client.recv(65_536)
        waiting.received += data
        if not data or not waiting.received.startswith(b"HTTP/1.1 200 "[: len(waiting.received)]):
            raise RuntimeError(f"{self.name}: with {len(self.clients)} connections open, one was answered with `{waiting.received[:200]!r}`")
        _, _, body = waiting.received.partition(b"\r\n\r\n")
        if len(body) < len(SMALL):
            return False
        waiting.received = b""
        return True

    def ask_next(self) -> None:
        self.clients[self.next].client.send(REQUEST)
        self.next = (self.next + 1) % len(self.clients)

    def slice(self, server: Server, seconds: int) -> Slice:
        """Requests over all connections in turn for so long, and what they cost the server."""
        before, end, answered, asked = server.cpu_us(), time.monotonic() + seconds, 0, 0
        while asked < IN_FLIGHT:
            self.ask_next()
            asked += 1
        while answered < asked:
            for _ in self.answered():
                answered += 1
                if time.monotonic() < end:
                    self.ask_next()
                    asked += 1
        return Slice(answered, server.cpu_us() - before)
