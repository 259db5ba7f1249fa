"""Starts, measures and ends processes, each by its own id. Never touches one that it did not start."""

import os
import subprocess
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS_MAX = 5.0


class Server:
    """A program pinned to one core, with its output in a file of the working folder."""

    def __init__(self, name: str, command: list[str], core: int, folder: Path):
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            pinned = ["taskset", "--cpu-list", str(core), *command]
            self.process = subprocess.Popen(pinned, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def check_running(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended by itself:\n{self.log.read_text(errors='replace')[-2000:]}")

    def cpu_us(self) -> float:
        """User and system time of the process and its descendants so far."""
        return sum(cpu_ticks(pid) for pid in tree(self.process.pid)) * 1e6 / TICKS_PER_SECOND

    def memory_bytes(self) -> int:
        """What the process and its descendants hold, shared pages divided among those that share them."""
        return sum(proportional_bytes(pid) for pid in tree(self.process.pid))

    def stop(self) -> None:
        pids = tree(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            for pid in pids:
                kill(pid)
            self.process.wait(STOP_SECONDS_MAX)


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks itself; the first is the state."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_ticks(pid: int) -> int:
    return sum(int(field) for field in stat(pid)[11:13])


def proportional_bytes(pid: int) -> int:
    """The proportional set size (proc(5), smaps_rollup)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := stat(int(folder.name))):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


def wait_until(ready, what: str, seconds_max: float = 10.0) -> None:
    end = time.monotonic() + seconds_max
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not ready after {seconds_max:.0f} s")
        time.sleep(0.05)
