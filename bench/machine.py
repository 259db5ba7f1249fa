"""What the figures were taken on: hardware, kernel, and the versions of the programs."""

import os
import platform
import re
import subprocess
from pathlib import Path


def describe() -> dict[str, str | int | float]:
    return {
        "cpu": proc_field("cpuinfo", "model name"),
        "cores": os.cpu_count() or 0,
        "memory_mib": int(proc_field("meminfo", "MemTotal").split()[0]) // 1024,
        "kernel": platform.release(),
        "system": system_name(),
        "load_before": os.getloadavg()[0],
    }


def version(command: list[str]) -> str:
    """The first line that a program says about itself."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (result.stdout + result.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def proc_field(file: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*)$", Path("/proc", file).read_text(), re.MULTILINE)
    return found[1] if found else "0 unknown"


def system_name() -> str:
    release = platform.freedesktop_os_release()
    return release.get("PRETTY_NAME", "unknown")
