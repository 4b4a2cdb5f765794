"""The report on the codecs of a library: a row for each video, totals, and a table as text.

Whether a video fits the target is decided in codecs. Fresh metadata artifacts are used as they are;
the other videos are probed in workers.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.confinement import inheriting
from videolib.core.console import Level
from videolib.core.documents import JsonRows
from videolib.core.errors import Failure, attempt
from videolib.core.processes import cores
from videolib.core.text import clock, human_size, plural, printable, table
from videolib.core.workers import Workers
from videolib.media.codecs import codec_facts, misfits
from videolib.media.metadata import fresh_metadata, probe_with_pyav
from videolib.media.reader import Media
from videolib.storage.sidecars import with_sidecars

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.media.targets import AudioCodec, VideoCodec
    from videolib.storage.folders import Library
    from videolib.storage.videos import Video


class CodecCriteria(NamedTuple):
    """What counts as compatible; see `misfits`."""

    video_codec: VideoCodec = "h264"
    audio_codec: AudioCodec = "aac"
    profiles: tuple[str, ...] = ()


class ProbeLimits(NamedTuple):
    """Limits of probing: `workers` processes at most, `timeout` seconds per file (0: no limit), and
    in `allow_codecs` the decoders that are allowed beside the common ones (see Media)."""

    workers: int = 4
    timeout: float = 60.0
    allow_codecs: str = ""


def probe_batch(videos: Sequence[Video], allow_codecs: str) -> list[dict[str, Any] | Failure]:
    """ffprobe-shaped metadata of videos, or why there is none. Runs in a worker."""

    def probe(video: Video) -> dict[str, Any]:
        with Media(video, allow_codecs) as media:
            return probe_with_pyav(media, decode=False)

    return [attempt(probe, video) for video in videos]


def codec_row(
    video: Video, metadata: Mapping[str, Any] | Failure, criteria: CodecCriteria
) -> dict[str, Any]:
    """One video's row of the report; what is not known is null."""
    row: dict[str, Any] = {"video": video.rel}
    row |= dict.fromkeys(("container", "vcodec", "vprofile"))
    row |= {"acodecs": [], "size": None, "duration": None, "compatible": None}
    with contextlib.suppress(OSError):
        row["size"] = Path(video.path).stat().st_size
    if isinstance(metadata, Failure):
        return row | {"error": metadata.reason, "why": [metadata.reason]}
    if metadata.get("stub"):
        return row | {"why": ["unknown: its metadata is a stub"]}
    reasons = misfits(metadata, *criteria)
    row |= codec_facts(video, metadata) | {"compatible": not reasons}
    return row | ({"why": reasons} if reasons else {})


class CodecScan:
    """Reads or probes the metadata of videos and gives a row for each.

    Videos that cannot be read are reported on the job's console and counted in `failures`.
    """

    CHUNK: ClassVar = 5000  # videos whose rows are held in memory
    BATCH: ClassVar = 32  # videos per call of a worker
    WORTH_A_PROCESS: ClassVar = 100  # videos for which one more process is worth its start

    def __init__(self, job: Job, criteria: CodecCriteria, limits: ProbeLimits) -> None:
        self.job, self.criteria, self.limits = job, criteria, limits
        self.failures = 0

    def report(self, library: Library) -> dict[str, Any]:
        """The target codecs, the totals, and the rows of all videos, which are made when read."""
        rows = JsonRows(self.rows(library))
        if not rows:
            self.job.console.say(library.nothing_found, Level.WARNING)
        targets = {"target_v": self.criteria.video_codec, "target_a": self.criteria.audio_codec}
        return targets | codec_totals(rows) | {"results": rows}

    def rows(self, library: Library) -> Iterator[dict[str, Any]]:
        """The rows of a library in the order of its videos, then those of folders that could not
        be listed."""
        for row in self._all_rows(library):
            if "error" in row:
                self.failures += 1
                message = f"{printable(row['video'])}: {printable(row['error'])}"
                self.job.console.say(f"codecs: {message}")
            yield row

    def _all_rows(self, library: Library) -> Iterator[dict[str, Any]]:
        videos = library.videos()
        while chunk := list(itertools.islice(videos, self.CHUNK)):
            rows = self.chunk_rows(chunk)
            yield from (rows[video.rel] for video in chunk)
        yield from ({"video": name, "error": reason} for name, reason in library.problems)

    def chunk_rows(self, videos: Sequence[Video]) -> dict[str, dict[str, Any]]:
        """The rows of these videos, by name."""
        rows: dict[str, dict[str, Any]] = {}
        for video, sidecars in with_sidecars(videos):
            self.job.check()
            if metadata := fresh_metadata(video, sidecars):
                rows[video.rel] = codec_row(video, metadata, self.criteria)
        missing = [video for video in videos if video.rel not in rows]
        return rows | (self.probed_rows(missing) if missing else {})

    def probed_rows(self, videos: Sequence[Video]) -> dict[str, dict[str, Any]]:
        """The rows of videos that are probed in workers, many per call: a call costs more than a
        probe."""
        from concurrent.futures import ThreadPoolExecutor

        count = min(self.limits.workers, cores(), 1 + len(videos) // self.WORTH_A_PROCESS)
        workers = Workers(count, {"av"})
        workers.admit(video.path for video in videos)
        batches = [videos[i : i + self.BATCH] for i in range(0, len(videos), self.BATCH)]
        try:
            with ThreadPoolExecutor(count) as threads:
                rows_of = functools.partial(self.batch_rows, workers)
                results = threads.map(inheriting(rows_of), batches)
                return {rel: row for rows in results for rel, row in rows.items()}
        finally:
            workers.close()

    def batch_rows(self, workers: Workers, batch: Sequence[Video]) -> dict[str, dict[str, Any]]:
        """The rows of a batch; where one video ends the worker, each gets a call of its own."""
        timeout, allow_codecs = self.limits.timeout, self.limits.allow_codecs
        with self.job.limits.reserve(self.job, "codecs", self.limits.workers):
            result = attempt(workers.call, self.job, timeout, probe_batch, batch, allow_codecs)
        if isinstance(result, Failure) and len(batch) > 1:
            parts = [self.batch_rows(workers, [video]) for video in batch]
            return {rel: row for rows in parts for rel, row in rows.items()}
        probed = [result] if isinstance(result, Failure) else result
        pairs = zip(batch, probed, strict=True)
        return {video.rel: codec_row(video, metadata, self.criteria) for video, metadata in pairs}


def codec_totals(rows: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums over all rows (bytes, seconds), the verdicts, and the videos per video codec."""
    verdicts, vcodecs = Counter[bool | None](), Counter[str]()
    size, duration = 0, 0.0
    for row in rows:
        verdicts[row.get("compatible")] += 1
        size += row.get("size") or 0
        duration += row.get("duration") or 0.0
        vcodecs.update(filter(None, [row.get("vcodec")]))
    return {
        "total": len(rows),
        "compatible": verdicts[True],
        "incompatible": verdicts[False],
        "unknown": verdicts[None],
        "size": size,
        "duration": round(duration, 3),
        "vcodecs": dict(vcodecs),
    }


def codec_text(report: Mapping[str, Any]) -> str:
    """The report as text: a table of all videos, why some do not fit, and the totals."""
    lines = [["video", "container", "video codec", "audio", "size", "length", "fits"]]
    lines += [table_cells(row) for row in report["results"]]
    reasons = [
        f"{printable(row['video'])}: {'; '.join(row['why'])}"
        for row in report["results"]
        if row.get("compatible") is False
    ]
    counts = ", ".join(f"{report[k]:,} {k}" for k in ("compatible", "incompatible", "unknown"))
    extent = f"{human_size(report['size'])}, {clock(report['duration'])}"
    total = f"{plural(report['total'], 'video')}: {counts}; {extent}"
    return "\n".join([*([table(lines)] if report["results"] else []), *reasons, total])


def table_cells(row: Mapping[str, Any]) -> list[str]:
    """One video's line of the table."""
    codec = " ".join(filter(None, (row.get("vcodec"), row.get("vprofile"))))
    return [
        printable(row["video"]),
        row.get("container") or "?",
        codec or "-",
        "+".join(row.get("acodecs", ())) or "-",
        human_size(row.get("size") or 0),
        clock(row.get("duration") or 0.0),
        {True: "yes", False: "no", None: "?"}[row.get("compatible")],
    ]
