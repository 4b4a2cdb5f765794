"""The command line of the campaign: which parts, how long, from which seed."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from campaign.trials import ALL, Share, Trials
from videolib.core.errors import Failure, attempt

# The parts by name, with their shares of the time. Each is the module of that name in this package,
# whose `run(trials)` goes on until the time is over.
PARTS: dict[str, int] = {
    **{"faults": 3, "kills": 3, "disks": 2, "media": 4, "sidecars": 2},
    **{"crowds": 2, "server": 3, "soak": 2},
}


ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
AGAIN = (
    "One trial again: the line `again:` of a failure is its command, for a copy of the folder that "
    "is kept below --kept; what led there comes again with that PART alone and the same --seed."
)


def read_line(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaign", description=__doc__, epilog=AGAIN
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=600, help="for all parts together")
    parser.add_argument("--seed", type=int, default=1, help="the same seed tries the same things")
    parser.add_argument("--report", type=Path, help="where a JSON report is written")
    parser.add_argument("--kept", type=Path, default=Path("campaign-failures"), metavar="FOLDER",
                        help="where inputs of failures are kept")  # fmt: skip
    parser.add_argument("--share", type=Share.parse, default=ALL, metavar="K/N",
                        help="for N processes at once: of the faults only every Nth")  # fmt: skip
    line = parser.parse_args(words)
    line.parts = line.parts or list(PARTS)
    if unknown := set(line.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return line


def run_part(name: str, seed: int, seconds: float, kept: Path, share: Share) -> Trials:
    """Try one part for so many seconds, without the user's cache and configuration."""
    os.environ.pop("VIDEORC", None)
    with tempfile.TemporaryDirectory(prefix=f"campaign-{name}-") as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        (place := Path(folder, "trials")).mkdir()
        trials = Trials(name, seed, seconds, place, kept.resolve(), share)
        ended = attempt(importlib.import_module(f"campaign.{name}").run, trials)
        if isinstance(ended, Failure):
            trials.fail(f"the part ended early: {ended.reason}", f"{name} --seed {seed}")
    return trials


def end_by_signal(number: int, _frame: object) -> NoReturn:
    """End as by an error, so that mounts and folders go; further signals do not disturb that."""
    for other in ENDING_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    import av

    libraries = {name: ".".join(map(str, version)) for name, version in av.library_versions.items()}
    return {"python": platform.python_version(), "system": platform.platform(), "libav": libraries}


def main(words: Sequence[str]) -> int:
    line = read_line(words)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    shares = sum(PARTS[name] for name in line.parts)
    reports = []
    failures = 0
    for name in line.parts:
        trials = run_part(
            name, line.seed, line.seconds * PARTS[name] / shares, line.kept, line.share
        )
        sys.stdout.write(trials.summary() + "\n")
        sys.stdout.flush()
        reports.append(trials.report())
        failures += len(trials.failures)
    if line.report:
        document = {
            "seed": line.seed,
            "seconds": line.seconds,
            "started_at": started_at,
            "failures": failures,
            **machine(),
            "parts": reports,
        }
        line.report.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    for ending in ENDING_SIGNALS:
        signal.signal(ending, end_by_signal)
    sys.exit(main(sys.argv[1:]))
