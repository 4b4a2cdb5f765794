"""search: words found in the subtitles of a library, whatever their format and state."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from hypothesis import given
from hypothesis import strategies as st
from support import Library, modes_count, run_unprivileged

import index
from videolib.core.errors import ParameterError
from videolib.core.runs import Job
from videolib.speech.cues import Cue
from videolib.speech.files import MAX_SUBTITLE_BYTES, srt_file, vtt_file
from videolib.speech.search import search_expression
from videolib.storage.folders import Library as StorageLibrary
from videolib.storage.folders import Roots

SRT = """1
00:00:01,000 --> 00:00:02,500
{\\an8}Bread <i>&amp;</i> butter, don't
you know?

2
00:01:03,000 --> 00:01:04,000
And ask not what your country
3
01:01:04,100 --> 01:01:05,000
Later.
4
00:01:04,100 --> 00:01:05,000
can do for you - Ärger im Café, 世界和平。
"""


WORDS = ("ask", "asking", "Café", "cafe", "moon", "Mond", "sea", "see")
# What is typed -> whether it is to be found in the words of a sentence, without case and accents.
MEANINGS: dict[str, Callable[[list[str]], bool]] = {
    "moon": lambda words: "moon" in words,
    "CAFÉ": lambda words: "cafe" in words,
    "ask sea": lambda words: {"ask", "sea"} <= {*words},
    '"moon sea"': lambda words: "moon sea" in " ".join(words),
    "ask*": lambda words: any(word.startswith("ask") for word in words),
    "sea NOT moon": lambda words: "sea" in words and "moon" not in words,
    "mond OR see": lambda words: not {"mond", "see"}.isdisjoint(words),
}


def test_the_index_finds_what_a_look_at_every_sentence_does(cli: Cli, library: Library) -> None:
    chance, said = random.Random(7), dict[tuple[str, float], str]()
    for number in range(8):
        texts = [" ".join(chance.choices(WORDS, k=3)) for _ in range(30)]
        cues = [Cue(10.0 * at, 10.0 * at + 2, text) for at, text in enumerate(texts)]
        library.add_bytes(f"{number}.mp4", b"x")
        library.add_bytes(f"{number}.vtt", vtt_file(cues))
        said |= {(f"{number}.mp4", cue.start): cue.text for cue in cues}
    for typed, meant in MEANINGS.items():
        expected = [
            (*place, text)
            for place, text in said.items()
            if meant(text.lower().replace("é", "e").split())
        ]
        assert matches(cli, library, typed) == expected and expected, typed


@pytest.fixture
def films(library: Library) -> Library:
    """One with all kinds of words in it, one in a folder below, one without subtitles."""
    library.add_bytes("a.mp4", b"a")
    library.add_bytes("b.mp4", b"b")
    library.add_bytes("snö 日本/c 🎬.mp4", b"c")
    library.add_bytes("a.srt", SRT.encode())
    vtt = "WEBVTT\n\nNOTE bread\n\nx\n00:05.000 --> 00:07.250 align:start\n<v Bob>Hello, bread!\n"
    library.add_bytes("snö 日本/c 🎬.en.vtt", vtt.encode())
    return library


def matches(cli: Cli, films: Library, text: str, *flags: object) -> list[tuple[str, float, str]]:
    """Video, start and line of all that is found."""
    run = cli("search", text, films.root, "-r", *flags, "--json")
    assert run.code == 0, run.err
    return [
        (result["video"], line["start"], line["text"])
        for result in run.json["results"]
        for line in result["matches"]
    ]


BREAD = ("a.mp4", 1.0, "Bread & butter, don't you know?")
COUNTRY = ("a.mp4", 63.0, "And ask not what your country")
CAN = ("a.mp4", 64.1, "can do for you - Ärger im Café, 世界和平。")
HELLO = ("snö 日本/c 🎬.mp4", 5.0, "Hello, bread!")


class TestWords:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("bread", [BREAD, HELLO]),
            ("BREAD  butter", [BREAD]),
            ("don't", [BREAD]),
            ("cafe", [CAN]),
            ("CAFE\u0301", [CAN]),
            ("ärger", [CAN]),
            ("和平", [CAN]),
            ("和世", []),
            ('"your country"', [COUNTRY]),
            ('"country your"', []),
            ('"your country, can do!"', [("a.mp4", 63.0, f"{COUNTRY[2]} {CAN[2]}")]),
            ("country can", [COUNTRY, CAN]),
            ("country later", []),
            ("hel*", [HELLO]),
            ('"hello bre"*', [HELLO]),
            ("hel", []),
            ("^bread", [BREAD]),
            ("bread NOT butter", [HELLO]),
            ("butter OR hello", [BREAD, HELLO]),
            ("bread AND (butter OR jam)", [BREAD]),
            ("NEAR(bread know, 4)", [BREAD]),
            ("NEAR(bread know, 1)", []),
            ('"AND"', [COUNTRY]),
            ("and, ask", [COUNTRY]),
            ("an8 OR bob OR note OR amp OR align", []),
        ],
    )
    def test_what_is_found(
        self, cli: Cli, films: Library, text: str, found: list[tuple[str, float, str]]
    ) -> None:
        assert matches(cli, films, text) == found

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "no word is in it"),
            (" ?! ", "no word is in it"),
            ('say "hello', '"hello: the quote is not closed'),
            ("bread AND", "ends where a word or a parenthesis is missing"),
            ("(bread", "ends where a word or a parenthesis is missing"),
            ("AND bread", "AND makes no sense where it stands"),
            ("bread )", ") makes no sense where it stands"),
            ("bread -butter", "-butter: what must not occur is said as: this NOT that"),
            ("(" * 500 + "a" + ")" * 500, "overflow"),
            ("a " * 6000, "longer than 10,000"),
        ],
    )
    def test_what_cannot_be_asked(self, cli: Cli, films: Library, text: str, message: str) -> None:
        run = cli("search", "--", text, films.root)
        assert run.code == 2
        assert run.err.count("\n") == 1
        assert message in run.err

    @given(st.text(alphabet="ab\"()+*^,-:{}' ANDORTE.1\0\u200b世\ud800", max_size=30))
    def test_nothing_that_is_typed_breaks_it(self, text: str) -> None:
        try:
            expression = search_expression(text)
        except ParameterError as error:
            assert "\n" not in str(error)
        else:
            assert '"' in expression

    def test_where_in_the_line(self, cli: Cli, films: Library) -> None:
        run = cli("search", "hello bread 和平", films.root, "-r", "--json")
        assert run.json["results"] == []
        run = cli("search", "hello OR bread OR 和平", films.root, "-r", "--json")
        for result in run.json["results"]:
            for line in result["matches"]:
                words = [line["text"][a:b].lower() for a, b in line["offsets"]]
                assert words
                assert set(words) <= {"hello", "bread", "和平"}
        assert run.json["results"][1]["matches"] == [
            {
                "start": 5.0,
                "end": 7.25,
                "text": "Hello, bread!",
                "offsets": [[0, 5], [7, 12]],
                "file": "c 🎬.en.vtt",
            }
        ]

    def test_as_text(self, cli: Cli, films: Library) -> None:
        run = cli("search", "bread", films.root, "-r")
        assert run.out.splitlines() == [
            "a.mp4  0:01  Bread & butter, don't you know?",
            "snö 日本/c 🎬.mp4  0:05  Hello, bread!",
        ]
        assert cli("search", "later", films.root).out == "a.mp4  1:01:04  Later.\n"
        run = cli("search", "nothing", films.root, "-r")
        assert (run.code, run.out) == (0, "")
        assert "nothing found in 2 videos with subtitles" in run.err

    def test_some_of_it(self, cli: Cli, films: Library) -> None:
        def found(*flags: object) -> Any:
            return cli("search", "bread OR can OR later", films.root, *flags, "--json").json

        assert [r["video"] for r in found()["results"]] == ["a.mp4"]
        one = found("-r", "--limit", 1, "--lines", 2)
        assert (one["total"], one["results"][0]["count"]) == (2, 3)
        assert [line["start"] for line in one["results"][0]["matches"]] == [1.0, 64.1]
        assert [r["video"] for r in found("-r", "--offset", 1)["results"]] == [HELLO[0]]
        assert found("-r", "--ext", "mkv")["total"] == 0


class TestUpToDate:
    def artifact(self, films: Library, name: str, text: str) -> Path:
        place = films.artifact(name)
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
        return place

    def test_by_file_times(self, cli: Cli, films: Library) -> None:
        assert len(matches(cli, films, "bread")) == 2
        (films.root / "a.srt").write_text(SRT.replace("Bread", "Cheese"))
        films.forget(films.root / "a.srt")
        assert matches(cli, films, "bread") == [HELLO]
        assert len(matches(cli, films, "cheese")) == 1
        (films.root / "a.srt").unlink()
        assert matches(cli, films, "cheese") == []
        made = self.artifact(films, "b.mp4.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\ncheese\n")
        assert matches(cli, films, "cheese") == [("b.mp4", 1.0, "cheese")]
        made.unlink()
        films.forget(films.root / "b.mp4")
        (films.root / "b.mp4").unlink()
        assert matches(cli, films, "cheese") == []

    def test_the_catalogue_may_go(self, cli: Cli, films: Library) -> None:
        assert len(matches(cli, films, "bread")) == 2
        place = index.open_catalogue(StorageLibrary(films.root)).path
        place.write_bytes(b"no database" * 1000)
        assert len(matches(cli, films, "bread")) == 2
        place.unlink()
        assert len(matches(cli, films, "bread")) == 2

    def test_nothing_is_read_twice(
        self, cli: Cli, films: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert len(matches(cli, films, "bread")) == 2
        monkeypatch.setattr("videolib.speech.passages.read_cues", None)
        assert len(matches(cli, films, "bread")) == 2

    def test_a_cue_in_several_files_counts_once(self, cli: Cli, films: Library) -> None:
        cues = [Cue(1.0, 2.0, "one & two\nthree"), Cue(2.5, 4.0, "four.")]
        told = json.dumps({"cues": [cue._asdict() for cue in cues], "segments": []})
        self.artifact(films, "b.mp4.vtt", vtt_file(cues).decode())
        self.artifact(films, "b.mp4.en.srt", srt_file(cues).decode())
        self.artifact(films, "b.mp4.json", told)
        films.add_bytes("b.srt", srt_file([*cues, Cue(9, 10, "five")]))
        assert matches(cli, films, "two") == [("b.mp4", 1.0, "one & two three")]
        assert matches(cli, films, '"three four"') == [("b.mp4", 1.0, "one & two three four.")]
        assert matches(cli, films, "five") == [("b.mp4", 9.0, "five")]
        for name in ("b.mp4.vtt", "b.mp4.en.srt"):
            films.artifact(name).unlink()
        films.forget(films.root / "b.srt")
        (films.root / "b.srt").unlink()
        run = cli("search", "two", films.root, "--json")
        (found,) = run.json["results"][0]["matches"]
        assert found["file"] == ".artifacts/b.mp4.json"


class TestBadFiles:
    @pytest.mark.parametrize(
        ("name", "content", "reason"),
        [
            ("b.srt", b"what is this\n", "has no subtitles in it"),
            ("b.vtt", b"WEBVTT\0\0\0\n\n00:01.000 --> 00:02.000\nbread\n", "is no text"),
            ("b.srt", b"\x89PNG\r\n\x1a\n\0\0\0", "is no text"),
            (".artifacts/b.mp4.json", b'{"cues": [{"start": 1', "is no valid JSON"),
            (".artifacts/b.mp4.json", b"[" * 100_000, "is no valid JSON"),
        ],
    )
    def test_they_are_told(
        self, cli: Cli, films: Library, name: str, content: bytes, reason: str
    ) -> None:
        """At every search, since what is in them is never found; and the others are searched."""
        films.add_bytes(name, content)
        for _ in range(2):
            run = cli("search", "bread", films.root, "-r", "--json")
            assert run.code == 1
            assert len(run.json["results"]) == 2
            assert run.json["errors"] == [
                {"video": "b.mp4", "file": name, "error": f"{name}: {reason}"}
            ]
            assert run.err == f"search: b.mp4: {name}: {reason}\n"

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"WEBVTT\n",
            b"\n",
            b"\xff\xfe",
            b'{"status": "no audio", "segments": []}',
            b'{"cues": [7, {"start": "x", "end": 1, "text": "bread"}, {"start": 1, "end": 2}]}',
        ],
    )
    def test_empty_ones_are_none(self, cli: Cli, films: Library, content: bytes) -> None:
        name = ".artifacts/b.mp4.json" if content.startswith(b"{") else "b.srt"
        if content:
            films.add_bytes(name, content)
        else:
            (films.root / name).touch()
        assert len(matches(cli, films, "bread")) == 2

    def test_a_huge_one(self, cli: Cli, films: Library) -> None:
        with (films.root / "b.srt").open("wb") as file:
            file.truncate(MAX_SUBTITLE_BYTES + 1)
        run = cli("search", "bread", films.root, "-r", "--json")
        assert run.err == "search: b.mp4: b.srt: is larger than 32.0 MiB\n"
        assert len(run.json["results"]) == 2

    def test_one_that_may_not_be_read(self, films: Library, tmp_path: Path) -> None:
        if not modes_count(tmp_path):
            pytest.skip("modes of files do not count here")
        films.add_bytes("b.srt", SRT.encode()).chmod(0)
        run = run_unprivileged("search", "bread", films.root, "-r", "--json")
        (films.root / "b.srt").chmod(0o644)
        assert run.err == "search: b.mp4: b.srt: Permission denied\n"
        assert len(run.json["results"]) == 2

    @pytest.mark.parametrize(
        "code", ["utf-8-sig", "utf-16", "utf-16-be", "cp1252", "bare-le", "bare-be"]
    )
    def test_other_encodings(self, cli: Cli, films: Library, code: str) -> None:
        mark = b"\xfe\xff" if code == "utf-16-be" else b""
        text = SRT.replace("世界和平。", "").replace("\n", "\r\n")
        films.add_bytes("b.srt", mark + text.encode(code.replace("bare", "utf-16")))
        assert [found[0] for found in matches(cli, films, "ärger")] == ["a.mp4", "b.mp4"]

    def test_what_would_act_on_a_terminal(self, cli: Cli, films: Library) -> None:
        evil = "1\n00:00:01,000 --> 00:00:02,000\n\x1b]0;title\x07evil\u202e \x02words\x03\u200b\n"
        films.add_bytes("b.srt", evil.encode())
        assert cli("search", "words", films.root).out == "b.mp4  0:01  ]0;titleevil words\n"

    def test_times_without_sense(self, cli: Cli, films: Library) -> None:
        lines = [
            "00:00:05,000 --> 00:00:01,000\nbackwards\n",
            "9999:99:99,999 --> 9999:99:99,999\nlate\n",
            "00:00:02,000 --> 00:00:03,000",
            "99999999999:00:00,000 --> 00:00:03,000\nnever\n",
            "00:00:07.5 --> 00:00:08.25\n" + "long " * 100_000,
        ]
        films.add_bytes("b.srt", "\n".join(lines).encode())
        assert matches(cli, films, "backwards") == [("b.mp4", 5.0, "backwards")]
        assert matches(cli, films, "late")[0][0] == "b.mp4"
        ((_, start, text),) = matches(cli, films, "long")
        assert (start, len(text)) == (7.5, 1999)

    def test_a_pipe_and_a_link_to_nothing(self, cli: Cli, films: Library) -> None:
        os.mkfifo(films.root / "b.srt")
        (films.root / "b.vtt").symlink_to("/nowhere")
        assert len(matches(cli, films, "bread")) == 2

    def test_no_such_folder(self, cli: Cli, films: Library) -> None:
        run = cli("search", "bread", films.root / "none")
        assert run.code == 2
        assert "no such file or directory" in run.err

    def test_a_link_out_of_the_roots(self, films: Library, tmp_path: Path) -> None:
        """A server tells nothing of what lies elsewhere."""
        secret = tmp_path / "secret.srt"
        secret.write_text(SRT)
        (films.root / "b.srt").symlink_to(secret)
        request = index.SubtitleSearch(text="butter", directory=films.root)
        assert [r["video"] for r in request.run(Job()).data["results"]] == ["a.mp4", "b.mp4"]
        request.context = index.Context(roots=Roots([films.root]))
        assert [r["video"] for r in request.run(Job()).data["results"]] == ["a.mp4"]
