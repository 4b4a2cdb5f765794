"""The library of preload.c, loaded into every process of a run, and what it is told to do."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

SOURCE = Path(__file__).with_suffix(".c")
NOTHING, ERROR, SHORT, KILL, WAIT = range(5)  # as in preload.c
OTHER, INTERRUPTED, WRITTEN = range(3)
CALLS = 4096  # so many changes of a command are told apart


class State(ctypes.Structure):
    """The memory that all processes share; preload.c says what its fields are."""

    _fields_: ClassVar = [
        ("root", ctypes.c_char * 1024),
        ("count", ctypes.c_int64),
        ("at", ctypes.c_int64),
        ("action", ctypes.c_int32),
        ("code", ctypes.c_int32),
        ("lasting", ctypes.c_int32),
        ("hits", ctypes.c_int32),
        ("waiting", ctypes.c_int32),
        ("birth", ctypes.c_int32),
        ("first", ctypes.c_char * 2048),
        ("kind", ctypes.c_char * 32),
        ("births", ctypes.c_int32),
        ("delay", ctypes.c_int32),
        ("signal", ctypes.c_int32),
        ("sent", ctypes.c_int32),
        ("shift", ctypes.c_int64),
        ("readings", ctypes.c_int64),
        ("steady", ctypes.c_int64),
        ("calls", ctypes.c_byte * CALLS),
    ]


class Preload:
    """The library, built in a folder. What is armed happens to the programs that are started with
    the environment `variables` until something else is."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where no compiler is, or what it says."""
        library, shared = folder / "preload.so", folder / "preload.state"
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise OSError("no C compiler is here")
        flags = ("-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl", "-lpthread")
        built = subprocess.run([compiler, *flags], capture_output=True, check=False)
        if built.returncode:
            raise OSError(f"{compiler}: {built.stderr.decode(errors='replace').strip()}")
        shared.write_bytes(bytes(ctypes.sizeof(State)))
        with shared.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.state = State.from_buffer(self.memory)
        self.variables = {
            **{"LD_PRELOAD": str(library), "CAMPAIGN_STATE": str(shared)},
            # Every process writes into the shared state, also ffmpeg, which opens it by its name.
            "SANDBOX_DISABLE": "1",
        }

    def disarm(self) -> None:
        """Nothing is to happen; all counts begin anew."""
        ctypes.memset(ctypes.addressof(self.state), 0, ctypes.sizeof(State))
        self.state.at = -1

    def arm(
        self, root: Path, at: int, action: int, code: int = 0, *, lasting: bool = False
    ) -> None:
        """The change of the number `at` below a folder is to fail and so on; -1: only count."""
        self.disarm()
        self.state.root = os.path.realpath(root).encode()
        self.state.action, self.state.code, self.state.lasting = action, code, lasting
        self.state.at = at

    def arm_signal(self, kind: str, birth: int, delay: float, number: signal.Signals) -> None:
        """A process is to get a signal: that of a kind which is born after `birth` others, so many
        seconds later."""
        self.disarm()
        self.state.birth, self.state.signal = birth, number
        self.state.delay = round(delay * 1e6)
        self.state.kind = kind.encode()

    def arm_clock(self, shift: int, steady: int) -> None:
        """The clock is to jump by so many seconds once it was read `steady` times."""
        self.disarm()
        self.state.steady, self.state.shift = steady, shift

    @property
    def first(self) -> str:
        """The first change to which it happened: the call and the path; "" where none did."""
        return os.fsdecode(self.state.first)
