"""New names: substitutions, fields of metadata, and what cannot be a name."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import UsageError, VideoError, attempt
from videolib.core.text import printable
from videolib.media.metadata import fresh_metadata, summarize
from videolib.storage.names import VIDEO_EXTENSIONS
from videolib.storage.videos import Video

if TYPE_CHECKING:
    from videolib.storage.sidecars import SidecarDir


PATTERN_PATIENCE = 1.0  # seconds that a pattern may take over one name


LARGEST_PATTERN = 1_000_000  # letters, with all its counted repeats written out


FIELDS = ("stem", "duration", "width", "height", "vcodec", "n")


FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)(?::([^{}]*))?\}")


Filler = Callable[[Any], str]  # what takes the place of a match; of a plain text's, which is None


Replacer = Callable[[Filler, str], str]  # lets that take the place of every match in a text


class Substitution:
    """What `--source` and `--target` ask for, applied to names.

    The text is looked for in a name without its extension; where it is not found there, in the
    whole name, if that leaves the extension of a video. Backslashes may be doubled, as in the
    strings of programs.
    """

    def __init__(self, source: str, target: str, is_regex: bool) -> None:
        if not source:
            raise UsageError("--source is empty: name the text to replace")
        self.is_regex = is_regex
        if is_regex:
            source, target = (re.sub(r"\\\\(?=[\w.])", r"\\", text) for text in (source, target))
        self.parts = self.split(target)
        self.sub = self.compiled(source) if is_regex else self.plain(source)

    @staticmethod
    def split(target: str) -> list[str | tuple[str, str]]:
        """The target as text and (field, width). Raises UsageError for a field that is none."""
        parts: list[str | tuple[str, str]] = []
        end = 0
        for match in FIELD.finditer(target):
            field, width = match[1], match[2] or ""
            if field and not (field in FIELDS and re.fullmatch(r"(0?\d{1,2})?", width)):
                known = " ".join(f"{{{name}}}" for name in FIELDS)
                told = f"there are {known}, with digits as in {{n:03}}; {{{{ stands for a brace"
                raise UsageError(f"--target: {printable(match[0])} is no field: {told}")
            parts += [target[end : match.start()], (field, width) if field else match[0][0]]
            end = match.end()
        return [*parts, target[end:]]

    @staticmethod
    def plain(source: str) -> Replacer:
        return lambda put, text: put(None).join(text.split(source)) if source in text else text

    @staticmethod
    def compiled(source: str) -> Replacer:
        import regex

        # Every {N} is written out when a pattern is compiled: a{1000000000} takes all memory.
        counts = (int(count) for count in re.findall(r"\{(\d{1,9})", source))
        if len(source) * math.prod(filter(None, counts)) > LARGEST_PATTERN:
            raise UsageError(f"--source {printable(source)}: repeats more than any name could")
        try:
            pattern = regex.compile(source)
        except (regex.error, RecursionError) as error:
            raise UsageError(f"--source {printable(source)}: {error}") from None

        def sub(put: Filler, text: str) -> str:
            try:
                return str(pattern.sub(put, text, timeout=PATTERN_PATIENCE))
            except (TimeoutError, MemoryError):  # the module has a bound of its own for memory
                told = f"takes too long on {printable(text)}: write it with fewer nested repeats"
                raise UsageError(f"--source {printable(source)}: {told}") from None
            except (regex.error, IndexError) as error:
                raise UsageError(f"--target: {error}") from None

        return sub

    def new_name(self, name: str, facts: Callable[[str], Any]) -> str | None:
        """The name after replacing, or None where there is nothing to replace.

        `facts` gives the value of a field. Raises VideoError where it can't, UsageError for a
        pattern that takes too long.
        """
        found = False

        def put(match: Any) -> str:
            nonlocal found
            found = True
            return "".join(self.filled(part, match, facts) for part in self.parts)

        stem, _, extension = name.rpartition(".")
        changed = self.sub(put, stem)
        if found:
            return f"{changed}.{extension}"
        changed = self.sub(put, name)
        return changed if found and is_video_name(changed) else None

    def filled(self, part: str | tuple[str, str], match: Any, facts: Callable[[str], Any]) -> str:
        if isinstance(part, tuple):
            value = facts(part[0])
            return format(value, part[1]) if isinstance(value, int) else str(value)
        return str(match.expand(part)) if self.is_regex else part


class FieldValues:
    """The values of a target's fields, of one video; `number` counts those that are renamed."""

    def __init__(self, video: Video, sidecars: SidecarDir, number: int) -> None:
        self.video, self.sidecars, self.number = video, sidecars, number

    def __call__(self, field: str) -> Any:
        """Raises VideoError where the metadata that it is taken from is missing."""
        if field == "stem":
            return self.video.name.rpartition(".")[0]
        if field == "n":
            return self.number
        value = self.summary.get(field)
        if field == "vcodec" and isinstance(value, str):
            return re.sub(r"[^\w.-]", "_", value)
        if isinstance(value, int | float) and 0 <= value < 1e9:
            return round(value)
        why = "its metadata does not say" if self.summary else "make its metadata first (metadata)"
        raise VideoError(f"{{{field}}} is not known: {why}")

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        found = attempt(fresh_metadata, self.video, self.sidecars)
        summary = attempt(summarize, found) if isinstance(found, dict) else {}
        return summary if isinstance(summary, dict) else {}


def is_video_name(name: str) -> bool:
    stem, _, extension = name.rpartition(".")
    return bool(stem) and f".{extension.lower()}" in VIDEO_EXTENSIONS


Naming = tuple[Video, Video]  # a video, and what it becomes


class VideoMove(NamedTuple):
    """One video's way to its new name, and (from, to) of all that goes with it, itself first."""

    video: Video
    target: Video
    moves: list[tuple[str, str]]

    def as_json(self) -> dict[str, str]:
        return {"source": self.video.rel, "target": self.target.rel}
