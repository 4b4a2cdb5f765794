"""`verify`: what does not decode, what rots, what was changed; and where in the film."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import blake3
import pytest
from conftest import Cli
from support import Library, media
from support.served import Served

from videolib.media import checksums

Bytes = Callable[[bytes], bytes]


def rewrite(library: Library, path: Path, change: Bytes, *, keep_times: bool = True) -> None:
    """Give a file other bytes, as a disk does or as a program, which leaves another time."""
    status = path.stat()
    path.write_bytes(change(path.read_bytes()))
    times = status.st_atime_ns, status.st_mtime_ns - (0 if keep_times else 10**10)
    os.utime(path, ns=times)
    library.keep(path)


def flipped(share: float) -> Bytes:
    """A change of one bit at a share of the file."""

    def change(content: bytes) -> bytes:
        at = int(len(content) * share)
        return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]

    return change


def zeroed(share: float, length: int) -> Bytes:
    """A change of bytes to zeros at a share of the file."""

    def change(content: bytes) -> bytes:
        at = int(len(content) * share)
        return content[:at] + bytes(length) + content[at + length :]

    return change


def position_at(path: Path, seconds: float) -> int:
    """The byte at which the first packet stands that is decoded at a time, or later."""
    first = None
    for packet in packets_of(path):
        if packet.pos is not None and packet.dts is not None:
            time = packet.dts * packet.time_base
            first = time if first is None else first
            if time - first >= seconds:
                return int(packet.pos)
    raise AssertionError(f"nothing is decoded at {seconds} s")


def packets_of(path: Path) -> Iterator[Any]:
    """The packets of a file that have data."""
    with av.open(str(path)) as container:
        yield from (packet for packet in container.demux() if packet.size)


@pytest.fixture
def film(library: Library) -> Path:
    """Ten seconds of picture and sound."""
    return library.add("numbered.mp4", "film.mp4")


@pytest.fixture
def verified(library: Library, film: Path, cli: Cli) -> Library:
    """A library whose film was verified and is fine."""
    assert cli("verify", library.root, "--json").counts == {"made": 1}
    return library


class TestTheRecord:
    def test_counts_and_checksums(self, cli: Cli, verified: Library, film: Path) -> None:
        record, content = verified.json("film.mp4.verify.json"), film.read_bytes()
        assert record["errors"] == [] and record["error_count"] == 0 and not record["quick"]
        kinds = {stream["type"]: stream for stream in record["streams"]}
        assert kinds["video"]["packets"] == kinds["video"]["frames"] == 250
        assert kinds["audio"]["packets"] >= kinds["audio"]["frames"] > 400
        sums = record["checksums"]
        assert sums["blocks"] == [blake3.blake3(content).hexdigest()]
        assert sums["pieces"][:8] == f"{zlib.crc32(content[: sums['piece_size']]):08x}"

    def test_blocks_and_pieces_of_a_larger_file(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As they are with blocks of 16 MiB, and where the bytes changed, to the piece."""
        monkeypatch.setattr(checksums, "BLOCK", 64 << 10)
        content = hashlib.shake_256(b"film").digest(300_000)
        with library.add_bytes("a.bin", content).open("rb") as file:
            descriptor, done = file.fileno(), list[int]()
            with checksums.FileHasher(descriptor, len(content), lambda *_: None) as hasher:
                hasher.advance(100_000)
                assert len(hasher.sums) == 1
                sums = hasher.finish()
            expected = [content[at : at + (64 << 10)] for at in range(0, len(content), 64 << 10)]
            assert sums["blocks"] == [blake3.blake3(part).hexdigest() for part in expected]

            def compare(part: dict[str, Any]) -> list[checksums.ByteRange]:
                return checksums.changed_ranges(
                    descriptor, len(content), part, lambda at, _: done.append(at)
                )

            assert compare(sums) == [] and done[-1] == len(content)
            blocks = [*sums["blocks"][:3], "0" * 64, *sums["blocks"][4:]]
            pieces = sums["pieces"][: 8 * 50] + "0" * 16 + sums["pieces"][8 * 52 :]
            assert compare(sums | {"blocks": blocks, "pieces": pieces}) == [(204_800, 212_992)]
            assert compare(sums | {"blocks": blocks}) == [(196_608, 262_144)]

    def test_quick_has_checksums_alone(self, cli: Cli, library: Library, film: Path) -> None:
        assert cli("verify", library.root, "--quick", "--json").counts == {"made": 1}
        quick = library.json("film.mp4.verify.json")
        assert quick["quick"] is True and quick["streams"] == []
        assert cli("verify", library.root, "--quick", "--json").counts == {"checked": 1}
        finish = ("finish", library.root, "--tasks", "verify", "--json")
        assert cli(*finish).json["tasks"][0]["counts"]["made"] == 1  # it was never decoded
        whole = library.json("film.mp4.verify.json")
        assert whole["quick"] is False and whole["checksums"] == quick["checksums"]
        assert cli(*finish).json["tasks"][0]["counts"]["skipped"] == 1


class TestDamage:
    """What ffmpeg reports as an error, with its time; and nothing where it reports nothing."""

    CLEAN = (
        *("h264.mkv", "stream.ts", "mpeg2.mpg", "vp9.webm", "mpeg4.avi", "hevc.mp4", "offset.mkv"),
        *("trimmed.mp4", "covered.mp4", "variable.mp4", "one_frame.mp4", "sound_only.mp4"),
    )

    def test_a_clean_file_has_none(self, cli: Cli, library: Library) -> None:
        for name in self.CLEAN:
            library.add(name)
        run = cli("verify", library.root, "--ext", "*", "--json")
        assert (run.code, run.counts) == (0, {"made": len(self.CLEAN)}), run.err
        assert not any(library.json(f"{name}.verify.json")["errors"] for name in self.CLEAN)

    def test_a_hole_of_zeros(self, cli: Cli, library: Library) -> None:
        """In the middle of the film, by its time, in each container."""
        source, mpeg2 = media.clip("numbered.mp4", library.clips), ("-c:v", "mpeg2video")
        copied: tuple[str, ...] = ("-c", "copy")
        paths = [library.root / f"film.{suffix}" for suffix in ("mp4", "mkv", "avi", "flv", "ts")]
        for path, codecs in (*((path, copied) for path in paths), (library.root / "a.mpg", mpeg2)):
            media.ffmpeg("-i", source, *codecs, path)
            rewrite(library, path, zeroed(position_at(path, 5.0) / path.stat().st_size, 6000))
        run = cli("verify", library.root, "--ext", "*", "--json")
        assert (run.code, run.counts) == (1, {"damaged": 6})
        assert len(re.findall(r"^verify: \S+: damaged at 0:0\d: .+$", run.err, re.M)) == 6
        assert run.err.count("\n") == 6
        for path in (*paths, library.root / "a.mpg"):
            record = library.json(f"{path.name}.verify.json")
            first = record["errors"][0]
            assert 4.0 < first["time"] < 5.6 and first["time"] <= first["end"], path.name
            assert record["error_count"] >= len(record["errors"]) > 0

    def test_corrupt_sound_alone(self, cli: Cli, library: Library) -> None:
        """In the stream of sound, at its second; the pictures are all there."""
        path = library.add("numbered.mp4", "film.mp4")
        at, length, number = next(
            (packet.pos, packet.size, packet.stream_index)
            for packet in packets_of(path)
            if packet.stream.type == "audio" and packet.pts * packet.time_base > 6.5
        )
        rewrite(library, path, lambda b: b[:at] + b"\xff" * length + b[at + length :])
        assert cli("verify", library.root, "--json").counts == {"damaged": 1}
        record = library.json("film.mp4.verify.json")
        assert {place["stream"] for place in record["errors"]} == {number}
        assert 6.4 < record["errors"][0]["time"] < 6.7
        frames = {stream["type"]: stream["frames"] for stream in record["streams"]}
        assert frames["video"] == 250

    def test_a_cluster_of_matroska_that_is_gone(self, cli: Cli, library: Library) -> None:
        """What a demuxer steps over is noticed: the mark at the beginning of a cluster."""
        path = library.root / "film.mkv"
        source = media.clip("numbered.mp4", library.clips)
        media.ffmpeg("-i", source, "-c", "copy", "-cluster_time_limit", 1000, path)

        def without_cluster(content: bytes) -> bytes:
            at = content.index(b"\x1f\x43\xb6\x75", len(content) // 2)
            return content[:at] + bytes(4) + content[at + 4 :]

        rewrite(library, path, without_cluster)
        assert cli("verify", library.root, "--ext", "mkv").code == 1
        first = library.json("film.mkv.verify.json")["errors"][0]
        assert first["time"] < 7 and first["end"] > 4

    def test_a_truncated_file(self, cli: Cli, library: Library) -> None:
        library.add("cut_data.mp4")  # its index says that there is more
        library.add("cut_index.mp4")  # it has none
        run = cli("verify", library.root, "--json")
        assert (run.code, run.counts) == (1, {"damaged": 2})
        assert "cut_index.mp4: damaged: is not a readable video" in run.err
        messages = [p["message"] for p in library.json("cut_data.mp4.verify.json")["errors"]]
        assert any("cut off after" in message for message in messages)

    def test_is_said_again_until_it_is_mended(self, cli: Cli, library: Library, film: Path) -> None:
        rewrite(library, film, zeroed(0.5, 3000))
        first = cli("verify", library.root)
        again = cli("verify", library.root)
        assert first.code == again.code == 1 and first.err == again.err
        finish = cli("finish", library.root, "--tasks", "verify", "--json")
        assert finish.code == 1 and finish.json["tasks"][0]["counts"]["damaged"] == 1
        rewrite(library, film, lambda _: media.clip("short.mp4", library.clips).read_bytes())
        assert cli("verify", library.root).code == 0

    def test_what_may_not_be_decoded_is_only_read(self, cli: Cli, library: Library) -> None:
        path = library.root / "film.mkv"
        codecs = ("-c:v", "copy", "-c:a", "nellymoser", "-ar", 44100, "-ac", 1)
        source = media.clip("numbered.mp4", library.clips)
        media.ffmpeg("-i", source, *codecs, path.with_suffix(".flv"))
        library.keep(path.with_suffix(".flv"))
        run = cli("verify", library.root, "--ext", "flv", "--json")
        assert (run.code, run.counts) == (0, {"made": 1})
        assert "stream 0 was only read" in run.err or "stream 1 was only read" in run.err
        streams = library.json("film.flv.verify.json")["streams"]
        (sound,) = (stream for stream in streams if stream["type"] == "audio")
        assert "nellymoser" in sound["only_read"] and sound["packets"] and not sound["frames"]
        allowed = cli("verify", library.root, "--ext", "flv", "--force", "--allow-codecs", "any")
        assert allowed.code == 0 and not allowed.err

    def test_no_file_at_all(self, cli: Cli, library: Library) -> None:
        library.add("empty.mp4")
        run = cli("verify", library.root, "--json")
        assert (run.code, run.counts) == (1, {"failed": 1})
        assert library.artifacts() == []


class TestRot:
    """Other bytes under the same size and time."""

    @pytest.mark.parametrize("options", [(), ("--quick",), ("--force",)])
    def test_is_found_with_its_second(
        self, cli: Cli, verified: Library, film: Path, options: tuple[str, ...]
    ) -> None:
        good = verified.json("film.mp4.verify.json")
        at = next(
            packet.pos + packet.size // 2
            for packet in packets_of(film)
            if packet.stream.type == "video" and packet.pts * packet.time_base >= 7
        )
        rewrite(verified, film, flipped((at + 0.5) / film.stat().st_size))
        run = cli("verify", verified.root, *options, "--json")
        assert (run.code, run.counts) == (1, {"rotten": 1})
        assert "film.mp4: rotten at 0:0" in run.err and run.err.count("\n") == 1
        record = verified.json("film.mp4.verify.json")
        (place,) = record["rot"]["places"]
        assert place["offset"] <= at < place["offset"] + place["length"]
        assert place["time"] <= 7.1 and place["end"] >= 6.9 and place["end"] - place["time"] < 3
        kept = {name: value for name, value in record.items() if name not in ("rotten", "rot")}
        assert kept["checksums"] == good["checksums"] and kept["source"] == good["source"]
        assert kept["generated_at"] == good["generated_at"]

    def test_stays_until_a_good_copy_is_back(self, cli: Cli, verified: Library, film: Path) -> None:
        good = film.read_bytes()
        rewrite(verified, film, flipped(0.5))
        assert cli("verify", verified.root).code == cli("verify", verified.root).code == 1
        batch = cli("batch", verified.root, "--tasks", "verify,meta", "--json")
        assert batch.code == 1 and batch.json["tasks"][0]["counts"]["rotten"] == 1
        rewrite(verified, film, lambda _: good)
        run = cli("verify", verified.root, "--json")
        assert (run.code, run.counts) == (0, {"checked": 1})
        assert "rotten" not in verified.json("film.mp4.verify.json")

    def test_is_accepted_when_told_to(self, cli: Cli, verified: Library, film: Path) -> None:
        before = verified.json("film.mp4.verify.json")["checksums"]
        rewrite(verified, film, lambda b: b[:-1] + bytes([b[-1] ^ 1]))  # in its index' last tag
        assert cli("verify", verified.root).code == 1
        run = cli("verify", verified.root, "--accept", "--json")
        assert (run.code, run.counts) == (0, {"made": 1})
        record = verified.json("film.mp4.verify.json")
        assert record["checksums"] != before and "rotten" not in record
        checked = cli("verify", verified.root, "--accept", "--json")
        assert checked.counts == {"checked": 1}

    def test_in_the_index_has_no_second(self, cli: Cli, verified: Library, film: Path) -> None:
        at = film.read_bytes().rindex(b"moov")
        rewrite(verified, film, lambda b: b[:at] + b"MOOV" + b[at + 4 :])
        run = cli("verify", verified.root)
        assert run.code == 1 and "rotten outside of pictures and sound" in run.err


class TestChange:
    def test_another_file_is_verified_anew(self, cli: Cli, verified: Library, film: Path) -> None:
        shutil.copyfile(media.clip("short.mp4", verified.clips), film)
        os.utime(film, (1_000_000_000, 1_000_000_000))  # older than the first
        verified.keep(film)
        run = cli("verify", verified.root, "--json")
        assert (run.code, run.counts) == (0, {"made": 1})
        assert "film.mp4: it was changed since" in run.err
        assert cli("verify", verified.root, "--json").counts == {"checked": 1}

    def test_another_time_alone(self, cli: Cli, verified: Library, film: Path) -> None:
        """Its bytes are known: a quick look keeps what decoding them showed."""
        rewrite(verified, film, lambda content: content, keep_times=False)
        run = cli("verify", verified.root, "--quick", "--json")
        assert run.counts == {"made": 1} and "its time changed, its bytes did not" in run.err
        record = verified.json("film.mp4.verify.json")
        assert record["streams"] and not record["quick"]

    def test_a_record_that_cannot_be_read(self, cli: Cli, verified: Library) -> None:
        verified.artifact("film.mp4.verify.json").write_text("{")
        assert cli("verify", verified.root, "--json").counts == {"made": 1}
        verified.artifact("film.mp4.verify.json").write_text('{"checksums": {"algorithm": "x"}}')
        assert cli("verify", verified.root, "--json").counts == {"made": 1}


class TestWhatElseKnowsIt:
    @pytest.fixture
    def faulty(self, cli: Cli, library: Library, film: Path) -> Library:
        """A damaged film, a rotten one, and a good one."""
        library.add("numbered.mp4", "rotten.mp4")
        library.add("short.mp4", "good.mp4")
        rewrite(library, film, zeroed(0.5, 3000))
        assert cli("verify", library.root).code == 1
        rewrite(library, library.root / "rotten.mp4", flipped(0.5))
        assert cli("verify", library.root, "--quick").code == 1
        return library

    def test_queries_listings_and_reports(self, cli: Cli, faulty: Library) -> None:
        def names(query: str) -> list[str]:
            return [row["name"] for row in cli("list", faulty.root, "-q", query, "--json").json]

        assert names("damaged:") == ["film.mp4"] and names("rotten:") == ["rotten.mp4"]
        assert names("-damaged: -rotten:") == ["good.mp4"]
        assert names("rotten:bytes") == ["rotten.mp4"] and names("rotten:nonsense") == []
        assert "rotten at 0:0" in cli("list", faulty.root, "-q", "rotten:").out
        report = cli("report", faulty.root, "--json").json
        assert [row["video"] for row in report["damaged"]] == ["film.mp4"]
        assert [row["video"] for row in report["rotten"]] == ["rotten.mp4"]
        assert report["counts"]["verify"] == 3
        assert "rotten.mp4: rotten at 0:0" in cli("report", faulty.root).out

    def test_the_api(self, served: Served, faulty: Library) -> None:
        job = served.job("verify", params={"quick": True})
        assert job["status"] == "done" and job["failed"] == 2
        assert job["result"]["counts"]["checked"] == 1
        details = served.get("/videos/rotten.mp4")
        assert details["rotten"].startswith("rotten at 0:0") and "damaged" not in details
        page = served.get("/videos", params={"detail": 1, "q": "damaged:"})
        assert [row["damaged"][:7] for row in page["videos"]] == ["damaged"]
        assert served.get("/config")["kinds_on_request"] == ["verify"]

    def test_finish_leaves_it_out(self, cli: Cli, library: Library, film: Path) -> None:
        run = cli("finish", library.root, "--dry-run", "--json")
        assert "verify" not in {task["task"] for task in run.json["tasks"]}
        told = cli("finish", library.root, "--tasks", "verify", "--dry-run", "--json")
        assert told.json["tasks"][0]["results"][0]["status"] == "planned"
