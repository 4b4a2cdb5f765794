"""Integrity of a video: whether it decodes from end to end, and whether its bytes are still what
they were when that was found out.

`verify_video` makes the record, or checks a video against the one that is there. *Damaged* is what
does not decode, *rotten* what differs from the record though the file has the same size and time:
no program did that, which would have changed the time, but a disk, a cable or memory. What a record
says of good bytes is never overwritten by what is found in rotten ones.

The room `verification` is about outputs of transcodes, and `storage/failures` about artifacts that
could not be made.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.files import is_same_time
from videolib.core.runs import Status
from videolib.core.text import clock, iso_time, plural
from videolib.media.checksums import ALGORITHM, FileHasher, block_ranges, changed_ranges
from videolib.media.full_decode import FullDecode
from videolib.media.packets import timestamp_of
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.faults import FAULTS, faults_in
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.media.checksums import ByteRange
    from videolib.media.reader import Media

PLAYED = ("video", "audio", "subtitle")  # types of streams that should decode
MOST_PLACES = 100  # of rot that are listed, the first ones
# The fields of a record that decoding gives: they hold for other times of the same bytes.
DECODED = ("damaged", "streams", "error_count", "errors")


class VerifySettings(NamedTuple):
    """`quick`: look at the bytes only. `again`: decode also what was decoded. `accept`: take rotten
    bytes as the right ones. `threads`: of a video decoder, 0: as many as libav takes by itself."""

    quick: bool = False
    again: bool = False
    accept: bool = False
    threads: int = 0


def verify_video(media: Media, settings: VerifySettings) -> ArtifactOutput:
    """The record of a video: a new one, or the earlier one after a check. Raises VideoError where
    the video cannot be read, or may not be opened."""
    earlier = earlier_record(media)
    if earlier is None:
        return judged(new_record(media, settings))
    if not is_current(earlier, media):
        data = new_record(media, settings, earlier)
        same = data["checksums"] == earlier["checksums"]
        change = "its time changed, its bytes did not" if same else "it was changed"
        return judged(data, note=f"{change} since {day_of(earlier)}: verified anew")
    changed = changed_ranges(
        media.descriptor, media.stat.st_size, earlier["checksums"], media.progress.at
    )
    if changed and not settings.accept:
        return judged(earlier | rot(media, changed, earlier))
    sound = {name: value for name, value in earlier.items() if name not in ("rotten", "rot")}
    if changed:
        return judged(new_record(media, settings), note="its bytes are taken as they are now")
    if settings.quick or not (settings.again or earlier["quick"]):
        return judged(sound | {"checked_at": iso_time()}, Status.CHECKED)
    return judged(new_record(media, settings))


def judged(data: dict[str, Any], status: Status = Status.MADE, note: str = "") -> ArtifactOutput:
    """A record with the status that it gives a video, and what is to be said of it."""
    faults = faults_in(data)
    status = Status.ROTTEN if "rotten" in faults else Status.DAMAGED if faults else status
    only_read = [
        f"stream {stream['index']} was only read: {stream['only_read']}"
        for stream in data["streams"]
        if "only_read" in stream and stream["type"] in PLAYED and "cover" not in stream
    ]
    remarks = [note, *faults.values(), *(only_read if status is not Status.CHECKED else ())]
    head = {name: data[name] for name in ("quick", "checked_at", *FAULTS) if name in data}
    return ArtifactOutput(head | data, note="; ".join(filter(None, remarks)), status=status)


# --- Records


def earlier_record(media: Media) -> dict[str, Any] | None:
    """The record of a video from an earlier run; None where there is none of use."""
    name = ARTIFACTS["verify"].record_name(media.video)
    record = read_json(Path(media.video.sidecar_dir, name))
    sums = record.get("checksums") if record else None
    if not record or not isinstance(sums, dict) or sums.get("algorithm") != ALGORITHM:
        return None
    source, shape = record.get("source"), (sums.get("block_size"), sums.get("piece_size"))
    has_shape = all(isinstance(size, int) and size > 0 for size in shape)
    has_parts = isinstance(sums.get("blocks"), list) and isinstance(sums.get("pieces"), str)
    if not (isinstance(source, dict) and has_shape and has_parts):
        return None
    blocks = len(block_ranges(source.get("size", 0), sums["block_size"]))
    return record if blocks == len(sums["blocks"]) else None


def is_current(record: Mapping[str, Any], media: Media) -> bool:
    """Whether a video has the size and the time that it had when its record was made."""
    source, now = record["source"], media.stat
    same_size = source["size"] == now.st_size
    return same_size and is_same_time(source.get("mtime_ns", 0), now.st_mtime_ns)


def day_of(record: Mapping[str, Any]) -> str:
    """The day of a record, as in 2026-11-30."""
    return str(record.get("generated_at", ""))[:10]


def new_record(
    media: Media, settings: VerifySettings, earlier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The record of a video as it is now. A quick one has no more than the checksums, unless the
    `earlier` one is of the same bytes: what they decoded to then still holds."""
    decoded: dict[str, Any] = {"streams": [], "error_count": 0, "errors": []}
    with FileHasher(media.descriptor, media.stat.st_size, media.progress.at) as hasher:
        if not settings.quick:
            decoded = decode(media, settings.threads, hasher)
        checksums = hasher.finish()
    quick = settings.quick
    if quick and earlier and earlier["checksums"] == checksums:
        quick = earlier["quick"]
        decoded = {name: earlier[name] for name in DECODED if name in earlier}
    return {"quick": quick, "checked_at": iso_time()} | decoded | {"checksums": checksums}


def decode(media: Media, threads: int, hasher: FileHasher) -> dict[str, Any]:
    """What decoding all of a video gives for its record; what was read is hashed meanwhile."""
    run = FullDecode(media, threads, hasher.advance)
    run.run()
    places = run.errors.in_order
    data: dict[str, Any] = {}
    if places:
        first = places[0]
        when = f" at {clock(first.time)}" if run.streams else ""
        more = f", and {plural(len(places) - 1, 'more place')}" if len(places) > 1 else ""
        data["damaged"] = f"damaged{when}: {first.message}{more}"
    data |= {"streams": run.streams, "error_count": run.errors.count}
    return data | {"errors": [place.as_json() for place in places]}


# --- Rot


def rot(media: Media, changed: Sequence[ByteRange], record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record gains where bytes differ from it: a line, and the places."""
    listed = changed[:MOST_PLACES]
    times = attempt(times_of, media, listed)
    if isinstance(times, Failure):
        times = [None] * len(listed)  # its index is what is rotten
    places = [
        {"offset": span.start, "length": span.end - span.start}
        | ({"time": round(time[0], 3), "end": round(time[1], 3)} if time else {})
        for span, time in zip(listed, times, strict=True)
    ]
    first, when = changed[0], times[0]
    where = f" at {clock(when[0])}" if when else " outside of pictures and sound"
    amount = plural(sum(span.end - span.start for span in changed), "byte")
    line = (
        f"rotten{where}: {amount} from {first.start:,} on are not those of {day_of(record)}, though"
        " size and time are the same: restore a copy, or see --accept"
    )
    return {"rotten": line, "rot": {"found_at": iso_time(), "places": places}}


def times_of(media: Media, spans: Sequence[ByteRange]) -> list[tuple[float, float] | None]:
    """From when to when (s) what is in each of some byte ranges is shown or heard, by the packets
    of the file; None: nothing of it is.

    `spans` are in order. Where no packet is in a range, it is about the one before it.
    """
    ends, last = [span.end for span in spans], 0
    times: list[tuple[float, float] | None] = [None] * len(spans)
    before = dict[int, tuple[int, float]]()  # by span, position and time of the packet before it
    for packet in media.read():
        stamp = timestamp_of(packet)
        if packet.pos is None or stamp is None or not packet.size:
            continue
        time, end = media.film_time(stamp * packet.time_base), packet.pos + packet.size
        last, number = max(last, end), bisect.bisect_right(ends, packet.pos)
        while number < len(spans) and spans[number].start < end:
            first, final = times[number] or (time, time)
            times[number] = min(first, time), max(final, time)
            number += 1
        before[number] = max(before.get(number, (0, 0.0)), (packet.pos, time))
    nearest = None
    for number, span in enumerate(spans):
        nearest = before.get(number, nearest)
        if times[number] is None and nearest and span.start < last:
            times[number] = nearest[1], nearest[1]
    return times
