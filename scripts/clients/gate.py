"""The gate in front of something, for the Python scripts beside this module. Imported by them, never run by itself."""

import contextlib
import pathlib
import re
import subprocess
import sys
import threading

PATIENCE_SECONDS = 30


def held(what, condition, seen=None):
    """A line for a thing that held; the end of the script for one that did not."""
    if not condition:
        sys.exit(f"DOES NOT HOLD: {what}" + ("" if seen is None else f": {seen}"))
    print(f"held: {what}", flush=True)


def addresses(gate, wanted):
    """Where the gate's log says that callers (`listening`) and operators (`admin`) arrive. The log is read on, so that it never
    blocks."""
    found, seen = {}, []
    for line in gate.stderr:
        seen.append(line)
        said, address = re.search(r'"message":"(\w+)', line), re.search(r'"address":"([^"]+)"', line)
        if said and address:
            found.setdefault(said[1], address[1])
        if all(name in found for name in wanted):
            threading.Thread(target=gate.stderr.read, daemon=True).start()
            return [found[name] for name in wanted]
    sys.exit("the gate does not start: " + "".join(seen[-5:]))


@contextlib.contextmanager
def running(program, folder, files, wanted=("listening",)):
    """The program on these files, of which `gate.yaml` is its configuration; its addresses. It ends with the block."""
    for name, text in files.items():
        file = pathlib.Path(folder) / name
        # Some are secrets, which the gate takes only where nobody else can read them.
        file.touch(mode=0o600)
        file.write_text(text)
    command = [pathlib.Path(program).resolve(), "serve", "-c", "gate.yaml"]
    gate = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        yield addresses(gate, wanted)
    finally:
        gate.terminate()
        gate.wait(PATIENCE_SECONDS)
