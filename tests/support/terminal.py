"""A terminal as an animated picture: what a shell would show while programs run in it.

Programs run for real, on a pseudo terminal; pyte (PyPI, LGPL) reads what they write as a terminal
does, Pillow draws the cells.
"""

from __future__ import annotations

import fcntl
import math
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageColor import getrgb

FONT = "DejaVuSansMono{}.ttf"  # Debian's package fonts-dejavu-core
SIZE, LINE_HEIGHT, MARGIN = 15, 20, 18  # pixels
BACKGROUND, TEXT = "#16181d", "#d7dae0"
COLOURS = {
    "default": TEXT,
    "red": "#f0716b",
    "green": "#8cc265",
    "brown": "#e5b567",
    "blue": "#6cb1f0",
    "magenta": "#c792ea",
    "cyan": "#5ccfc4",
    "white": "#ffffff",
}
PROMPT = "\x1b[32m~\x1b[0m $ "
KEY, WAIT = 60, 1800  # ms for a letter that is typed, and for reading an answer
STATES, STATE = 24, 250  # how many pictures a program that works has at most, and ms for each


class Terminal:
    """A terminal of so many characters; the pictures of it so far, and their durations in ms."""

    def __init__(self, columns: int, lines: int) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.regular, self.bold = (ImageFont.truetype(FONT.format(n), SIZE) for n in ("", "-Bold"))
        self.pictures: list[Image.Image] = []
        self.durations: list[int] = []
        self.write(PROMPT.encode())

    def write(self, output: bytes) -> None:
        """What a program wrote, as a terminal takes it from the kernel."""
        self.stream.feed(output)

    def show(self, milliseconds: int) -> None:
        """The terminal stays so for that long."""
        picture = self.draw()
        if self.pictures and self.pictures[-1].tobytes() == picture.tobytes():
            self.durations[-1] += milliseconds
        else:
            self.pictures.append(picture)
            self.durations.append(milliseconds)

    def enter(self, line: str, program: Sequence[str], environment: Mapping[str, str]) -> None:
        """Somebody types a line, a program runs for it, and its answer is read."""
        for start in range(0, len(line), 3):
            self.write(line[start : start + 3].encode())
            self.show(3 * KEY)
        self.show(500)
        self.write(b"\r\n")
        self.run(program, environment)
        self.write(PROMPT.encode())
        self.show(WAIT)

    def run(self, program: Sequence[str], environment: Mapping[str, str]) -> None:
        """Shows a program from its start to its end, in a few seconds however long it takes."""
        outer, inner = pty.openpty()
        size = struct.pack("HHHH", self.screen.lines, self.screen.columns, 0, 0)
        fcntl.ioctl(inner, termios.TIOCSWINSZ, size)
        outputs = []
        with subprocess.Popen(
            program, env=environment, stdin=inner, stdout=inner, stderr=inner
        ) as process:
            os.close(inner)
            while output := read_for(outer, 0.1):
                outputs.append(output)
        os.close(outer)
        assert process.returncode == 0, program
        every = math.ceil(len(outputs) / STATES)
        for number, output in enumerate(outputs):
            self.write(output)
            if number % every == 0:
                self.show(STATE)

    def draw(self) -> Image.Image:
        """The cells as they are now."""
        wide = self.regular.getlength("m")
        width = round(self.screen.columns * wide) + 2 * MARGIN
        picture = Image.new(
            "RGB", (width, self.screen.lines * LINE_HEIGHT + 2 * MARGIN), BACKGROUND
        )
        pen = ImageDraw.Draw(picture)
        for y in range(self.screen.lines):
            cells = [self.screen.buffer[y][x] for x in range(self.screen.columns)]
            x = 0
            for (colour, bold), same in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
                text = "".join(cell.data for cell in same)
                place = (MARGIN + x * wide, MARGIN + y * LINE_HEIGHT)
                font = self.bold if bold else self.regular
                pen.text(place, text, COLOURS.get(colour, f"#{colour}"), font)
                x += len(text)
        if not self.screen.cursor.hidden:
            left = MARGIN + self.screen.cursor.x * wide
            top = MARGIN + self.screen.cursor.y * LINE_HEIGHT
            pen.rectangle((left, top, left + wide - 1, top + LINE_HEIGHT - 3), fill=TEXT)
        return picture

    def save(self, path: Path) -> None:
        """All of it as an animated GIF that begins again in the end."""
        colours = palette()
        no_dots = Image.Dither.NONE
        first, *others = (p.quantize(palette=colours, dither=no_dots) for p in self.pictures)
        first.save(path, save_all=True, append_images=others, duration=self.durations, loop=0)


def palette() -> Image.Image:
    """Each colour of text in eight steps from the background, as the edges of letters have them."""
    steps = [
        round(dark + (bright - dark) * step / 7)
        for colour in COLOURS.values()
        for step in range(8)
        for dark, bright in zip(getrgb(BACKGROUND), getrgb(colour), strict=True)
    ]
    picture = Image.new("P", (1, 1))
    picture.putpalette(steps)
    return picture


def read_for(descriptor: int, seconds: float) -> bytes:
    """What comes from a pseudo terminal within that time of its first bytes; none at its end."""
    output, deadline = b"", None
    while deadline is None or time.monotonic() < deadline:
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([descriptor], [], [], wait)[0]:
            break
        try:
            output += os.read(descriptor, 65536)
        except OSError:  # Linux says so when nobody has the other side open
            break
        deadline = deadline or time.monotonic() + seconds
    return output
