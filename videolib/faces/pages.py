"""A page that shows people with their faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.files import read_file
from videolib.core.html import data_url, html_page
from videolib.core.text import printable
from videolib.core.workers import Workers
from videolib.faces.extraction import portrait
from videolib.faces.listing import appearances, name_origin, people_count
from videolib.faces.signatures import signature_file
from videolib.media.frames import FrameRequest, read_frames
from videolib.media.reader import Media

if TYPE_CHECKING:
    from index import Embed, ListingRun
    from videolib.core.runs import Job
    from videolib.faces.face_index import Person
    from videolib.storage.videos import Video


FACES_SHOWN = 6  # of a person on the page


def people_page(inquiry: ListingRun, job: Job) -> bytes:
    """Each person with a few faces and all videos."""
    from html import escape

    people = inquiry.census.listed(inquiry.asked.recursive)
    faces = portraits_of(inquiry, people, job)
    parts = [
        f"<p>{people_count(people, inquiry.index.data['videos'])}</p>",
        *(person_section(person, faces) for person in people),
    ]
    for row in inquiry.left_out:
        told = f"{printable(row.get('video') or row['file'])}: {printable(row['reason'])}"
        parts.append(f'<p class="facts">{escape(told)}</p>')
    return html_page(f"People in {printable(str(inquiry.library.root.absolute()))}", parts)


def person_section(person: Person, faces: Mapping[str, bytes]) -> str:
    """A person on the page."""
    from html import escape

    pictures = "".join(
        f'<img alt="" src="{data_url(faces[s], "jpeg")}">'
        for s in (seen["signature"] for seen in best_seen(person))
        if faces.get(s)
    )
    lines = "".join(f"<li>{escape(line)}</li>" for line in appearances(person))
    return (
        f'<section class="person"><h2>{escape(printable(person.display_name))}</h2>'
        f'<div class="faces">{pictures}</div><p class="facts">{escape(name_origin(person))}</p>'
        f"<ul>{lines}</ul></section>"
    )


def best_seen(person: Person) -> list[dict[str, Any]]:
    """The few occurrences with the best faces of someone."""
    return sorted(person.occurrences, key=lambda seen: -seen["quality"])[:FACES_SHOWN]


def portraits_of(inquiry: ListingRun, people: Sequence[Person], job: Job) -> dict[str, bytes]:
    """JPEGs of the best faces by signature: thumbnails, or cut out of videos by a worker."""
    found: dict[str, bytes] = {}
    wanted: dict[str, list[str]] = {}
    for seen in (seen for person in people for seen in best_seen(person)):
        wanted.setdefault(seen["video"], []).append(seen["signature"])
    task = inquiry.asked.task(job, inquiry.model, inquiry.asked.sample_rate)
    workers = Workers(1, task.imports)
    try:
        for rel, ids in wanted.items():
            video = inquiry.library.video(rel)
            folder = Path(video.sidecar_dir, f".{video.key}.faces")
            there = {s: attempt(read_file, Path(folder, f"{s}.jpg")) for s in ids}
            found |= {s: content for s, content in there.items() if isinstance(content, bytes)}
            rest = [s for s in ids if s not in found]
            if not rest:
                continue
            made = attempt(workers.call, job, task.timeout, cut_out, video, rest, task)
            if isinstance(made, Failure):
                job.console.say(f"listing: {printable(rel)}: no faces for the page: {made.reason}")
            else:
                found |= made
    finally:
        workers.close(kill=job.cancelled.is_set())
    return found


def cut_out(video: Video, ids: Sequence[str], task: Embed) -> dict[str, bytes]:
    """JPEGs of people at their best moments, by signature. Runs in a worker; raises VideoError."""
    data = read_json(signature_file(video).path) or {}
    boxes = {s["id"]: s["box"] for s in data.get("signatures", ())}
    moments = {s["id"]: float(s["time"]) for s in data.get("signatures", ())}
    here = [s for s in ids if s in boxes]
    found: dict[str, bytes] = {}
    with Media(video, task.allow_codecs) as media:
        for frame, indices in read_frames(media, [FrameRequest(moments[s]) for s in here]):
            found |= {here[i]: portrait(frame, boxes[here[i]]) for i in indices}
    return found
