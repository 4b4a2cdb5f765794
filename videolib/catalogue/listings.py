"""What `list` and `report` say of the rows of a catalogue, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videolib.core.text import clock, human_size, plural, printable, table
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.faults import FAULTS, faults_in

if TYPE_CHECKING:
    from collections.abc import Sized

    from videolib.catalogue.records import VideoRow


def listing_entry(row: VideoRow, folder: str) -> dict[str, Any]:
    """The JSON of a video in a listing; `folder` is that of the library, with a slash."""
    entry = {"path": folder + row.rel, "name": row.name, "size": row.size}
    return entry | {"mtime": row.mtime_ns / 1e9} | row.facts() | row.failures() | row.faults()


def listing_line(rel: str, entry: Mapping[str, Any], show_size: bool) -> str:
    """The same as text."""
    facts = [human_size(entry["size"])] if show_size else []
    if "duration" in entry:
        facts.append(clock(entry["duration"]))
    if {"width", "height"} <= entry.keys():
        facts.append(f"{entry['width']}x{entry['height']}")
    facts += [entry[key] for key in ("vcodec", "acodec") if key in entry]
    facts += ["encrypted"] if "encrypted" in entry else []
    facts += [printable(f"broken: {failure['reason']}") for failure in entry.get("broken", ())]
    facts += [printable(line) for line in faults_in(entry).values()]
    return f"{printable(rel)}  {'  '.join(facts)}".rstrip()


class CoverageReport:
    """Which artifacts the videos have, and which of them are broken, damaged or rotten."""

    def __init__(self) -> None:
        self.states = Counter[tuple[str, bool | str]]()
        self.to_make = Counter[str]()  # by kind, neither fresh nor known to fail
        self.broken: list[dict[str, Any]] = []
        self.faults: dict[str, list[dict[str, str]]] = {kind: [] for kind in FAULTS}

    def entry(self, row: VideoRow) -> dict[str, Any]:
        """The JSON of a video, which is counted."""
        presence = row.presence()
        self.states.update(presence.items())
        failures = row.failures().get("broken", ())
        self.broken.extend({"video": row.rel, **failure} for failure in failures)
        failed = {kind for failure in failures for kind in failure["kinds"]}
        self.to_make.update(
            k for k, state in presence.items() if state is not True and k not in failed
        )
        for kind, line in row.faults().items():
            self.faults[kind].append({"video": row.rel, "reason": line})
        return {"video": row.rel, **presence}

    def as_json(self, entries: Sized) -> dict[str, Any]:
        """The report; `entries` are those of all videos."""
        total = len(entries)
        counts = {kind: self.states[kind, True] for kind in ARTIFACTS}
        stale = {kind: self.states[kind, "stale"] for kind in ARTIFACTS}
        coverage = {kind: round(n / total, 4) if total else 0.0 for kind, n in counts.items()}
        to_make = {kind: self.to_make[kind] for kind, made in ARTIFACTS.items() if made.derived}
        data = {"total": total, "counts": counts, "stale": stale, "coverage": coverage}
        data |= {"to_make": to_make}
        return data | {"broken": self.broken, **self.faults, "videos": entries}


def coverage_text(data: Mapping[str, Any]) -> str:
    """The JSON of a report as a table, and a line for each fault."""
    head = ["artifact", "fresh", "stale", "missing", "coverage"]
    lines = []
    for kind in ARTIFACTS:
        fresh, stale = data["counts"][kind], data["stale"][kind]
        missing = data["total"] - fresh - stale
        lines.append(
            [kind, f"{fresh:,}", f"{stale:,}", f"{missing:,}", f"{data['coverage'][kind]:.1%}"]
        )
    text = [plural(data["total"], "video"), table([head, *lines])]
    for row in data["broken"]:
        kinds = ", ".join(row["kinds"])
        text.append(printable(f"broken: {row['video']}: {row['reason']} ({kinds})"))
    faults = (row for kind in FAULTS for row in data[kind])
    text += [printable(f"{row['video']}: {row['reason']}") for row in faults]
    return "\n".join(text)
