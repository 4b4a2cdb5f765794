"""A report of duplicates as data, as text, and as a page with pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.files import blocks_of
from videolib.core.html import data_url, html_page
from videolib.core.text import human_size, plural, printable
from videolib.media.pictures import png
from videolib.storage.artifacts import ARTIFACTS

if TYPE_CHECKING:
    from videolib.duplicates.copies import DuplicatePair
    from videolib.duplicates.fingerprints import Fingerprint
    from videolib.duplicates.groups import DuplicateGroup
    from videolib.duplicates.report import DuplicateReport, DuplicateSelection

MAX_THUMBNAIL_BYTES = 1 << 20  # a larger thumbnail is not put into a page
STRIP_HEIGHT = 72  # pixels of the frames of a fingerprint on a page


class RenderedReport:
    """The selected part of a report of duplicates, in the forms in which it is shown.

    `computed`: whether missing phash artifacts were made before the search, so that those which are
    still missing cannot be made.
    """

    def __init__(
        self, report: DuplicateReport, selection: DuplicateSelection, computed: bool
    ) -> None:
        self.report, self.selection, self.computed = report, selection, computed

    def rel(self, number: int) -> str:
        return self.report.copies[number].video.rel

    def as_json(self) -> dict[str, Any]:
        report = self.report
        return {
            "threshold": report.criteria.threshold,
            "pairs": [pair.as_json(report.copies) for pair in self.selection.pairs],
            "groups": [self.group_json(group) for group in self.selection.groups],
            "total": len(report.copies),
            "total_pairs": len(report.pairs),
            "total_groups": len(report.groups),
            "without_hash": report.without_hash,
            "without_timeline": report.without_timeline,
        }

    def group_json(self, group: DuplicateGroup) -> dict[str, Any]:
        """A group as JSON; `details` has the quality of all its videos by name."""
        quality = self.report.keepers.quality
        details = {self.rel(n): quality(n).as_json() for n in group.members()}
        for pair in group.matches:
            match: dict[str, Any] = {"similarity": round(pair.similarity, 4), "kind": pair.kind}
            match["sound_note"] = self.report.lost_sound(pair)
            details[self.rel(pair.b)] |= match
        matches = [self.rel(pair.b) for pair in group.matches]
        names = {"keeper": self.rel(group.keeper), "reason": group.reason}
        return names | {"matches": matches, "details": details}

    def text(self) -> str:
        """The groups, one line for each video, and the summary."""
        lines: list[str] = []
        for group in self.selection.groups:
            lines += [f"keep {self.video_line(group.keeper)}", f"     {group.reason}"]
            for pair in group.matches:
                lines.append(f"  {similarity_text(pair):>7}  {self.video_line(pair.b)}")
                if note := self.report.lost_sound(pair):
                    lines.append(f"           {note}")
            lines.append("")
        return "\n".join([*lines, *self.summary()])

    def video_line(self, number: int) -> str:
        return f"{printable(self.rel(number))}  {self.report.keepers.quality(number).description()}"

    def summary(self) -> Iterator[str]:
        """Lines on how many groups there are, what their matches take on disk, and which videos
        could not be compared."""
        report, count = self.report, len(self.selection.groups)
        matches = [pair.b for group in report.groups for pair in group.matches]
        freed = human_size(sum(report.copies[number].size for number in matches))
        groups = plural(len(report.groups), "group")
        videos = plural(len(report.copies), "video")
        yield f"{groups} among {videos}: {freed} beside what to keep"
        if count < len(report.groups) and not self.selection.named:
            yield f"the first {count:,} of them are dealt with: --limit 0 takes all"
        if report.without_hash:
            hint = "none could be made" if self.computed else "--compute makes it"
            yield f"{plural(report.without_hash, 'video')} without a fresh hash: {hint}"
        if report.without_timeline:
            videos = plural(report.without_timeline, "video")
            hint = "none could be made" if self.computed else "--deep --compute makes them"
            pictures = "pictures all along, by which shifted copies are found"
            yield f"{videos} without {pictures}: {hint}"

    def page(self) -> bytes:
        """An HTML page in UTF-8 with the videos of each group side by side."""
        from html import escape

        parts = [f"<p>{escape(line)}</p>" for line in self.summary()]
        for number, group in enumerate(self.selection.groups, 1):
            parts.append(f'<section><h2>Group {number}</h2><div class="copies">')
            parts.append(self.video_figure(group.keeper, f"Keep: {group.reason}", "keep"))
            for pair in group.matches:
                label = "exact copy" if pair.kind == "exact" else f"{pair.similarity:.1%} similar"
                label += f", {pair.kind}" if pair.kind not in ("exact", "similar") else ""
                note = self.report.lost_sound(pair)
                parts.append(self.video_figure(pair.b, f"{label}; {note}" if note else label))
            parts.append("</div></section>")
        return html_page(f"Duplicates in {printable(str(self.report.root.absolute()))}", parts)

    def video_figure(self, number: int, label: str, css_class: str = "") -> str:
        """One video on the page: its thumbnail, the frames it was compared by, and its quality."""
        from html import escape

        name, quality = escape(printable(self.rel(number))), self.report.keepers.quality(number)
        pictures = []
        if thumbnail := self.thumbnail(number):
            source = data_url(thumbnail, "jpeg")
            pictures.append(f'<img class="thumb" alt="" src="{source}">')
        aspect = quality.width / quality.height if quality.height else 1.78
        if strip := frame_strip(self.report.copies[number].fingerprint(), aspect):
            pictures.append(f'<img alt="frames of {name}" src="{data_url(strip, "png")}">')
        return (
            f'<figure class="{css_class}">{"".join(pictures)}<figcaption>'
            f'<div class="role">{escape(label)}</div><div>{name}</div>'
            f'<div class="facts">{escape(quality.description())}</div></figcaption></figure>'
        )

    def thumbnail(self, number: int) -> bytes:
        """A video's JPEG thumbnail; empty where there is none, or one too large for a page."""
        video = self.report.copies[number].video
        path = Path(video.sidecar_dir, ARTIFACTS["thumbs"].record_name(video))
        with contextlib.suppress(OSError):
            return b"".join(blocks_of(path, MAX_THUMBNAIL_BYTES))
        return b""


def similarity_text(pair: DuplicatePair) -> str:
    """The similarity of a pair and its kind as text, such as `0.987 mirrored`."""
    if pair.kind == "exact":
        return "exact"
    return f"{pair.similarity:.3f}" + (f" {pair.kind}" if pair.kind != "similar" else "")


def frame_strip(fingerprint: Fingerprint | None, aspect: float) -> bytes:
    """The frames of a fingerprint side by side as PNG; empty where it has no pictures.

    `aspect`: width by height of a frame.
    """
    import cv2
    import numpy as np

    if fingerprint is None or fingerprint.chroma is None:
        return b""
    size = round(STRIP_HEIGHT * min(max(aspect, 0.4), 3)), STRIP_HEIGHT
    frames = []
    for luma, chroma in zip(fingerprint.luma, fingerprint.chroma, strict=True):
        grey = cv2.resize(luma.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        # From YCbCr to RGB as in JPEG files (JFIF 1.02).
        cb, cr = np.moveaxis(cv2.resize(chroma.astype(np.float32), size), -1, 0)
        green = grey - 0.344 * cb - 0.714 * cr
        frames.append(np.stack([grey + 1.772 * cb, green, grey + 1.402 * cr], -1))  # OpenCV's BGR
    strip = np.concatenate(frames, 1).round().clip(0, 255).astype(np.uint8)
    return png(strip)
