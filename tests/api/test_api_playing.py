"""Films that browsers cannot play as they are: in segments, copied or encoded, to the frame."""

from __future__ import annotations

import os
import struct
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import support
from support import Library, media
from support.playing import Playing, Segment
from support.served import Served, serving

from videoserver.hls import encoder
from videoserver.hls.boxes import OTHER_SAMPLE, SYNC_SAMPLE, nested_boxes

# A small film whose encoding takes little: ten seconds, numbered, with sound.
AVI = ("-c:v", "mpeg4", "-q:v", 4, "-g", 25, "-c:a", "libmp3lame", "-ac", 1)


def numbers(playing: Playing) -> list[list[int]]:
    """The numbers in the pictures of each segment."""
    return [[*map(media.number_of, part.pictures)] for part in playing.segments()]


def made(library: Library, name: str, *options: object, clip: str = "numbered.mp4") -> Path:
    """A film made of a clip."""
    path = library.root / name
    media.ffmpeg("-i", media.clip(clip, library.clips), *options, path)
    return library.keep(path)


@pytest.fixture
def avi(library: Library) -> Library:
    made(library, "film.avi", *AVI)
    return library


def encoders() -> list[int]:
    """The processes of ffmpeg that encode for a server in this process."""
    children = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for path in children for pid in path.read_text().split()]
    return [pid for pid in pids if b"pipe:1" in support.command_of(pid)]


class TestChoice:
    """What is sent how."""

    def test_by_what_the_browser_plays(self, served: Served, library: Library) -> None:
        for clip, files, segments, method in (
            ("numbered.mp4", "mp4,h264,aac", "", "direct"),
            ("numbered.mp4", "mp4,h264", "h264,aac", "remux"),
            ("numbered.mp4", "mp4,vp9,aac", "vp9,aac", "encode"),
            ("h264.mkv", "mp4,h264,aac", "h264,aac", "remux"),
            ("h264.mkv", "mp4,x-matroska,h264,aac", "h264,aac", "direct"),
            ("hevc.mp4", "mp4,h264", "h264", "encode"),
            ("hevc.mp4", "mp4,h264", "h264,hevc", "remux"),
            ("vp9.webm", "mp4,vp9", "vp9", "remux"),
            ("av1.mp4", "webm,av1", "av1", "remux"),
            ("full_range_10bit.mp4", "mp4,h264", "h264", "encode"),
            ("mpeg4.avi", "mp4,h264", "h264,mpeg4", "encode"),
            ("stream.ts", "mp4,h264", "h264", "remux"),
            ("sound_only.mp4", "mp4,aac", "aac", "direct"),
            ("sound_only.mp4", "mp4", "aac", "encode"),
        ):
            library.add(clip)
            playing = Playing(served.client, clip, files=files, segments=segments)
            assert playing.method == method, (clip, files, segments, playing.offer)
            assert bool(playing.offer["reason"]) is (method != "direct")

    def test_what_failed_is_not_tried_again(self, served: Served, library: Library) -> None:
        library.add("numbered.mp4")
        ways = ("", "direct", "direct,remux", "direct,remux,encode")
        offers = [Playing(served.client, "numbered.mp4", excluded=way) for way in ways]
        assert [offer.method for offer in offers] == ["direct", "remux", "encode", "none"]
        assert offers[-1].offer["url"] == ""

    def test_what_cannot_be_played(self, served: Served, library: Library) -> None:
        library.add("text.mp4")
        library.add("empty.mp4")
        for name in ("text.mp4", "empty.mp4"):
            problem = served.get(f"/videos/{name}/hls", 409)
            assert str(library.root) not in problem["detail"]
        assert "empty (0 bytes)" in problem["detail"]
        served.get("/videos/gone.mp4/hls", 404)

    def test_a_recording_without_a_length(self, served: Served, library: Library) -> None:
        """As browsers write them: played as it is, one could go to no place in it."""
        clip = media.clip("vp9.webm", library.clips)
        content = media.ffmpeg("-i", clip, "-c", "copy", "-f", "webm", "-live", 1, "-")
        (library.root / "recorded.webm").write_bytes(content)
        playing = Playing(served.client, "recorded.webm")
        assert playing.method == "remux" and "how long" in playing.offer["reason"]
        assert sum(playing.lengths()) == pytest.approx(playing.offer["duration"], abs=0.01)

    def test_what_is_encrypted(self, served: Served, library: Library) -> None:
        scheme = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0" * 32)
        made(library, "secret.mp4", "-c", "copy", *scheme, "-encryption_kid", "1" * 32)
        offer = Playing(served.client, "secret.mp4").offer
        assert (offer["method"], offer["encrypted"]) == ("none", True)

    def test_keyframes_that_need_pictures_before_them(
        self, served: Served, library: Library
    ) -> None:
        """Chromium ends with an error at the first seek into such a film."""
        opened = ("-x264-params", "open-gop=1:keyint=25:bframes=3:scenecut=0")
        made(library, "open.mkv", "-c:v", "libx264", "-preset", "veryfast", *opened, "-an")
        assert Playing(served.client, "open.mkv").method == "encode"
        for suffix in (".mkv", ".ts"):
            made(library, f"closed{suffix}", "-c:v", "copy", "-an")
            assert Playing(served.client, f"closed{suffix}").method == "remux"
        # Of a file that is read whole these are known: none of them is called a keyframe.
        media.ffmpeg("-i", library.root / "open.mkv", "-c", "copy", library.root / "open.ts")
        playing = Playing(served.client, "open.ts")
        assert (playing.method, len(playing.lengths())) == ("remux", 1)
        content = playing.get("0.m4s").content
        (run,) = (box for box in nested_boxes(content) if box.name == b"trun")
        flags = [
            entry[2] for entry in struct.iter_unpack(">IIIi", content[run.start + 12 : run.end])
        ]
        assert flags == [SYNC_SAMPLE] + [OTHER_SAMPLE] * 249

    def test_broadcasts_that_are_encoded(self, served: Served, library: Library) -> None:
        """Interlaced ones, and such whose pictures become others on the way."""
        made(library, "fields.ts", "-c", "copy", clip="interlaced.mp4")
        assert Playing(served.client, "fields.ts").method == "encode"
        parts = [made(library, f"{n}.ts", "-vf", f"scale={n}:-2", "-an") for n in (160, 320)]
        joined = library.root / "joined.ts"
        media.ffmpeg("-i", f"concat:{parts[0]}|{parts[1]}", "-c", "copy", joined)
        library.keep(joined)
        offer = Playing(served.client, "joined.ts").offer
        assert offer["method"] == "encode"


class TestCopied:
    """Segments of copied packets."""

    def test_every_picture_once_and_in_its_place(self, served: Served, library: Library) -> None:
        for name in ("film.mkv", "film.flv", "film.mov", "film.ts"):
            made(library, name, "-c", "copy")
            playing = Playing(served.client, name, files="webm")
            assert playing.method == "remux"
            assert [round(length) for length in playing.lengths()] == [4, 4, 2]
            assert numbers(playing) == [[*range(100)], [*range(100, 200)], [*range(200, 250)]]
            first, second, _ = playing.segments()
            assert abs(second.begins[1] - 4.0) < 0.05
            assert abs(second.begins[2] - second.begins[1]) < 0.03  # a frame of AAC lasts 0.023 s
            assert first.begins[2] < 0.05

    def test_other_codecs_and_rates(self, served: Served, library: Library) -> None:
        made(library, "hevc.ts", "-c", "copy", clip="hevc.mp4")
        for clip in ("vp9.webm", "av1.mp4", "hevc.mp4", "hevc.ts", "variable.mp4"):
            if clip != "hevc.ts":
                library.add(clip)
            playing = Playing(served.client, clip, files="", segments="h264,hevc,vp9,av1")
            assert playing.method == "remux"
            shown = [number for part in numbers(playing) for number in part]
            expected = [media.number_of(p) for _, p in media.decode(library.root / clip)]
            assert shown == expected

    def test_a_start_that_is_not_0(self, served: Served, library: Library) -> None:
        library.add("offset.mkv")
        playing = Playing(served.client, "offset.mkv")
        assert playing.segment(0).begins[1] < 0.05
        assert [*map(media.number_of, playing.segment(1).pictures)] == [*range(100, 200)]

    def test_a_turned_picture_stays_turned(self, served: Served, library: Library) -> None:
        library.add("turned_90.mp4")
        playing = Playing(served.client, "turned_90.mp4", files="")
        path = library.clips.parent / "copied.mp4"
        path.write_bytes(playing.init() + playing.get("0.m4s").content)
        media.ffmpeg("-i", path, "-frames:v", 1, path.with_suffix(".png"))
        turned = media.read_picture(path.with_suffix(".png"))
        assert turned.shape[0] > turned.shape[1]

    def test_sound_that_no_browser_plays(self, served: Served, library: Library) -> None:
        """It is encoded beside the copied pictures, and heard without a break between segments."""
        tone = ("-f", "lavfi", "-i", "sine=440:duration=10", "-map", "0:v", "-map", 1)
        made(library, "film.mkv", *tone, "-c:v", "copy", "-c:a", "ac3", "-b:a", "192k")
        playing = Playing(served.client, "film.mkv")
        assert (playing.method, playing.query["recode"]) == ("remux", "1")
        parts = [playing.get(f"{number}.m4s").content for number in range(3)]
        path = library.clips.parent / "recoded.mp4"
        path.write_bytes(b"".join([playing.init(), *parts]))
        pcm = media.ffmpeg("-i", path, "-f", "f32le", "-ac", 1, "-ar", 48000, "-")
        heard = np.frombuffer(pcm, np.float32)[4800:-4800]
        assert abs(len(heard) / 48000 - 9.8) < 0.1
        # A tone is its neighbours: s[n + 1] + s[n - 1] = 2 cos(w) s[n].
        residue = heard[2:] + heard[:-2] - 2 * np.cos(2 * np.pi * 440 / 48000) * heard[1:-1]
        assert np.abs(residue).max() < 0.05 * np.abs(heard).max()
        assert [*map(media.number_of, playing.segment(1).pictures)] == [*range(100, 200)]

    def test_another_sound(self, served: Served, library: Library) -> None:
        sounds = ("-f", "lavfi", "-i", "sine=880:duration=10", "-map", 0, "-map", 1, "-c:v", "copy")
        made(library, "two.mp4", *sounds, "-c:a", "aac", "-metadata:s:a:1", "language=ger")
        offer = Playing(served.client, "two.mp4").offer
        assert offer["method"] == "direct"
        assert [track["language"] for track in offer["sounds"]] == ["", "de"]
        other = Playing(served.client, "two.mp4", sound=2)
        assert (other.method, other.query["sound"]) == ("remux", "2")
        assert set(other.segment(0).begins) == {1, 2}
        assert other.get("0.m4s", sound=7).status_code == 404


class TestEncoded:
    """Segments that ffmpeg makes."""

    def test_every_picture_once_and_in_its_place(self, served: Served, avi: Library) -> None:
        playing = Playing(served.client, "film.avi")
        assert [round(length) for length in playing.lengths()] == [1] * 10
        wanted: list[list[int]] = [[] for _ in range(10)]
        for moment, picture in media.decode(avi.root / "film.avi"):
            wanted[min(int(moment), 9)].append(media.number_of(picture))
        # From the midst on, then back: an encoder for each, and the same segments.
        assert [*map(media.number_of, playing.segment(6).pictures)] == wanted[6]
        assert numbers(playing) == wanted
        for number, part in enumerate(playing.segments()):
            assert abs(part.begins[1] - number) < 0.001
            assert abs(part.begins[2] - number) < 0.03

    def test_a_place_in_joined_recordings(self, served: Served, library: Library) -> None:
        """Their timestamps come twice: the second part begins anew at 10 seconds."""
        part = made(library, "part.ts", "-c", "copy", "-an")
        library.add_bytes("joined.ts", part.read_bytes() * 2)
        playing = Playing(served.client, "joined.ts")
        assert (playing.method, round(playing.offer["duration"])) == ("encode", 20)
        shown = [*map(media.number_of, playing.segment(14).pictures)]
        assert shown == [*range(shown[0], shown[0] + 25)]
        assert abs(shown[0] - 4 * 25) <= 25  # at 14 s, but for a part of a second

    def test_pictures_as_they_are_shown(self, served: Served, library: Library) -> None:
        """Turned, with pixels that are no squares, in colours, deinterlaced."""
        clips = ("turned_90.mp4", "anamorphic.mp4", "hdr10.mp4", "interlaced.mp4")
        shown = dict[str, Segment]()
        for clip in clips:
            library.add(clip)
            shown[clip] = Playing(served.client, clip, excluded="direct,remux").segment(0)
        turned = shown["turned_90.mp4"].pictures[0]
        assert media.corners_of(turned) == [1, 2, 3, 0] and turned.shape == (320, 180, 3)
        assert shown["anamorphic.mp4"].pictures[0].shape == (180, 320, 3)
        assert media.combing(shown["interlaced.mp4"].pictures[12]) < 5
        patches = media.patches_of(shown["hdr10.mp4"].pictures[0])
        assert min(patches["white"]) > 180 and max(patches["black"]) < 20
        assert patches["red"][2] > 150 > patches["red"][0]

    def test_no_more_lines_than_wanted(self, served: Served, library: Library) -> None:
        library.add("mpeg4.avi")
        playing = Playing(served.client, "mpeg4.avi")
        playing.query["lines"] = 90
        assert playing.segment(0).pictures[0].shape == (90, 160, 3)

    def test_pictures_that_stand_for_longer_than_a_segment(
        self, served: Served, library: Library
    ) -> None:
        library.add("mpeg4.avi", "film.avi")
        library.forget(library.root / "film.avi")
        frames = [media.number_picture(number) for number in range(4)]
        media.encode(library.root / "film.avi", frames, "-c:v", "mpeg4", "-q:v", 2, fps="2/5")
        library.keep(library.root / "film.avi")
        parts = numbers(Playing(served.client, "film.avi"))
        assert [sorted(set(part)) for part in parts] == [
            *([0], [0], [0, 1], [1], [1], [2], [2], [2, 3], [3], [3])
        ]

    def test_sound_alone(self, served: Served, library: Library) -> None:
        sound = ("-vn", "-c:a", "ac3", "-t", 4.5)
        made(library, "sound.mkv", *sound)
        playing = Playing(served.client, "sound.mkv")
        assert playing.method == "encode"
        parts = playing.segments()
        assert len(parts) == 4 and parts[1].begins[1] == 1.0
        assert int(parts[0].pictures[0].max()) < 20

    def test_subtitles_inside(self, served: Served, library: Library) -> None:
        text = library.add_bytes("words.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n")
        made(library, "film.mkv", "-i", text, "-c", "copy", "-metadata:s:s:0", "language=eng")
        playing = Playing(served.client, "film.mkv")
        (track,) = playing.offer["subtitles"]
        assert (track["language"], track["purpose"]) == ("en", "full")
        response = served.client.get(track["url"])
        assert response.headers["content-type"].startswith("text/vtt")
        assert "00:00:01.000 --> 00:00:02.000\nHello" in response.text
        served.get(f"{playing.base}/subtitles/0.vtt", 404)


class TestRefusals:
    """What is wrong with a film, or with a request for it."""

    def test_damage_in_the_midst(self, served: Served, avi: Library) -> None:
        path = avi.root / "film.avi"
        content = path.read_bytes()
        avi.forget(path)
        path.write_bytes(content[: len(content) // 2])
        avi.keep(path)
        playing = Playing(served.client, "film.avi")
        assert [*map(media.number_of, playing.segment(0).pictures)][:24] == [*range(24)]
        assert playing.get("9.m4s").status_code == 404  # it says five seconds of sound, no more

    def test_a_film_that_changes_or_vanishes(self, served: Served, avi: Library) -> None:
        playing = Playing(served.client, "film.avi")
        assert playing.get("0.m4s").status_code == 200
        avi.add("mpeg4.avi", "film.avi")
        changed = playing.get("1.m4s")
        assert (changed.status_code, changed.json()["detail"].partition(":")[0]) == (
            409,
            "the film has changed since it was opened",
        )
        (avi.root / "film.avi").unlink()
        avi.forget(avi.root / "film.avi")
        assert playing.get("1.m4s").status_code == 404

    @pytest.mark.parametrize(
        ("part", "params", "status"),
        [
            ("10.m4s", {}, 404),
            ("99999999999999999999.m4s", {}, 404),
            ("0.m4s", {"method": "direct"}, 422),
            ("0.m4s", {"viewer": "../x"}, 422),
            ("0.m4s", {"version": "other"}, 409),
            ("0.m4s", {"method": "remux"}, 409),
            ("0.m4s", {"sound": 77}, 404),
            ("0.m4s", {"directory": "/etc"}, 403),
            ("index.m3u8", {"begin": -1}, 422),
        ],
    )
    def test_wrong_requests(
        self, served: Served, avi: Library, part: str, params: dict[str, Any], status: int
    ) -> None:
        response = Playing(served.client, "film.avi").get(part, **params)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"

    def test_links_that_lead_out(self, served: Served, avi: Library, tmp_path: Path) -> None:
        playing = Playing(served.client, "film.avi")
        path, outside = avi.root / "film.avi", tmp_path / "outside.avi"
        avi.forget(path)
        path.rename(outside)
        path.symlink_to(outside)
        for part in ("index.m3u8", "init.mp4", "0.m4s"):
            assert playing.get(part).status_code == 403

    def test_the_token_guards_segments(self, avi: Library) -> None:
        with serving(avi.root, token="secret") as served:
            assert served.client.get("/videos/film.avi/hls").status_code == 401
            served.client.headers["authorization"] = "Bearer secret"
            playing = Playing(served.client, "film.avi")
            assert playing.get("0.m4s").status_code == 200
            del served.client.headers["authorization"]
            for part in ("index.m3u8", "init.mp4", "0.m4s", "subtitles/2.vtt"):
                assert playing.get(part).status_code == 401

    def test_parts_and_versions_of_a_segment(self, served: Served, avi: Library) -> None:
        playing = Playing(served.client, "film.avi")
        whole = playing.get("0.m4s")
        address = str(whole.url)
        part = served.client.get(address, headers={"range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"moof")
        headers = {"if-none-match": whole.headers["etag"]}
        assert served.client.get(address, headers=headers).status_code == 304
        headers = {"range": f"bytes={len(whole.content)}-"}
        assert served.client.get(address, headers=headers).status_code == 416


class TestLimits:
    """Encoders are few, and end with who watches."""

    @pytest.fixture
    def long(self, library: Library) -> Library:
        """A film that an encoder is not done with before the test is."""
        made(library, "long.avi", "-c:v", "mpeg4", "-q:v", 9, clip="minutes.mp4")
        return library

    def test_an_encoder_ends_when_its_viewer_is_gone(
        self, served: Served, long: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert encoder.IDLE + 2 * encoder.TICK < 5
        monkeypatch.setattr(encoder, "IDLE", 0.5)
        monkeypatch.setattr(encoder, "LEAD", 2)
        playing = Playing(served.client, "long.avi")
        assert playing.get("0.m4s").status_code == 200
        assert encoders()
        assert support.wait_until(lambda: not encoders(), 3)
        assert playing.get("9.m4s").status_code == 200  # who comes back is served

    def test_a_worker_is_there_once_the_page_is_open(self, served: Served, avi: Library) -> None:
        workers = served.app.service.hls.workers
        for _ in range(2):
            assert served.client.get("/").status_code == 200
            assert support.wait_until(lambda: workers.idle)
        Playing(served.client, "film.avi")
        assert len(workers.pools) == 1

    def test_an_encoder_begins_where_the_playlist_is_asked_for(
        self, served: Served, long: Library
    ) -> None:
        playing = Playing(served.client, "long.avi")
        assert playing.get("index.m3u8", begin=30).status_code == 200
        assert support.wait_until(encoders)
        assert media.number_of(playing.segment(30).pictures[0]) == 30
        assert len(encoders()) == 1

    def test_more_viewers_than_encoders(
        self, long: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encoder, "QUEUE", 0.3)
        monkeypatch.setattr(encoder, "IDLE", support.PATIENCE)
        monkeypatch.setattr(encoder, "LEAD", 2)
        with serving(long.root, encoders=1) as served:
            playing = Playing(served.client, "long.avi")
            assert playing.get("0.m4s", viewer="one").status_code == 200
            refused = playing.get("60.m4s", viewer="two")
            assert refused.status_code == 429
            assert refused.json()["detail"] == (
                "another film is being encoded already: stop watching one, or try later"
            )
            assert int(refused.headers["retry-after"]) > 0
            assert playing.get("0.m4s", viewer="two").status_code == 200  # from the cache
            assert len(encoders()) == 1
            # Another film, or another place, of the same viewer takes the place of his first.
            assert playing.get("70.m4s", viewer="one").status_code == 200
            assert len(encoders()) == 1

    def test_the_cache_keeps_its_limit(self, long: Library) -> None:
        with serving(long.root, segment_cache=60_000) as served:
            playing = Playing(served.client, "long.avi")
            for number in range(6):
                assert playing.get(f"{number}.m4s").status_code == 200
            cache = served.app.service.hls.cache
            assert cache.file and os.fstat(cache.file.fileno()).st_size <= 60_000
            assert 0 < sum(size for _, size in cache.places.values()) <= 60_000
            assert media.number_of(playing.segment(0).pictures[0]) == 0

    def test_the_server_ends_though_a_segment_is_waited_for(
        self, long: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encoder, "LEAD", -100)  # nothing is ever read
        with serving(long.root) as served:
            playing, statuses = Playing(served.client, "long.avi"), list[int]()
            ask = threading.Thread(target=lambda: statuses.append(playing.get("0.m4s").status_code))
            ask.start()
            assert support.wait_until(encoders)
            began = time.monotonic()
            for job in served.app.awaited:
                job.cancelled.set()
            ask.join()
        assert statuses == [503]
        assert time.monotonic() - began < 3
        assert not encoders()

    def test_nothing_outlives_a_killed_server(self, long: Library, cache: Path) -> None:
        with support.started(support.command("serve", "--root", long.root, "--port", 0)) as run:
            assert run.process.stderr
            url = run.process.stderr.readline().decode().split(" at ")[1].split(" - ")[0]
            with httpx.Client(base_url=url, timeout=support.PATIENCE, verify=False) as client:
                assert Playing(client, "long.avi").get("0.m4s").status_code == 200
            assert any(b"ffmpeg" in support.command_of(pid) for pid in run.family())
            run.kill()
        assert not cache.exists() or not any(cache.iterdir())
