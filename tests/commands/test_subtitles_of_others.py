"""Subtitles that this program did not make: files beside videos, tracks inside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from support import Library, media

from videolib.storage.subtitle_names import subtitles_by_stem

WORDS = "1\n00:00:01,000 --> 00:00:02,500\n{}\n"


class TestNames:
    @pytest.mark.parametrize(
        ("labels", "language", "purpose"),
        [
            ("", "", "full"),
            (".eng.1", "en", "full"),
            (".English", "en", "full"),
            (".Français", "fr", "full"),
            (".Portuguese (Brazil)", "pt-BR", "full"),
            (".pt-BR", "pt-BR", "full"),
            (".pob", "pt-BR", "full"),
            (".pt-PT", "pt", "full"),
            (".chs", "zh-Hans", "full"),
            (".cht", "zh-Hant", "full"),
            (".zh-TW", "zh-Hant", "full"),
            (".简体&英文", "zh-Hans", "full"),
            (".es-419", "es-419", "full"),
            (".es-MX", "es-419", "full"),
            (".en-US", "en", "full"),
            (".hi", "hi", "full"),
            (".en.hi", "en", "hearing impaired"),
            (".en-cc", "en", "hearing impaired"),
            (".English (SDH)", "en", "hearing impaired"),
            (".en.forced", "en", "forced"),
            (".en-forced", "en", "forced"),
            (".forced.eng", "en", "forced"),
            (".foreign", "", "forced"),
            (".en.commentary", "en", "commentary"),
        ],
    )
    def test_what_labels_say(self, labels: str, language: str, purpose: str) -> None:
        by_stem = subtitles_by_stem(["movie.mp4", f"movie{labels}.srt"])
        assert by_stem["movie"] == [(f"movie{labels}.srt", language, purpose)]

    @pytest.mark.parametrize(
        "name", ["movie.2.srt", "movie.director.srt", "movie.the.srt", "movie.en.txt", "movie2.srt"]
    )
    def test_what_is_no_label(self, name: str) -> None:
        assert "movie" not in subtitles_by_stem(["movie.mp4", name])

    def test_the_longest_name_of_a_video_has_them(self) -> None:
        names = ["movie.mp4", "movie.de.mkv", "movie.de.srt", "movie.mp4.en.srt"]
        by_stem = subtitles_by_stem(names)
        assert [subtitle.name for subtitle in by_stem["movie.de"]] == ["movie.de.srt"]
        assert [subtitle.name for subtitle in by_stem["movie.mp4"]] == ["movie.mp4.en.srt"]
        assert "movie" not in by_stem

    @pytest.mark.parametrize(
        ("names", "count"),
        [
            (["a.ass"], 1),
            (["a.en.ssa"], 1),
            (["a.pl.sub"], 1),
            (["a.SMI"], 1),
            (["a.sub", "a.idx"], 0),  # pictures
            (["a.SUB", "a.IDX", "a.en.srt"], 1),
            (["a.en.forced.srt"], 0),
            (["a.en-forced.ass"], 0),
            (["a.forced.srt", "a.mp4.foreign.vtt", "a.en.commentary.srt"], 0),
            (["a.forced.srt", "a.en.sdh.srt"], 1),
        ],
    )
    def test_what_counts(self, cli: Cli, library: Library, names: list[str], count: int) -> None:
        library.add("short.mp4", "a.mp4")
        for name in names:
            library.add_bytes(name, WORDS.format("hello").encode())
        assert cli("report", library.root, "--json").json["counts"]["subtitles"] == count
        run = cli("subtitles", library.root, "--json")
        assert run.counts == {"skipped" if count else "no audio": 1}, run.err

    def test_a_language(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        library.add_bytes("a.pt-BR.srt", b"mine")
        flags = (library.root, "--json", "--language")
        assert cli("subtitles", *flags, "pt").counts == {"skipped": 1}
        assert cli("subtitles", *flags, "pt-BR").counts == {"skipped": 1}
        assert cli("subtitles", *flags, "es").counts == {"no audio": 1}

    def test_they_go_along(self, cli: Cli, library: Library) -> None:
        library.forget(library.add("short.mp4", "a.mp4"))
        labels = (".Português (Brasil).srt", ".chs&eng.ass", ".eng.1.ssa", ".smi", ".sub", ".idx")
        for label in labels:
            library.forget(library.add_bytes(f"a{label}", b"mine"))
        run = cli("rename", library.root / "a.mp4", library.root / "b.mp4")
        assert run.code == 0, run.err
        names = sorted(path.name for path in library.root.iterdir() if path.is_file())
        assert names == sorted(["b.mp4", *(f"b{label}" for label in labels)])


ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,comments are apples
Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l apples 1{\\p0}
Dialogue: 0,0:00:01.50,0:00:02.50,Default,Ann,0,0,0,,{\\i1}green{\\i0}\\Napples
"""
SSA = ASS.replace("v4.00+", "v4.00").replace("[V4+ Styles]", "[V4 Styles]")
SMI = """<SAMI><HEAD><STYLE TYPE="text/css"><!--
.KRCC {Name: Korean; lang: ko-KR; SAMIType: CC;}
--></STYLE></HEAD><BODY>
<SYNC Start=1500><P Class=KRCC>green<br>apples 사과
<SYNC Start=2500><P Class=KRCC>&nbsp;
</BODY></SAMI>
"""
SUBVIEWER = "[INFORMATION]\n[END INFORMATION]\n00:00:01.50,00:00:02.50\ngreen[br]apples\n"


def found(cli: Cli, library: Library, words: str) -> list[tuple[float, float, str]]:
    """Start, end and text of the lines that have these words."""
    run = cli("search", words, library.root, "--json")
    assert run.code == 0, run.err
    results = run.json["results"]
    return [(m["start"], m["end"], m["text"]) for result in results for m in result["matches"]]


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.ass", ASS),
            ("a.de.ssa", SSA),
            ("a.srt", ASS),  # in spite of its name
            ("a.sub", "{1}{1}24\n{36}{60}{y:i}green|apples\n"),
            ("a.sub", SUBVIEWER),
            ("a.srt", "{1}{1}24.000\n{36}{60}green|apples\n"),
        ],
    )
    def test_words_are_found(self, cli: Cli, library: Library, name: str, text: str) -> None:
        library.add_bytes("a.mp4", b"a")
        library.add_bytes(name, text.encode())
        assert found(cli, library, "apples") == [(1.5, 2.5, "green apples")]

    def test_sami(self, cli: Cli, library: Library) -> None:
        """In the code page of the language that it declares."""
        library.add_bytes("a.mp4", b"a")
        library.add_bytes("a.smi", SMI.encode("euc_kr"))
        assert found(cli, library, "사과") == [(1.5, 2.5, "green apples 사과")]

    @pytest.mark.slow
    def test_frames_are_those_of_the_video(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4", "a.mp4")
        library.add_bytes("a.sub", b"{50}{75}green|apples\n")
        (before,) = found(cli, library, "apples")
        assert before[0] == pytest.approx(50 / 23.976, abs=0.01)
        assert cli("meta", library.root).code == 0
        assert found(cli, library, "apples") == [(2.0, 3.0, "green apples")]

    @pytest.mark.parametrize(
        ("name", "content", "reason"),
        [
            ("a.sub", b"\0\0\x01\xba" + bytes(100), "has pictures of text (VobSub)"),
            ("a.smi", b"<SAMI><SYNC Start=soon>words", "is malformed: no SAMI"),
            ("a.ass", b"nothing", "has no subtitles in it"),
        ],
    )
    def test_bad_files_are_named(
        self, cli: Cli, library: Library, name: str, content: bytes, reason: str
    ) -> None:
        library.add_bytes("a.mp4", b"a")
        library.add_bytes(name, content)
        run = cli("search", "words", library.root, "--json")
        assert run.code == 1
        assert f"a.mp4: {name}: {reason}" in run.err
        assert run.err.count("\n") == 2  # that, and that nothing was found

    @pytest.mark.parametrize(
        ("label", "encoding", "word"),
        [
            ("ru", "cp1251", "дождь"),
            ("Ukrainian", "cp1251", "їжак"),
            ("cze", "cp1250", "měsíc"),
            ("pl.forced", "cp1250", "żółw"),
            ("el", "cp1253", "θάλασσα"),
            ("tr", "cp1254", "ığüş"),
            ("he", "cp1255", "שלום"),
            ("ar", "cp1256", "مرحبا"),
            ("lt", "cp1257", "žąsis"),
            ("th", "cp874", "สวัสดี"),
            ("ja", "cp932", "東京の天気"),
            ("jpn", "euc_jp", "東京の天気"),
            ("ko", "euc_kr", "사과"),
            ("chs", "gb18030", "苹果"),
            ("zh", "gb18030", "苹果"),
            ("cht", "big5", "蘋果樹"),
            ("zh", "big5", "我們蘋果樹的說話"),
            ("de", "cp1252", "Äpfel"),
            ("ru", "utf-16", "дождь"),
            ("ru", "utf-8", "дождь"),
        ],
    )
    def test_code_pages(
        self, cli: Cli, library: Library, label: str, encoding: str, word: str
    ) -> None:
        library.add_bytes("a.mp4", b"a")
        library.add_bytes(f"a.{label}.srt", WORDS.format(word).encode(encoding))
        assert found(cli, library, f'"{word}"') == [(1.0, 2.5, word)]


Track = tuple[str, str, str]  # language, title, dispositions with + between


def add_film(library: Library, name: str, *tracks: Track, codec: str = "srt") -> Path:
    """A film without sound with these tracks of text; each says its number."""
    path, arguments = library.root / name, list[str]()
    for number in range(len(tracks)):
        text = library.root.parent / f"track{number}.srt"
        text.write_text(WORDS.format(f"track {number}"))
        arguments += ["-i", str(text)]
    arguments += ["-map", "0:v", "-c:v", "mpeg4", "-t", "3", "-c:s", codec]
    for number, (language, title, disposition) in enumerate(tracks):
        arguments += ["-map", f"{number + 1}:s", f"-disposition:s:{number}", disposition or "0"]
        arguments += [f"-metadata:s:s:{number}", f"language={language}"]
        arguments += [f"-metadata:s:s:{number}", f"title={title}"]
    media.ffmpeg("-f", "lavfi", "-i", "color=c=gray:s=64x48:r=5", *arguments, path)
    return library.keep(path)


class TestTracks:
    def extracted(self, cli: Cli, library: Library, *flags: str) -> dict[str, str]:
        """Name -> text of the subtitle files that are made."""
        run = cli("subtitles", library.root, "--ext", "*", "--from-stream", "--json", *flags)
        assert run.code == 0, run.err
        texts = {name: library.artifact(name).read_text() for name in library.artifacts()}
        return {name: text.splitlines()[-1] for name, text in texts.items()}

    @pytest.mark.parametrize(
        ("tracks", "texts"),
        [
            (
                [("eng", "", "default+forced"), ("eng", "", "")],
                {"a.mkv.en.forced.vtt": "track 0", "a.mkv.en.vtt": "track 1"},
            ),
            (
                [("eng", "English (Forced)", ""), ("eng", "English", "")],
                {"a.mkv.en.forced.vtt": "track 0", "a.mkv.en.vtt": "track 1"},
            ),
            (
                [("eng", "Signs & Songs", "default"), ("eng", "Full (non-forced)", "")],
                {"a.mkv.en.forced.vtt": "track 0", "a.mkv.en.vtt": "track 1"},
            ),
            (
                [("eng", "", "hearing_impaired"), ("eng", "Director's commentary", "default")],
                {"a.mkv.en.vtt": "track 0"},
            ),
            ([("eng", "English SDH", "default"), ("eng", "", "")], {"a.mkv.en.vtt": "track 1"}),
            ([("eng", "", "comment"), ("eng", "", "")], {"a.mkv.en.vtt": "track 1"}),
            ([("eng", "", ""), ("eng", "", "default")], {"a.mkv.en.vtt": "track 1"}),
            (
                [("por", "Brazilian", ""), ("por", "Português", "")],
                {"a.mkv.pt-BR.vtt": "track 0", "a.mkv.pt.vtt": "track 1"},
            ),
            (
                [("chi", "Traditional", ""), ("chi", "简体中文", "")],
                {"a.mkv.zh-Hant.vtt": "track 0", "a.mkv.zh-Hans.vtt": "track 1"},
            ),
            (
                [("spa", "Español (Latinoamérica)", ""), ("spa", "European", "")],
                {"a.mkv.es-419.vtt": "track 0", "a.mkv.es.vtt": "track 1"},
            ),
            ([("und", "German", "")], {"a.mkv.de.vtt": "track 0"}),
            (
                [("und", "", "forced"), ("und", "", "")],
                {"a.mkv.forced.vtt": "track 0", "a.mkv.vtt": "track 1"},
            ),
        ],
    )
    def test_which_are_taken(
        self, cli: Cli, library: Library, tracks: list[Track], texts: dict[str, str]
    ) -> None:
        add_film(library, "a.mkv", *tracks)
        assert self.extracted(cli, library) == texts
        run = cli("subtitles", library.root, "--ext", "*", "--from-stream", "--json")
        assert run.counts == {"skipped": 1}
        assert cli("report", library.root, "--ext", "*", "--json").json["counts"]["subtitles"] == 1
        assert cli("orphans", library.root, "--json").json["orphans"] == []

    def test_one_language(self, cli: Cli, library: Library) -> None:
        add_film(library, "a.mkv", ("por", "Brazilian", ""), ("por", "", ""), ("eng", "", ""))
        assert [*self.extracted(cli, library, "--language", "pt-BR")] == ["a.mkv.pt-BR.vtt"]
        both = ["a.mkv.pt-BR.vtt", "a.mkv.pt.vtt"]
        assert [*self.extracted(cli, library, "--language", "pt", "--force")] == both

    def test_what_is_no_full_track(self, cli: Cli, library: Library) -> None:
        """Forced ones are extracted, once, and count for nothing; commentary is left alone."""
        add_film(library, "a.mkv", ("eng", "", "forced"))
        add_film(library, "b.mkv", ("eng", "Commentary", ""))
        flags = (library.root, "--ext", "*", "--json")
        run = cli("subtitles", *flags, "--from-stream")
        assert run.counts == {"made": 1, "skipped": 1}
        notes = {entry["video"]: entry.get("note") for entry in run.json["results"]}
        assert "forced subtitles only" in notes["a.mkv"]
        assert "only of forced or commentary" in notes["b.mkv"]
        assert library.artifacts() == ["a.mkv.en.forced.vtt"]
        assert cli("meta", library.root, "--ext", "*").code == 0
        assert cli("report", *flags).json["counts"]["subtitles"] == 0
        assert cli("subtitles", *flags, "--from-stream").counts == {"skipped": 2}
        assert cli("subtitles", *flags).counts == {"no audio": 2}

    @pytest.mark.parametrize(
        ("name", "codec"), [("a.mkv", "srt"), ("a.mkv", "ass"), ("a.mp4", "mov_text")]
    )
    def test_they_count_as_there(self, cli: Cli, library: Library, name: str, codec: str) -> None:
        """By the metadata, or else when the video is opened."""
        add_film(library, name, ("eng", "", "default"), ("eng", "", "forced"), codec=codec)
        flags = (library.root, "--ext", "*", "--json")
        assert cli("report", *flags).json["counts"]["subtitles"] == 0
        run = cli("subtitles", *flags)
        assert run.counts == {"skipped": 1}
        assert "(en): --from-stream extracts them" in run.json["results"][0]["note"]
        assert cli("meta", library.root, "--ext", "*").code == 0
        assert cli("report", *flags).json["counts"]["subtitles"] == 1
        assert cli("list", *flags, "-q", "missing:subtitles").json == []
        assert cli("subtitles", *flags).counts == {"skipped": 1}
        assert cli("subtitles", *flags, "--language", "de").counts == {"no audio": 1}

    def test_force_listens_all_the_same(self, cli: Cli, library: Library) -> None:
        add_film(library, "a.mkv", ("eng", "", ""))
        run = cli("subtitles", library.root, "--ext", "*", "--force", "--json")
        assert run.counts == {"no audio": 1}

    def test_metadata_of_any_shape(self, cli: Cli, library: Library) -> None:
        add_film(library, "a.mkv", ("eng", "", ""))
        assert cli("meta", library.root, "--ext", "*").code == 0
        path = library.artifact("a.mkv.ffprobe.json")
        path.write_text(path.read_text().replace('"codec_type": "subtitle"', '"codec_type": []'))
        report = cli("report", library.root, "--ext", "*", "--json")
        assert report.json["counts"] | {"metadata": 1, "subtitles": 0} == report.json["counts"]
