"""Puts what /openapi.json says to the test, by schemathesis against a real server.

    pip install 'schemathesis>=4,<5'
    python tests/bench/check_openapi.py [--max-time SECONDS] [any other option of `st run`]

The library has the video that the document's examples name, with every artifact. Every answer has
to be one that the document tells of, in the shape that it tells, and none may be a 500.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from make_media import find_ffmpeg

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance"
    ",response_headers_conformance,response_schema_conformance,unsupported_method"
)
SRT = "1\n00:00:00,500 --> 00:00:01,500\nThe moon is no cheese.\n"


def plant(folder: Path) -> None:
    """The video of the examples and a copy of it, with artifacts, tags and subtitles."""
    video = folder / "trips/rome.mp4"
    video.parent.mkdir()
    words = ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:d=3", "-f", "lavfi"]
    words += ["-i", "sine=d=3", "-pix_fmt", "yuv420p", "-shortest"]
    subprocess.run([find_ffmpeg(), *words, str(video)], check=True)
    shutil.copyfile(video, folder / "holiday.mp4")
    (folder / "trips/rome.srt").write_text(SRT)
    for line in (
        ["meta,thumbs,sprites,previews,phash,heatmaps,scenes,embed", folder, "-r"],
        ["tags", folder, "-r", "--set", "night,tag2", "--add-performers", "Jane Doe"],
    ):
        program = [sys.executable, str(ROOT / "index.py"), *map(str, line)]
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL)


def main(options: list[str]) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
        folder = Path(scratch, "videos")
        folder.mkdir()
        plant(folder)
        serve = [sys.executable, str(ROOT / "index.py"), "serve", "--root", str(folder)]
        with subprocess.Popen([*serve, "--port", "0"], stderr=subprocess.PIPE) as server:
            assert server.stderr
            found = re.search(r"http://[\d.:]+/", server.stderr.readline().decode())
            assert found, "the server does not start"
            words = ["run", f"{found[0]}openapi.json", "--checks", CHECKS, "--warnings", "off"]
            # Streams of events do not end; schemathesis waits for the end of every answer.
            words += ["--exclude-path", "/events", "--suppress-health-check", "all", *options]
            st = str(Path(sys.executable).with_name("st"))
            code = subprocess.run([st, *words], cwd=scratch, check=False)
            server.terminate()
    return code.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
