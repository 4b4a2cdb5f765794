"""The people of a folder as data and as text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videolib.core.documents import set_aside
from videolib.core.errors import VideoError
from videolib.core.runs import Exit, Result
from videolib.core.text import clock, plural, printable
from videolib.faces.face_index import FaceIndex, distinct

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.faces.face_index import Person
    from videolib.faces.people import PeopleView


@contextlib.contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """While large tables are built, and nothing is in cycles, do not look for garbage among them
    all the time: that takes as long as all else.
    """
    import gc

    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # what was built counts as old now: that it is garbage soon is not likely
        if enabled:
            gc.enable()


def read_index(sidecar_dir: str, job: Job, whole: bool) -> FaceIndex:
    """The index in an artifact folder, or an empty one; a corrupt one is set aside and told."""
    try:
        return FaceIndex.read(sidecar_dir, whole) or FaceIndex()
    except VideoError as error:
        if str(error) != FaceIndex.CORRUPT:
            raise
        kept = set_aside(Path(sidecar_dir, FaceIndex.NAME))
        job.console.say(f"listing: {error}; the old one is kept as {kept}")
        return FaceIndex()


def people_result(census: PeopleView, recursive: bool, failed: bool = False) -> Result:
    """The people of a folder as data and as text."""
    people, data = census.listed(recursive), census.index.data
    told = {"generated_at": data.get("generated_at"), "model": data.get("model")}
    told |= {"people": [person.as_json() for person in people]}
    told |= {"videos": data.get("videos", 0), "left_out": data["left_out"]}
    lines = [person_line(person) for person in people]
    hidden = len(census.listed(recursive, hidden=True)) - len(people)
    lines.append(
        people_count(people, data.get("videos", 0)) + (f", {hidden:,} hidden" * bool(hidden))
    )
    return Result(told, "\n".join(lines), Exit.of(failed))


def people_count(people: Sequence[Person], videos: int) -> str:
    count = "1 person" if len(people) == 1 else f"{len(people):,} people"
    return f"{count} in {plural(videos, 'video')}"


def person_line(person: Person) -> str:
    """Someone as a line of text: who, how that is known, and where and when they are seen first."""
    first = person._replace(occurrences=person.occurrences[:4])
    rest = distinct("video", person.occurrences) - distinct("video", first.occurrences)
    more = f"; and {plural(rest, 'more video')}" if rest else ""
    origin = name_origin(person)
    name = printable(person.display_name) + (f" ({origin})" if origin else "")
    return f"{name}: {'; '.join(appearances(first))}{more}"


def name_origin(person: Person) -> str:
    """How the name of a person is known, or why there is none."""
    if person.named_by_hand:
        return "named by hand"
    if person.label:
        return f"from the gallery, distance {person.label_distance:.2f}"
    first, *others = person.ambiguous or [""]
    if not others:
        return printable(first and f"perhaps {first}, but beyond --label-threshold")
    return printable("either " + " or ".join(person.ambiguous))


def appearances(person: Person) -> list[str]:
    """The videos that someone is in, each with the times when."""
    when: dict[str, list[str]] = {}
    for seen in person.occurrences:
        runs = [f"{clock(begin)}-{clock(end)}" for begin, end in seen["intervals"]]
        when.setdefault(seen["video"], []).extend(runs)
    return [f"{printable(video)} {', '.join(runs)}" for video, runs in when.items()]
