"""Puts the upstream and the contenders up for one family of scenarios, and measures them in interleaved rounds."""

import socket
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contenders import Missing, contender, upstream
from figures import Slice, order_of
from peers import Certificate
from processes import Server, wait_until

PROXY_CORE, LOAD_CORE = 0, 1


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
    """The contenders that are up, and why others are not."""

    contenders: dict[str, Contender]
    absent: dict[str, str]

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
    absent: dict[str, str] = {}
    try:
        behind = upstream(folder)
        servers.append(start(behind.name, behind.command, behind.port, LOAD_CORE, folder))
        for each in stage.names:
            try:
                setup = contender(each, folder, behind.port, stage.binary, certificate)
            except Missing as why:
                absent[each] = str(why)
                continue
            servers.append(start(setup.name, setup.command, setup.port, PROXY_CORE, folder))
            contenders[each] = Contender(servers[-1], setup.port)
        yield Field(contenders, absent)
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


def rounds(names: list[str], number: int, server: Callable[[str], Server], send: Callable[[str], int]) -> dict[str, list[Slice]]:
    """One slice of load for everyone in each round; `send` gives how many were answered, all of them well."""
    slices: dict[str, list[Slice]] = {name: [] for name in names}
    for round_number in range(number):
        for name in order_of(names, round_number):
            before = server(name).cpu_us()
            answered = send(name)
            slices[name].append(Slice(answered, server(name).cpu_us() - before))
    return slices
