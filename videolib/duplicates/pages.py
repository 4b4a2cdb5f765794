"""Groups of duplicates as data, and as a page with their pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.html import data_url, html_page
from videolib.core.text import printable
from videolib.storage.artifacts import ARTIFACTS

if TYPE_CHECKING:
    from videolib.duplicates.copies import DuplicateGroup
    from videolib.duplicates.fingerprints import Fingerprint
    from videolib.duplicates.quality import CopyQuality
    from videolib.duplicates.report import DuplicateReport


def group_json(findings: DuplicateReport, group: DuplicateGroup) -> dict[str, Any]:
    """A group as data; `details` has the facts of all its videos by name."""
    copies = findings.copies
    details = {copies[n].video.rel: findings.facts(n).as_json() for n in group.members()}
    for pair in group.matches:
        own = {"similarity": round(pair.similarity, 4), "kind": pair.kind}
        details[copies[pair.b].video.rel] |= own
    names = {"keeper": copies[group.keeper].video.rel, "reason": group.reason}
    return names | {"matches": [copies[p.b].video.rel for p in group.matches], "details": details}


def duplicates_page(
    findings: DuplicateReport, groups: Sequence[DuplicateGroup], summary: Iterable[str]
) -> bytes:
    """Each group with its pictures side by side."""
    from html import escape

    parts = [f"<p>{escape(line)}</p>" for line in summary]
    for number, group in enumerate(groups, 1):
        parts.append(f'<section><h2>Group {number}</h2><div class="copies">')
        parts.append(figure(findings, group.keeper, "keep", group.reason))
        for pair in group.matches:
            role = "exact copy" if pair.kind == "exact" else f"{pair.similarity:.1%} similar"
            role += f", {pair.kind}" if pair.kind not in ("exact", "similar") else ""
            parts.append(figure(findings, pair.b, "", role))
        parts.append("</div></section>")
    return html_page(f"Duplicates in {printable(str(findings.library.root.absolute()))}", parts)


LARGEST_PICTURE = 1 << 20  # bytes of a thumbnail to put into a page


def figure(findings: DuplicateReport, number: int, css: str, role: str) -> str:
    """One video on the page: its thumbnail, the frames it was compared by, and its facts."""
    from html import escape

    copy = findings.copies[number]
    name = escape(printable(copy.video.rel))
    thumb = Path(copy.video.sidecar_dir, ARTIFACTS["thumbs"].record_name(copy.video))
    pictures = []
    with contextlib.suppress(OSError):
        if 0 < thumb.stat().st_size <= LARGEST_PICTURE:
            source = data_url(thumb.read_bytes(), "jpeg")
            pictures.append(f'<img class="thumb" alt="" src="{source}">')
    if strip := frames_picture(copy.fingerprint(), findings.facts(number)):
        pictures.append(f'<img alt="frames of {name}" src="{data_url(strip, "png")}">')
    label = f"Keep: {role}" if css else role
    return (
        f'<figure class="{css}">{"".join(pictures)}<figcaption>'
        f'<div class="role">{escape(label)}</div><div>{name}</div>'
        f'<div class="facts">{escape(findings.facts(number).told())}</div></figcaption></figure>'
    )


def frames_picture(found: Fingerprint | None, facts: CopyQuality) -> bytes:
    """The frames of a fingerprint side by side as PNG; empty where it has no pictures."""
    import cv2
    import numpy as np

    if found is None or found.chroma is None:
        return b""
    height = 72
    width = round(height * min(max((facts.width / facts.height) if facts.height else 1.78, 0.4), 3))
    frames = []
    for luma, chroma in zip(found.luma, found.chroma, strict=True):
        grey = cv2.resize(luma.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        blue, red = np.moveaxis(cv2.resize(chroma.astype(np.float32), (width, height)), -1, 0)
        green = grey - 0.344 * blue - 0.714 * red
        frames.append(np.stack([grey + 1.772 * blue, green, grey + 1.402 * red], -1))
    strip = np.concatenate(frames, 1).round().clip(0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", strip)[1])
