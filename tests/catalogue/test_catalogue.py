"""The catalogue: what it knows is what the folder holds, whatever becomes of its database."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ROOT, Audit, Library, wait_until

from videolib.catalogue.catalogue import Catalogue
from videolib.catalogue.pool import KEPT_OPEN, CataloguePool
from videolib.catalogue.query import SqlClause
from videolib.catalogue.records import VideoRow
from videolib.catalogue.scan import SETTLE_TIME
from videolib.catalogue.store import UNUSED_LIFETIME, CatalogueExtension
from videolib.core.errors import CancelledError, UsageError
from videolib.core.files import replace_file
from videolib.core.runs import Job
from videolib.storage.folders import Library as StorageLibrary
from videolib.storage.sidecars import SidecarDir
from videolib.storage.subtitle_names import ExternalSubtitle, subtitles_by_stem
from videolib.storage.subtitles import subtitle_files
from videolib.storage.videos import Video

SIZE = 1000


@pytest.fixture
def shelves(library: Library) -> Library:
    """Three videos that nobody can play, one with sidecars of several kinds."""
    for name in ("a.mp4", "b.mkv", "sub/c.mp4"):
        library.add_bytes(name, b"x" * SIZE)
    put(library, "a.mp4")
    return library


def put(library: Library, name: str, folder: str = ".", **tags: Any) -> None:
    """Metadata, a thumbnail and tags of a video, as the commands would write them."""
    video = library.root / folder / name
    found = video.stat()
    source = {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "oshash": "0123456789abcdef"}
    head = {"schema": 1, "video": name, "source": source, "params": {}, "files": []}
    stream = {"codec_type": "video", "codec_name": "hevc", "width": 1920, "height": 1080}
    sound = {"codec_type": "audio", "codec_name": "aac"}
    streams = [stream | {"avg_frame_rate": "30000/1001"}, sound]
    about = {"duration": "600.5", "bit_rate": "4000000"}
    place = video.parent / ".artifacts"
    place.mkdir(exist_ok=True)
    metadata = head | {"format": about, "streams": streams}
    (place / f"{name}.ffprobe.json").write_text(json.dumps(metadata))
    (place / f"{name}.jpg").write_bytes(b"\xff\xd8jpeg")
    names = {"tags": ["Night", "fun"], "performers": ["Jane Doe"]} | tags
    (place / f"{name}.tags.json").write_text(json.dumps({"video": name} | names))


Calls = list[tuple[str, list[str]]]  # videos and the names of the files that were read


def catalogue(library: Library, **given: Any) -> Catalogue:
    made = Catalogue(StorageLibrary(library.root, **given))
    made.refresh()
    return made


def view(
    known: Catalogue,
    query: str = "",
    extensions: frozenset[str] = frozenset(),
    recursive: bool = True,
) -> SqlClause:
    library = StorageLibrary(known.root, recursive, extensions or known.suffixes)
    return known.view(library, query)


def page(
    known: Catalogue, query: str = "", sort: str = "name", limit: int = -1, **wanted: Any
) -> list[VideoRow]:
    return list(known.rows(view(known, query, **wanted), sort, limit))


def tags(known: Catalogue) -> dict[str, int]:
    return known.tag_counts("tag", view(known))


def rels(rows: list[VideoRow]) -> list[str]:
    return [row.rel for row in rows]


def let_settle(library: Library) -> None:
    """Give every file a time that is long past, and wait until that is past too."""
    for path in library.root.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    time.sleep(SETTLE_TIME / 1e9 + 0.1)


class TestKnowledge:
    def test_a_row(self, shelves: Library) -> None:
        (row,) = page(catalogue(shelves), "tag:night")
        assert (row.rel, row.name, row.size) == ("a.mp4", "a.mp4", SIZE)
        assert row.mtime_ns == (shelves.root / "a.mp4").stat().st_mtime_ns
        assert row.oshash == "0123456789abcdef"
        assert row.facts() == {
            "duration": 600.5,
            "width": 1920,
            "height": 1080,
            "fps": 29.97,
            "vcodec": "hevc",
            "acodec": "aac",
            "bit_rate": 4_000_000,
        }
        assert (row.tags, row.performers) == (("Night", "fun"), ("Jane Doe",))
        there = {kind for kind, state in row.presence().items() if state is True}
        assert there == {"metadata", "thumbs", "tags"}

    def test_views(self, shelves: Library) -> None:
        known = catalogue(shelves)
        assert rels(page(known)) == ["a.mp4", "b.mkv", "sub/c.mp4"]
        assert rels(page(known, recursive=False)) == ["a.mp4", "b.mkv"]
        assert rels(page(known, extensions=frozenset({".mp4"}))) == ["a.mp4", "sub/c.mp4"]
        assert rels(page(known, sort="-name", limit=2)) == ["sub/c.mp4", "b.mkv"]
        with pytest.raises(UsageError, match="colour: no such order"):
            page(known, sort="colour")

    def test_counts(self, shelves: Library) -> None:
        put(shelves, "c.mp4", "sub", tags=["night", "day"])
        known = catalogue(shelves)
        assert rels(page(known, "fresh:thumbs")) == ["a.mp4", "sub/c.mp4"]
        assert rels(page(known, "fresh:thumbs", recursive=False)) == ["a.mp4"]
        assert tags(known) == {"Night": 2, "day": 1, "fun": 1}
        assert known.tag_counts("performer", view(known, "tag:fun")) == {"Jane Doe": 1}

    def test_where_a_video_is(self, shelves: Library) -> None:
        known = catalogue(shelves, artifacts_dir=shelves.root / "elsewhere")
        assert known.video("sub/c.mp4") == Video(
            f"{shelves.root}/sub/c.mp4", "sub/c.mp4", f"{shelves.root}/elsewhere/sub/.artifacts"
        )
        assert not page(known, "has:thumbs")

    def test_an_extension_of_ones_own(self, shelves: Library) -> None:
        shelves.add_bytes("d.foo", b"x")
        assert "d.foo" not in rels(page(catalogue(shelves)))
        assert "d.foo" in rels(page(catalogue(shelves, extensions=frozenset({".foo"}))))


class TestUpToDate:
    """After `refresh` the answer is that of the folder, however the change was made."""

    @pytest.fixture
    def known(self, shelves: Library, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
        for place in ("videolib.catalogue.scan", "videolib.catalogue.catalogue"):
            monkeypatch.setattr(f"{place}.SETTLE_TIME", 10**8)
        let_settle(shelves)
        return catalogue(shelves)

    def check(self, known: Catalogue, library: Library) -> None:
        """The catalogue answers as a new one does that never saw anything else."""
        known.refresh()
        new = Catalogue(StorageLibrary(library.root))
        # As the catalogue itself opens it: any thread may be the one that lets go of it.
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        new._connections.append(memory)
        new._memory = new._prepared(memory)
        new.refresh()
        assert [row._replace(id=0) for row in page(known)] == [
            row._replace(id=0) for row in page(new)
        ]

    def test_nothing_is_read_again_of_what_did_not_change(
        self, known: Catalogue, shelves: Library
    ) -> None:
        with Audit() as audit:
            known.refresh()
        assert not [path for path in audit.opened if path.is_relative_to(shelves.root)]
        put(shelves, "c.mp4", "sub")
        with Audit() as audit:
            known.refresh()
        assert {path.name for path in audit.opened if path.is_relative_to(shelves.root)} == {
            "c.mp4.ffprobe.json",
            "c.mp4.jpg",  # its comment
            "c.mp4.tags.json",
        }

    def test_tags_edited_by_hand(self, known: Catalogue, shelves: Library) -> None:
        path = shelves.artifact("a.mp4.tags.json")
        path.write_text(path.read_text().replace("Night", "Light"))
        self.check(known, shelves)
        assert len(page(known, "tag:night")) == 0
        assert len(page(known, "tag:light")) == 1

    def test_a_change_that_keeps_size_and_time(self, known: Catalogue, shelves: Library) -> None:
        """As `cp -p` and `touch -r` make it: only the time of change tells."""
        path = shelves.artifact("a.mp4.tags.json")
        before = path.stat()
        path.write_text(path.read_text().replace("Night", "Light"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.check(known, shelves)
        assert len(page(known, "tag:light")) == 1

    def test_changes_within_one_tick_of_the_clock(self, shelves: Library) -> None:
        path = shelves.artifact("a.mp4.tags.json")
        known = Catalogue(StorageLibrary(shelves.root))
        for tag in ("aaaa", "bbbb", "cccc"):
            path.write_text(json.dumps({"tags": [tag]}))
            known.refresh()
            assert tags(known) == {tag: 1}

    def test_a_video_in_the_place_of_another(self, known: Catalogue, shelves: Library) -> None:
        shelves.add_bytes("a.mp4", b"y" * SIZE)
        self.check(known, shelves)
        (row,) = page(known, "path:a.mp4")
        assert row.presence()["metadata"] == "stale"
        assert (row.duration, row.oshash) == (None, "")
        assert row.tags == ("Night", "fun")

    def test_an_artifact_that_is_gone_emptied_or_older(
        self, known: Catalogue, shelves: Library
    ) -> None:
        shelves.artifact("a.mp4.jpg").write_bytes(b"")
        self.check(known, shelves)
        assert len(page(known, "stale:thumbs")) == 1
        shelves.artifact("a.mp4.jpg").unlink()
        self.check(known, shelves)
        assert len(page(known, "missing:thumbs")) == 3
        os.utime(shelves.artifact("a.mp4.ffprobe.json"), (1_500_000_000, 1_500_000_000))
        self.check(known, shelves)
        assert len(page(known, "stale:metadata")) == 1

    def test_subtitles_beside_a_video(self, known: Catalogue, shelves: Library) -> None:
        assert len(page(known, "has:subtitles")) == 0
        (shelves.root / "b.en.srt").write_text("1")
        self.check(known, shelves)
        assert rels(page(known, "has:subtitles")) == ["b.mkv"]
        (shelves.root / "b.en.srt").unlink()
        self.check(known, shelves)
        assert len(page(known, "has:subtitles")) == 0

    def test_videos_and_folders_come_and_go(self, known: Catalogue, shelves: Library) -> None:
        shelves.forget(shelves.root / "sub/c.mp4")
        (shelves.root / "sub").rename(shelves.root / "other")
        shelves.add_bytes("new/d.mp4", b"x")
        self.check(known, shelves)
        assert rels(page(known)) == ["a.mp4", "b.mkv", "new/d.mp4", "other/c.mp4"]
        for name in ("a.mp4", "b.mkv"):
            shelves.forget(shelves.root / name)
            (shelves.root / name).unlink()
        self.check(known, shelves)
        assert rels(page(known)) == ["new/d.mp4", "other/c.mp4"]
        assert tags(known) == {}

    def test_one_level_leaves_the_rest_alone(self, known: Catalogue, shelves: Library) -> None:
        shelves.forget(shelves.root / "sub/c.mp4")
        (shelves.root / "sub/c.mp4").unlink()
        shelves.add_bytes("d.mp4", b"x")
        known.refresh(recursive=False)
        assert rels(page(known)) == ["a.mp4", "b.mkv", "d.mp4", "sub/c.mp4"]
        self.check(known, shelves)
        assert rels(page(known)) == ["a.mp4", "b.mkv", "d.mp4"]

    def test_only_some_videos(self, known: Catalogue, shelves: Library) -> None:
        put(shelves, "a.mp4", tags=["new"])
        put(shelves, "c.mp4", "sub", tags=["other"])
        known.update([known.video("a.mp4")])
        assert tags(known) == {"new": 1}
        self.check(known, shelves)

    def test_some_videos_of_a_folder_cost_one_look_at_it(
        self, known: Catalogue, shelves: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (shelves.root / "b.en.srt").write_text("1")
        looks, among = [], subtitles_by_stem

        def look(names: Iterable[str]) -> dict[str, list[ExternalSubtitle]]:
            looks.append(1)
            return among(names)

        monkeypatch.setattr("videolib.storage.subtitles.subtitles_by_stem", look)
        known.update([known.video("a.mp4"), known.video("b.mkv")])
        assert len(looks) == 1
        assert rels(page(known, "has:subtitles")) == ["b.mkv"]

    def test_stubs_count_only_where_they_are_wanted(
        self, known: Catalogue, shelves: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("FFPROBE_DISABLE", raising=False)
        let_settle(shelves)
        put(shelves, "a.mp4")  # of the video with that time
        path = shelves.artifact("a.mp4.ffprobe.json")
        path.write_text(path.read_text().replace('{"schema": 1,', '{"schema": 1, "stub": true,'))
        let_settle(shelves)
        known.refresh()
        assert len(page(known, "fresh:metadata")) == 0
        monkeypatch.setenv("FFPROBE_DISABLE", "1")
        known.refresh()
        assert len(page(known, "fresh:metadata")) == 1


class TestGlance:
    """What a look at the times of folders finds, and what only the next whole look does."""

    @pytest.fixture
    def known(self, shelves: Library, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
        for place in ("videolib.catalogue.scan", "videolib.catalogue.catalogue"):
            monkeypatch.setattr(f"{place}.SETTLE_TIME", 10**7)
        time.sleep(0.05)
        return catalogue(shelves)

    def test_a_quiet_library_is_not_listed(self, known: Catalogue, shelves: Library) -> None:
        with Audit() as audit:
            known.refresh_changed()
        assert not [path for path in audit.listed if path.is_relative_to(shelves.root)]

    def test_only_the_folder_that_changed_is(self, known: Catalogue, shelves: Library) -> None:
        put(shelves, "c.mp4", "sub")
        with Audit() as audit:
            known.refresh_changed()
        listed = {path for path in audit.listed if path.is_relative_to(shelves.root)}
        assert listed == {shelves.root / "sub", shelves.root / "sub/.artifacts"}
        assert len(page(known, "tag:night")) == 2

    def test_videos_and_folders_come_and_go(self, known: Catalogue, shelves: Library) -> None:
        shelves.add_bytes("d.mp4", b"x")
        shelves.add_bytes("deep/er/e.mp4", b"x")
        shelves.forget(shelves.root / "sub/c.mp4")
        (shelves.root / "sub/c.mp4").rename(shelves.root / "deep/c.mp4")
        (shelves.root / "sub").rmdir()
        known.refresh_changed()
        assert rels(page(known)) == ["a.mp4", "b.mkv", "d.mp4", "deep/c.mp4", "deep/er/e.mp4"]
        time.sleep(0.05)
        known.refresh_changed()
        (shelves.root / "deep").rename(shelves.root / "moved")
        shelves.forget(shelves.root / "deep/er/e.mp4")
        known.refresh_changed()
        assert rels(page(known)) == ["a.mp4", "b.mkv", "d.mp4", "moved/c.mp4", "moved/er/e.mp4"]

    def test_a_replaced_sidecar_and_one_edited_in_its_place(
        self, known: Catalogue, shelves: Library
    ) -> None:
        path = shelves.artifact("a.mp4.tags.json")
        replace_file(path, b'{"tags": ["replaced"]}')
        known.refresh_changed()
        assert tags(known) == {"replaced": 1}
        time.sleep(0.05)
        known.refresh_changed()
        path.write_bytes(b'{"tags": ["edited"]}')
        known.refresh_changed()
        assert tags(known) == {"replaced": 1}
        known.refresh()
        assert tags(known) == {"edited": 1}


class TestThreads:
    """Threads share a catalogue, each with a connection of its own."""

    def test_a_new_file_is_made_by_one_at_a_time(
        self, shelves: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """SQLite refuses a file to whoever opens it while another one prepares it."""
        opened, opening = Catalogue._open, threading.Semaphore(1)

        def alone(known: Catalogue) -> Any:
            assert opening.acquire(blocking=False), "two at once"
            time.sleep(0.01)
            connection = opened(known)
            opening.release()
            return connection

        monkeypatch.setattr(Catalogue, "_open", alone)
        with contextlib.closing(Catalogue(StorageLibrary(shelves.root, True))) as known:
            known.refresh()
            with ThreadPoolExecutor(4) as pool:
                counts = list(pool.map(lambda _: known.revision(), range(4)))
            assert len({*counts}) == 1

    def test_a_failure_takes_no_query_from_another(self, shelves: Library) -> None:
        """Closing the connection of a thread in the midst of a query would crash the process."""
        with contextlib.closing(Catalogue(StorageLibrary(shelves.root, True))) as known:
            known.refresh()
            connection = known.database  # as of a thread that is asking
            known._replace_database(sqlite3.OperationalError("disk I/O error"), known._generation)
            assert connection.execute("SELECT count(*) FROM videos").fetchone() == (3,)
            known.refresh()
            assert len(page(known)) == 3


class TestRefresher:
    """A catalogue that a server keeps open."""

    @pytest.fixture
    def catalogues(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[CataloguePool]:
        catalogues = CataloguePool()
        yield catalogues
        catalogues.close()

    def test_a_large_library_is_not_looked_at_for_every_answer(
        self, shelves: Library, catalogues: CataloguePool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("videolib.catalogue.pool.SMALL_LIBRARY", 0)
        monkeypatch.setattr("videolib.catalogue.pool.FOLDER_INTERVAL", 60)
        library = StorageLibrary(shelves.root, True)
        assert len(page(catalogues.catalogue(library))) == 3
        shelves.add_bytes("d.mp4", b"x")
        assert len(page(catalogues.catalogue(library))) == 3
        catalogues.changed(f"{shelves.root}/d.mp4")
        assert len(page(catalogues.catalogue(library))) == 4
        (shelves.root / "d.mp4").unlink()
        shelves.forget(shelves.root / "d.mp4")
        catalogues.changed(f"{shelves.root}/d.mp4")
        assert len(page(catalogues.catalogue(library))) == 3

    def test_it_is_again_after_a_while(
        self, shelves: Library, catalogues: CataloguePool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("videolib.catalogue.pool.SMALL_LIBRARY", 0)
        monkeypatch.setattr("videolib.catalogue.pool.FOLDER_INTERVAL", 0)
        library = StorageLibrary(shelves.root, True)
        assert len(page(catalogues.catalogue(library))) == 3
        shelves.add_bytes("new/d.mp4", b"x")
        assert wait_until(lambda: len(page(catalogues.catalogue(library))) == 4)

    def test_folders_are_checked_although_all_files_take_long(
        self, shelves: Library, catalogues: CataloguePool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A video that came shows after a second, even where checking all files takes minutes."""
        for place in ("videolib.catalogue.scan", "videolib.catalogue.catalogue"):
            monkeypatch.setattr(f"{place}.SETTLE_TIME", 10**7)
        monkeypatch.setattr("videolib.catalogue.pool.SMALL_LIBRARY", 0)
        monkeypatch.setattr("videolib.catalogue.pool.FOLDER_INTERVAL", 0.05)
        monkeypatch.setattr("videolib.catalogue.pool.REST_FACTOR", 10**6)
        library = StorageLibrary(shelves.root, True)
        assert len(page(catalogues.catalogue(library))) == 3
        shelves.add_bytes("d.mp4", b"x")
        assert wait_until(lambda: len(page(catalogues.catalogue(library))) == 4)

    def test_the_first_look_at_a_large_folder_is_not_waited_for_without_end(
        self, shelves: Library, catalogues: CataloguePool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go_on, look = threading.Event(), Catalogue.refresh
        monkeypatch.setattr(Catalogue, "refresh", lambda *args: (go_on.wait(), look(*args))[1])
        library = StorageLibrary(shelves.root, True)
        early = catalogues.catalogue(library, first_wait=0.01)
        assert (early.complete, len(page(early))) == (False, 0)
        go_on.set()
        known = catalogues.catalogue(library)
        assert (known.complete, len(page(known))) == (True, 3)

    def test_a_new_server_lists_what_an_earlier_one_knew(
        self, shelves: Library, catalogues: CataloguePool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It says so, and tells when all files were looked at; who needs all of it waits."""
        monkeypatch.setattr("videolib.catalogue.pool.SMALL_LIBRARY", 0)
        library = StorageLibrary(shelves.root, True)
        assert not catalogues.catalogue(library).refreshing
        shelves.add_bytes("d.mp4", b"x")
        monkeypatch.setattr("videolib.catalogue.pool.HEAD_START", 0)
        go_on, look, told = threading.Event(), Catalogue.refresh, list[tuple[str, bool]]()
        monkeypatch.setattr(Catalogue, "refresh", lambda *args: (go_on.wait(), look(*args))[1])
        later = CataloguePool(announce=lambda *args: told.append(args))
        with contextlib.closing(later), ThreadPoolExecutor() as pool:
            early = later.catalogue(library, first_wait=60)
            assert (early.complete, early.refreshing, len(page(early))) == (True, True, 3)
            whole = pool.submit(later.catalogue, library)
            assert told == [] and not whole.done()
            go_on.set()
            assert len(page(whole.result(60))) == 4
            assert not early.refreshing and told == [(str(shelves.root), True)]
            monkeypatch.setattr("videolib.catalogue.pool.SMALL_LIBRARY", 10**6)
            shelves.add_bytes("e.mp4", b"x")
            with contextlib.closing(CataloguePool()) as last:
                small = last.catalogue(library, first_wait=60)
                assert (small.refreshing, len(page(small))) == (False, 5), "waited for"

    def test_what_comes_during_a_look_is_known_to_who_asks_then(
        self, shelves: Library, catalogues: CataloguePool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not what a look that has passed the folder already would tell."""
        library, look = StorageLibrary(shelves.root, True), Catalogue.refresh
        assert len(page(catalogues.catalogue(library))) == 3
        passed, go_on = threading.Event(), threading.Event()

        def slow(*args: Any) -> None:
            look(*args)
            passed.set()
            assert go_on.wait(30)

        monkeypatch.setattr(Catalogue, "refresh", slow)
        with ThreadPoolExecutor() as pool:
            early = pool.submit(catalogues.catalogue, library)
            assert passed.wait(30)
            shelves.add_bytes("d.mp4", b"x")
            asked = [pool.submit(catalogues.catalogue, library) for _ in range(3)]
            monkeypatch.setattr(Catalogue, "refresh", look)
            assert not wait(asked, 0.5).done
            go_on.set()
            assert [len(page(one.result())) for one in asked] == [4, 4, 4]
            early.result()

    def test_only_a_few_stay_open(
        self, library: Library, catalogues: CataloguePool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(KEPT_OPEN + 3):
            library.add_bytes(f"{number}/a.mp4", b"x")
            folder = StorageLibrary(library.root / str(number))
            assert len(page(catalogues.catalogue(folder))) == 1
        assert len(catalogues.open) == KEPT_OPEN


class TestOddLibraries:
    @pytest.mark.parametrize(
        "content",
        [
            "",
            "null",
            "[" * 100_000,
            '{"tags": 5, "performers": {"a": 1}}',
            '{"tags": [1, null, [], "  ", "fine"], "performers": "Jane"}',
            '{"tags": ["fine"], "performers": [NaN, 1e999]}',
            '{"tags": ["fine", "FINE", "\\ud800", "nul\\u0000"]}',
            '{"tags": ["' + "x" * 1_000_000 + '", "fine"]}',
            "\xff\xfe",
        ],
        ids=range(9),
    )
    def test_tags_of_any_shape(self, shelves: Library, content: str) -> None:
        shelves.artifact("a.mp4.tags.json").write_text(content, encoding="latin-1")
        known = catalogue(shelves)
        (row,) = page(known, "path:a.mp4")
        assert len(page(known)) == 3
        assert bool(row.tags_problem) != ("fine" in row.tags)

    def test_metadata_with_numbers_beyond_all_measure(self, shelves: Library) -> None:
        path = shelves.artifact("a.mp4.ffprobe.json")
        for odd in ("1e999", "9" * 400, '"nan"', "-1", "true", '"' + "9" * 5000 + '"'):
            text = path.read_text().replace('"4000000"', odd).replace('"30000/1001"', odd)
            path.write_text(text)
            assert len(page(catalogue(shelves))) == 3
            put(shelves, "a.mp4")

    def test_things_that_are_no_files(self, shelves: Library) -> None:
        """A pipe would be waited for without end, a device is none of our business."""
        shelves.artifact("a.mp4.tags.json").unlink()
        os.mkfifo(shelves.artifact("a.mp4.tags.json"))
        shelves.artifact("a.mp4.phash.json").symlink_to("/dev/zero")
        shelves.artifact("a.mp4.scenes.json").symlink_to("nowhere")
        shelves.artifact("a.mp4.heatmaps.json").mkdir()
        os.mkfifo(shelves.root / "pipe.mp4")
        known = catalogue(shelves)
        assert len(page(known)) == 3
        assert len(page(known, "has:tags")) == len(page(known, "has:phash")) == 0
        (shelves.root / "pipe.mp4").unlink()

    def test_times_beyond_64_bits(self, shelves: Library) -> None:
        os.utime(shelves.root / "a.mp4", (2**34, 2**34))
        assert len(page(catalogue(shelves), sort="added")) == 3

    def test_names(self, library: Library) -> None:
        names = [
            os.fsdecode(b"odd-\xff.mp4"),
            "{0}.mp4",
            "a*[b]?.mp4",
            "n" * 251 + ".mp4",
            ".a.mp4",
        ]
        for name in names:
            library.add_bytes(name, b"x")
        for name in names[:3]:
            put(library, name)
        put(library, ".a.mp4")
        library.add_bytes(".artifacts/..a.mp4.previews/seg_01.webm", b"x")
        known = catalogue(library)
        assert sorted(rels(page(known))) == sorted(names)
        assert len(page(known, "tag:night")) == 4
        assert len(page(known, "has:previews name:.a")) == 1
        assert len(page(known, 'name:"a*[b]?"')) == 1
        assert len(page(known, "name:a*[b]?.mp4")) == 1
        assert len(page(known, "\\xff")) == 0
        assert len(page(known, "\udcff")) == 1

    def test_the_longest_name_owns_a_sidecar(self, library: Library) -> None:
        for name in ("a.mp4", "a.mp4.mkv"):
            library.add_bytes(name, b"x")
        put(library, "a.mp4.mkv")
        assert rels(page(catalogue(library), "has:thumbs")) == ["a.mp4.mkv"]


class TestDatabase:
    def files(self, cache: Path) -> list[Path]:
        return [path for path in cache.rglob("*") if path.is_file()]

    def test_it_is_kept(self, shelves: Library, cache: Path) -> None:
        catalogue(shelves).close()
        known = Catalogue(StorageLibrary(shelves.root))
        assert len(page(known, "tag:night")) == 1
        (place,) = {path for path in self.files(cache) if path.suffix == ".sqlite"}
        assert place == known.path

    def test_a_library_without_artifacts_needs_none(
        self, cli: Cli, library: Library, cache: Path
    ) -> None:
        library.add_bytes("a.mp4", b"x")
        assert cli("list", library.root, "-r").code == cli("report", library.root).code == 0
        assert self.files(cache) == []

    @pytest.mark.parametrize("damage", [b"", b"garbage" * 4000, b"SQLite format 3\0" + b"x" * 9000])
    def test_damaged(self, shelves: Library, damage: bytes) -> None:
        known = catalogue(shelves)
        known.close()
        known.path.write_bytes(damage)
        assert len(page(catalogue(shelves), "tag:night")) == 1

    @pytest.mark.parametrize("column", ["rel", "folder"])
    def test_damaged_paths(self, shelves: Library, column: str) -> None:
        """The pages of the database are whole, and hold a number where a path was."""
        known = catalogue(shelves)
        known.close()
        with contextlib.closing(sqlite3.connect(known.path)) as database, database:
            database.execute(f"UPDATE videos SET {column} = 7 WHERE rel = ?", [b"sub/c.mp4"])
        assert rels(page(catalogue(shelves))) == ["a.mp4", "b.mkv", "sub/c.mp4"]

    @pytest.mark.parametrize(("table", "column"), [("videos", "name"), ("cards", "card")])
    def test_damaged_texts(self, shelves: Library, table: str, column: str) -> None:
        """Answers are right at once, and the next run has a whole database again."""
        known = catalogue(shelves)
        known.close()
        with contextlib.closing(sqlite3.connect(known.path)) as database, database:
            database.execute(f"UPDATE {table} SET {column} = CAST(x'7bfffe41' AS TEXT)")
        for _ in range(2):
            again = catalogue(shelves)
            assert len(again.ask("SELECT name FROM videos WHERE name > ''")) == 3
            total, shown = again.cards(view(again), "name", 0, 9, detail=False)
            assert total == 3 and [json.loads(card)["name"] for card in shown][:1] == ["a.mp4"]
            again.close()
        with contextlib.closing(sqlite3.connect(known.path)) as database:
            texts = database.execute(f"SELECT {column} FROM {table}").fetchall()
            assert len(texts) == 3 and all("A" not in text for (text,) in texts)

    def test_damaged_in_the_middle_and_while_it_is_in_use(self, shelves: Library) -> None:
        for number in range(300):
            shelves.add_bytes(f"more/{number}.mp4", b"x")
        known = catalogue(shelves)
        known.close()
        size = known.path.stat().st_size
        with known.path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xab" * (size - 4096))
        assert len(page(known, "tag:night")) == 1
        assert len(page(known)) == 303
        again = catalogue(shelves)
        assert len(page(again)) == 303
        assert again._memory is None

    def test_damaged_before_a_glance(self, shelves: Library) -> None:
        """What is begun anew is filled by a look at everything, not at what changed."""
        let_settle(shelves)
        known = catalogue(shelves)
        known.close()
        known.path.write_bytes(b"garbage" * 4000)
        shelves.add_bytes("d.mp4", b"x")
        known.refresh_changed()
        assert rels(page(known)) == ["a.mp4", "b.mkv", "d.mp4", "sub/c.mp4"]

    def test_lost_while_it_is_in_use(self, shelves: Library) -> None:
        known = catalogue(shelves)
        for path in known.path.parent.iterdir():
            path.unlink()
        known.refresh()
        assert len(page(known, "tag:night")) == 1

    def test_nowhere_to_write(
        self, shelves: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        known = catalogue(shelves)
        assert len(page(known, "tag:night")) == 1
        put(shelves, "a.mp4", tags=["new"])
        known.refresh()
        assert tags(known) == {"new": 1}

    def test_many_processes_at_once(self, shelves: Library) -> None:
        for number in range(200):
            shelves.add_bytes(f"more/{number}.mp4", b"x")
            put(shelves, f"{number}.mp4", "more")
        argv = [sys.executable, str(ROOT / "index.py"), "list", str(shelves.root), "-r"]
        runs = [
            subprocess.Popen([*argv, "-q", "tag:night"], stdout=-1, stderr=-1) for _ in range(6)
        ]
        for run in runs:
            out, err = run.communicate(timeout=120)
            assert (run.returncode, err.count(b"\n")) == (0, 1), err  # another type is left out
            assert len(out.splitlines()) == 201

    def test_many_threads_at_once(self, shelves: Library) -> None:
        known = catalogue(shelves)
        found: list[Any] = []
        wrong: list[Exception] = []

        def ask(work: Callable[[], Any]) -> None:
            try:
                found.extend(work() for _ in range(20))
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells
                wrong.append(error)

        works = [known.refresh, lambda: tags(known), lambda: len(page(known, "tag:night"))] * 3
        threads = [threading.Thread(target=ask, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert len(found) == 180
        assert {answer for answer in found if isinstance(answer, int)} == {1}

    def test_a_catalogue_nobody_asked_for_long_goes(self, shelves: Library, cache: Path) -> None:
        old = cache / "video-library" / "old.sqlite"
        old.parent.mkdir(parents=True)
        old.touch()
        os.utime(old, (time.time() - UNUSED_LIFETIME - 60,) * 2)
        catalogue(shelves)
        assert not old.exists()

    def test_cancelled(self, shelves: Library) -> None:
        job = Job()
        job.cancelled.set()
        with pytest.raises(CancelledError):
            Catalogue(StorageLibrary(shelves.root)).refresh(job)
        assert len(page(catalogue(shelves))) == 3


class TestExtension:
    """A table of another command, filled from files when it is asked for."""

    @pytest.fixture
    def calls(self) -> Calls:
        """The files that were read, by video."""
        return []

    @pytest.fixture
    def words_of(self, calls: Calls) -> CatalogueExtension:

        def files(video: Video, shelf: SidecarDir) -> list[str]:
            return [subtitle.path for subtitle in subtitle_files(video, shelf)]

        def reader(video: Video, paths: list[str]) -> list[str]:
            calls.append((video.rel, [Path(path).name for path in paths]))
            return [Path(path).read_text() for path in paths]

        def store(database: Any, video: int, texts: list[str]) -> None:
            database.execute("DELETE FROM words WHERE video = ?", [video])
            rows = [(video, text) for text in texts]
            database.executemany("INSERT INTO words VALUES (?, ?)", rows)

        schema = (
            "CREATE TABLE IF NOT EXISTS words"
            " (video INT REFERENCES videos ON DELETE CASCADE, text TEXT)"
        )
        return CatalogueExtension("words", schema, files, reader, store)

    def words(self, known: Catalogue) -> list[str]:
        known.refresh()
        known.fill("words")
        return [text for (text,) in known.ask("SELECT text FROM words ORDER BY text")]

    def test_by_file_times(
        self,
        shelves: Library,
        calls: Calls,
        words_of: CatalogueExtension,
    ) -> None:
        known = Catalogue(StorageLibrary(shelves.root), [words_of])
        assert self.words(known) == []
        assert calls == []
        shelves.artifact("a.mp4.vtt").write_text("one")
        shelves.artifact("a.mp4.en.vtt").write_text("two")
        shelves.artifact("a.mp4.sprites.vtt").write_text("no")
        assert self.words(known) == ["one", "two"]
        assert calls == [("a.mp4", ["a.mp4.en.vtt", "a.mp4.vtt"])]
        assert self.words(known) == ["one", "two"]
        assert len(calls) == 1
        shelves.artifact("a.mp4.vtt").write_text("three")
        assert self.words(known) == ["three", "two"]
        (shelves.root / "a.srt").write_text("four")
        assert self.words(known) == ["four", "three", "two"]
        for path in (shelves.artifact(name) for name in ("a.mp4.vtt", "a.mp4.en.vtt")):
            path.unlink()
        (shelves.root / "a.srt").unlink()
        assert self.words(known) == []
        assert calls[-1] == ("a.mp4", [])

    def test_it_goes_with_the_video(
        self,
        shelves: Library,
        calls: Calls,
        words_of: CatalogueExtension,
    ) -> None:
        shelves.artifact("a.mp4.vtt").write_text("one")
        known = Catalogue(StorageLibrary(shelves.root), [words_of])
        assert self.words(known) == ["one"]
        shelves.forget(shelves.root / "a.mp4")
        (shelves.root / "a.mp4").unlink()
        assert self.words(known) == []
        shelves.artifact("a.mp4.vtt").unlink()
