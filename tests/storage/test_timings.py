"""How long work will take, by what other work took."""

from __future__ import annotations

from pathlib import Path

import pytest

from videolib.storage.timings import REMEMBERED, Sums, Timings, Work, forecast, forecast_text

MB = 1 << 20


def timings(*works: tuple[str, int, float]) -> Timings:
    """What is remembered of works: kinds, size in MB, seconds."""
    made = Timings({})
    for kinds, size, seconds in works:
        made.note(Work(tuple(kinds.split(",")), size * MB), seconds)
    return made


@pytest.mark.parametrize(
    ("seen", "size", "expected"),
    [
        ([(10, 5.0)], 100, 5.0),  # one says nothing of other sizes
        ([(10, 5.0), (10, 7.0)], 100, 6.0),
        ([(10, 3.0), (20, 5.0)], 100, 21.0),  # a second, and one for 5 MB
        ([(10, 1.0), (20, 4.0)], 1, 0.0),  # no line through less than nothing ...
        ([(10, 1.0), (20, 4.0)], 40, 6.67),  # ... so it is in proportion
        ([(10, 5.0), (20, 3.0)], 100, 4.0),  # larger ones do not take less
        ([(0, 1.0), (0, 3.0)], 100, 2.0),
    ],
)
def test_of_one_kind(seen: list[tuple[int, float]], size: int, expected: float) -> None:
    made = timings(*(("thumbs", mb, seconds) for mb, seconds in seen))
    seconds, missing = made.expected(Work(("thumbs",), size * MB))
    assert seconds == pytest.approx(expected, abs=0.2)
    assert not missing


def test_of_kinds_that_were_made_apart_or_with_others() -> None:
    made = timings(("thumbs,sprites", 1, 2.0), ("phash", 1, 1.0), ("scenes,heatmaps", 1, 8.0))
    for kinds, seconds, missing in (
        ("thumbs,sprites", 2.0, ""),
        ("thumbs,sprites,phash", 3.0, ""),
        ("scenes", 8.0, ""),  # never by itself: no longer than with others
        ("phash,faces", 1.0, "faces"),
        ("faces", 0.0, "faces"),
    ):
        result = made.expected(Work(tuple(kinds.split(",")), MB))
        assert result == (seconds, frozenset(filter(None, [missing]))), kinds


def test_what_is_remembered(cache: Path) -> None:
    made = timings(("thumbs", 1, 60.0), ("phash", 1, 1.0))
    made.save()
    assert Timings.load().sums == made.sums
    (file,) = cache.rglob("timings.json")
    rows = ('[1, "x"]', "[0, 0, 0, 0, 0]", "3", "null", "{}")
    for damaged in ("", "[1]", "{", *(f'{{"thumbs": {row}}}' for row in rows)):
        file.write_text(damaged)
        assert not Timings.load().sums


def test_older_ones_count_less() -> None:
    sums = Sums()
    for seconds in [1.0] * REMEMBERED + [3.0] * REMEMBERED:
        sums = sums.plus(MB, seconds)
    assert sums.videos <= REMEMBERED + 1
    assert 2.2 < sums.expected(MB) < 3


def test_what_runs_beside_each_other() -> None:
    timings(("thumbs", 1, 60.0), ("subtitles", 1, 600.0)).save()
    titles = {"thumbs": "thumbs", "subtitles": "subtitles", "faces": "embed"}
    works = [Work(("thumbs",), MB)] * 8
    assert forecast(works, {"thumbs": 4}, 4, titles).text == "about 2 minutes"
    assert forecast(works, {"thumbs": 1}, 4, titles).text == "about 8 minutes"
    works += [Work(("subtitles",), MB)] * 2
    assert forecast(works, {"thumbs": 4, "subtitles": 1}, 4, titles).text == "about 20 minutes"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 second"), (80, "80 seconds"), (100, "2 minutes"), (7000, "2 hours"), (2e5, "2 days")],
)
def test_words(seconds: float, text: str) -> None:
    assert forecast_text(seconds, []) == f"about {text}"
    assert (
        forecast_text(seconds, ["embed"])
        == f"about {text}, not counting embed, never made here yet"
    )
