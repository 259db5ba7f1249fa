"""Puts the upstream and the contenders up for one family of scenarios, and measures them in interleaved rounds."""

import socket
import subprocess
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contenders import contender, upstream
from figures import Slice, order_of
from peers import Certificate
from processes import Server, wait_until

PROXY_CORE, LOAD_CORE = 0, 1
"""How much longer than its slice a load may take until it is taken for stuck."""
LOAD_SECONDS_MORE = 60


@dataclass(frozen=True)
class Stage:
    """What every scenario needs to know."""

    names: list[str]
    options: Namespace
    binary: Path
    folder: Path


@dataclass(frozen=True)
class Contender:
    server: Server
    port: int


@dataclass(frozen=True)
class Field:
    """The contenders that are up."""

    contenders: dict[str, Contender]

    @property
    def names(self) -> list[str]:
        return list(self.contenders)


@contextmanager
def field(stage: Stage, name: str, certificate: Certificate | None = None) -> Iterator[Field]:
    """Everything up, in a folder of its own; ended at the end, each by its own process id."""
    folder = stage.folder / name
    folder.mkdir()
    servers: list[Server] = []
    contenders: dict[str, Contender] = {}
    try:
        behind = upstream(folder)
        servers.append(start(behind.name, behind.command, behind.port, LOAD_CORE, folder))
        for each in stage.names:
            setup = contender(each, folder, behind.port, stage.binary, certificate)
            servers.append(start(setup.name, setup.command, setup.port, PROXY_CORE, folder))
            contenders[each] = Contender(servers[-1], setup.port)
        yield Field(contenders)
    finally:
        for server in servers:
            server.stop()


def start(name: str, command: list[str], port: int, core: int, folder: Path) -> Server:
    server = Server(name, command, core, folder)
    try:
        wait_until(lambda: server.check_running() or listens(port), name)
    except RuntimeError:
        server.stop()
        raise
    return server


def listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def load(command: list[str], seconds: int) -> subprocess.CompletedProcess[str]:
    """Runs a program that makes load, on its core, for about so many seconds."""
    pinned = ["taskset", "--cpu-list", str(LOAD_CORE), *command]
    timeout = seconds + LOAD_SECONDS_MORE
    return subprocess.run(pinned, capture_output=True, text=True, check=False, timeout=timeout)


def rounds(names: list[str], number: int, server: Callable[[str], Server], send: Callable[[str], int]) -> dict[str, list[Slice]]:
    """One slice of load for everyone in each round; `send` gives how many were answered, all of them well."""
    slices: dict[str, list[Slice]] = {name: [] for name in names}
    for round_number in range(number):
        for name in order_of(names, round_number):
            before = server(name).cpu_us()
            answered = send(name)
            slices[name].append(Slice(answered, server(name).cpu_us() - before))
    return slices
