"""The people of a folder for readers: as data, as text, and as an HTML page with their faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from videolib.core.html import data_url, html_page
from videolib.core.text import clock, plural, printable
from videolib.faces.portraits import read_portraits

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.faces.face_index import Person
    from videolib.faces.people import PeopleView
    from videolib.storage.folders import Library


FACES_SHOWN = 6  # of a person on the page


class PeopleReport:
    """The people who are listed of a folder: without the hidden ones and, unless `recursive`,
    without folders below.
    """

    def __init__(self, view: PeopleView, recursive: bool) -> None:
        self.index_data = view.index.data
        self.people = view.listed(recursive)
        self.hidden = len(view.listed(recursive, hidden=True)) - len(self.people)

    def as_json(self) -> dict[str, Any]:
        index = self.index_data
        data = {"generated_at": index.get("generated_at"), "model": index.get("model")}
        data |= {"people": [person.as_json() for person in self.people]}
        return data | {"videos": index.get("videos", 0), "left_out": index["left_out"]}

    @property
    def counts(self) -> str:
        """How many people there are in how many videos."""
        count = "1 person" if len(self.people) == 1 else f"{len(self.people):,} people"
        return f"{count} in {plural(self.index_data.get('videos', 0), 'video')}"

    @property
    def text(self) -> str:
        """A line for each person, and the counts."""
        counts = self.counts + (f", {self.hidden:,} hidden" if self.hidden else "")
        return "\n".join([*map(person_line, self.people), counts])


def person_line(person: Person) -> str:
    """A person in one line: name, its origin, and the first occurrences."""
    first = person._replace(occurrences=person.occurrences[:4])
    more = len(videos_of(person)) - len(videos_of(first))
    rest = f"; and {plural(more, 'more video')}" if more else ""
    origin = name_origin(person)
    name = printable(person.display_name) + (f" ({origin})" if origin else "")
    return f"{name}: {'; '.join(appearances(first))}{rest}"


def videos_of(person: Person) -> set[str]:
    return {occurrence["video"] for occurrence in person.occurrences}


def name_origin(person: Person) -> str:
    """How the name of a person is known, or why there is none; "" where nothing is to be said."""
    if person.named_by_hand:
        return "named by hand"
    if person.label:
        return f"from the gallery, distance {person.label_distance:.2f}"
    if len(person.ambiguous) == 1:
        return printable(f"perhaps {person.ambiguous[0]}, but beyond --label-threshold")
    return printable("either " + " or ".join(person.ambiguous)) if person.ambiguous else ""


def appearances(person: Person) -> list[str]:
    """The videos that a person is in, each with the times when."""
    times: dict[str, list[str]] = {}
    for occurrence in person.occurrences:
        intervals = [f"{clock(begin)}-{clock(end)}" for begin, end in occurrence["intervals"]]
        times.setdefault(occurrence["video"], []).extend(intervals)
    return [f"{printable(video)} {', '.join(intervals)}" for video, intervals in times.items()]


def people_page(
    library: Library,
    report: PeopleReport,
    left_out: Iterable[Mapping[str, str]],
    allow_codecs: str,
    timeout: float,
    job: Job,
) -> bytes:
    """An HTML page of people, each with a few faces and all videos, and of what was `left_out`
    ({video or file, reason}). Faces are read as `read_portraits` says.
    """
    from html import escape

    shown = (row for person in report.people for row in best_occurrences(person))
    portraits = read_portraits(library, shown, allow_codecs, timeout, job)
    parts = [
        f"<p>{report.counts}</p>",
        *(person_section(person, portraits) for person in report.people),
    ]
    for row in left_out:
        line = f"{printable(row.get('video') or row['file'])}: {printable(row['reason'])}"
        parts.append(f'<p class="facts">{escape(line)}</p>')
    return html_page(f"People in {printable(str(library.root.absolute()))}", parts)


def person_section(person: Person, portraits: Mapping[str, bytes]) -> str:
    """A person on the page. `portraits` are JPEGs by signature."""
    from html import escape

    jpegs = (portraits.get(occurrence["signature"]) for occurrence in best_occurrences(person))
    pictures = "".join(f'<img alt="" src="{data_url(jpeg, "jpeg")}">' for jpeg in jpegs if jpeg)
    lines = "".join(f"<li>{escape(line)}</li>" for line in appearances(person))
    return (
        f'<section class="person"><h2>{escape(printable(person.display_name))}</h2>'
        f'<div class="faces">{pictures}</div><p class="facts">{escape(name_origin(person))}</p>'
        f"<ul>{lines}</ul></section>"
    )


def best_occurrences(person: Person) -> Sequence[dict[str, Any]]:
    """The few occurrences of a person with the best faces, the best first."""
    ordered = sorted(person.occurrences, key=lambda occurrence: -occurrence["quality"])
    return ordered[:FACES_SHOWN]
