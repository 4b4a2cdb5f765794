"""The subtitle files of a video, as players show them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Library
from support.served import Served, serving

SRT = "1\n00:00:01,000 --> 00:00:02,500\n{}\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, "
    "MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\an8}Oui\\Nnon\n"
)
HEAD = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n"


@pytest.fixture
def served(library: Library) -> Iterator[Served]:
    (library.root / "a.mp4").write_bytes(b"no video, which nothing of this needs")
    with serving(library.root) as served:
        yield served


def listed(served: Served) -> list[tuple[str, str, str]]:
    """File, language and purpose of the subtitles of a.mp4."""
    rows = served.get("/videos/a.mp4")["subtitles"]
    return [(row["file"], row["language"], row["purpose"]) for row in rows]


def content(served: Served, file: str) -> str:
    """What a player gets of a file of a.mp4."""
    rows = {row["file"]: row["url"] for row in served.get("/videos/a.mp4")["subtitles"]}
    answer = served.client.get(rows[file])
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/vtt")
    return answer.text


def test_files_of_every_format_are_webvtt(served: Served, library: Library) -> None:
    """With the line breaks and the tags that WebVTT has, too; of a pair of formats one."""
    (library.root / "a.srt").write_text(
        SRT.format('<font color="red">- <I>So</I> & so</font>\n- No')
    )
    (library.root / "a.fr.forced.ass").write_text(ASS)
    (library.root / "a.es.srt").write_bytes(SRT.format("¿Qué? años").encode("cp1252"))
    sidecars = library.root / ".artifacts"
    sidecars.mkdir()
    for suffix in ("srt", "vtt"):
        (sidecars / f"a.mp4.de.{suffix}").write_text(HEAD + "Ja")
    assert listed(served) == [
        ("a.mp4.de.vtt", "de", "full"),
        ("a.es.srt", "es", "full"),
        ("a.srt", "", "full"),
        ("a.fr.forced.ass", "fr", "forced"),
    ]
    assert content(served, "a.mp4.de.vtt") == f"{HEAD}Ja\n"
    assert content(served, "a.srt") == f"{HEAD}- <i>So</i> &amp; so\n- No\n"
    assert content(served, "a.fr.forced.ass") == f"{HEAD}Oui\nnon\n"
    assert content(served, "a.es.srt") == f"{HEAD}¿Qué? años\n"


def test_what_is_no_subtitle_file_of_it(served: Served, library: Library, tmp_path: Path) -> None:
    (library.root / "b.srt").write_text(SRT.format("of another"))
    (library.root / "a.srt").write_bytes(b"\0\1\2")
    secret = tmp_path / "secret.srt"
    secret.write_text(SRT.format("secret"))
    (library.root / "a.en.srt").symlink_to(secret)
    assert listed(served) == [("a.srt", "", "full")]
    problem = served.get("/videos/a.mp4/subtitles/a.srt", 409)
    assert problem["detail"] == "a.srt: is no text"
    for name in ("b.srt", "a.mp4", "a.fr.srt"):
        served.get(f"/videos/a.mp4/subtitles/{name}", 404)
    assert "secret" not in served.client.get("/videos/a.mp4/subtitles/a.en.srt").text
