"""Videos that grow, shrink, go or are replaced while the API sends them."""

from __future__ import annotations

import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from support import Library
from support.served import Served

SIZE = 16 << 20  # bytes: far more than the sockets between server and client hold


@pytest.fixture
def video(library: Library) -> Path:
    """Content in which every 16 bytes differ from all others."""
    video = library.root / "a.mp4"
    video.write_bytes(b"".join(b"%15d\n" % n for n in range(SIZE // 16)))
    return video


def grow(video: Path) -> None:
    with video.open("ab") as file:
        file.write(b"x" * (1 << 20))


def shrink(video: Path) -> None:
    os.truncate(video, SIZE - (1 << 20))


def replace(video: Path) -> None:
    other = video.with_name("new")
    other.write_bytes(b"n" * SIZE)
    other.replace(video)


def changed_midway(
    served: Served, video: Path, change: Callable[[Path], None], **headers: str
) -> tuple[int, bytes]:
    """Content-Length and body of an answer while whose sending the video is changed."""
    body = b""
    with served.client.stream("GET", f"/videos/{video.name}/stream", headers=headers) as response:
        assert response.status_code == (206 if headers else 200)
        chunks = response.iter_bytes()
        body += next(chunks)
        change(video)
        body += b"".join(chunks)
    return int(response.headers["content-length"]), body


class TestChangedWhileSent:
    @pytest.mark.parametrize("change", [grow, replace, Path.unlink])
    def test_what_was_opened_is_sent(
        self,
        served: Served,
        video: Path,
        caplog: pytest.LogCaptureFixture,
        change: Callable[[Path], None],
    ) -> None:
        content = video.read_bytes()
        assert changed_midway(served, video, change) == (SIZE, content)
        assert not caplog.records

    def test_ranges_as_well(self, served: Served, video: Path) -> None:
        content = video.read_bytes()[100:]
        answer = changed_midway(served, video, grow, range="bytes=100-")
        assert answer == (SIZE - 100, content)

    @pytest.mark.parametrize("range_header", ["", "bytes=100-", "bytes=0-1,100-"])
    def test_a_shorter_one_is_cut_off(
        self, served: Served, video: Path, caplog: pytest.LogCaptureFixture, range_header: str
    ) -> None:
        """The client sees that bytes are missing, and the log is no traceback."""
        headers = {"range": range_header} if range_header else {}
        with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|closed"):
            changed_midway(served, video, shrink, **headers)
        assert not any(record.exc_info for record in caplog.records)
        assert served.get("/health")

    def test_no_descriptor_stays_open(self, served: Served, video: Path) -> None:
        def count() -> int:
            return len(list(Path("/proc/self/fd").iterdir()))

        served.get("/health")
        before = count()
        for headers in ({}, {"range": "bytes=5-9"}, {"range": "bytes=0-1,5-9"}):
            assert served.client.get("/videos/a.mp4/stream", headers=headers).is_success
        assert served.client.head("/videos/a.mp4/stream").is_success
        assert served.client.get("/videos/a.mp4/stream", headers={"if-none-match": "*"})
        assert served.client.get("/videos/a.mp4/stream", headers={"range": f"bytes={SIZE}-"})
        assert count() == before


class TestComingAndGoing:
    @pytest.fixture
    def flickering(self, library: Library) -> Iterator[Path]:
        """A video that is deleted and written anew, each time of another size, all the time."""
        video, end = library.root / "a.mp4", threading.Event()
        video.write_bytes(b"x")

        def flicker() -> None:
            for number in itertools.cycle(range(1, 200)):
                video.unlink()
                video.write_bytes(b"x" * 997 * number)
                if end.is_set():
                    return

        thread = threading.Thread(target=flicker)
        thread.start()
        yield video
        end.set()
        thread.join()

    @pytest.mark.slow
    def test_an_answer_is_whole_or_404(
        self, served: Served, flickering: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        statuses = set()
        for number in range(300):
            headers = {"range": "bytes=0-"} if number % 2 else {}
            response = served.client.get(f"/videos/{flickering.name}/stream", headers=headers)
            statuses.add(response.status_code)
            if response.status_code == 206:
                whole = re.fullmatch(r"bytes 0-(\d+)/\d+", response.headers["content-range"])
                assert whole
                assert len(response.content) == int(whole[1]) + 1
        assert statuses <= {200, 206, 404, 416}
        assert not any(record.exc_info for record in caplog.records)
