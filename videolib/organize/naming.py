"""New names of many videos: a text or pattern to replace, by a target that may have fields."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from videolib.core.errors import UsageError, VideoError, attempt
from videolib.core.text import printable
from videolib.media.metadata import fresh_metadata, summarize
from videolib.storage.names import is_video_name

if TYPE_CHECKING:
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video

PATTERN_TIMEOUT = 1.0  # seconds for matching one name
LARGEST_PATTERN = 1_000_000  # characters, with all its counted repeats written out
FIELDS = ("stem", "duration", "width", "height", "vcodec", "n")
FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)(?::([^{}]*))?\}")  # {{, }}, {name} or {name:format}

# Gives the replacement of a match: a `regex.Match`, or None where the source is plain text.
Filler = Callable[[Any], str]
# Gives a text with every match in it replaced by what the filler gives.
Replacer = Callable[[Filler, str], str]


class Substitution:
    """The replacement of a source, a text or a regular expression, by a target with fields.

    The source is looked for in a name without its extension. Where it is not found there it is
    looked for in the whole name, but the new name must still have the extension of a video. In a
    regular expression and its target backslashes may be doubled, as in string literals of programs.
    """

    def __init__(self, source: str, target: str, is_regex: bool) -> None:
        """Raises UsageError for an empty source, a wrong expression or an unknown field."""
        if not source:
            raise UsageError("--source is empty: name the text to replace")
        self.source, self.is_regex = source, is_regex
        if is_regex:
            source, target = (re.sub(r"\\\\(?=[\w.])", r"\\", text) for text in (source, target))
        self.parts = self.split(target)
        self.replace = self.compiled(source) if is_regex else self.plain(source)

    @staticmethod
    def split(target: str) -> list[str | tuple[str, str]]:
        """The target as texts and (field, format). Raises UsageError for an unknown field."""
        parts: list[str | tuple[str, str]] = []
        end = 0
        for match in FIELD.finditer(target):
            field, width = match[1], match[2] or ""
            if field and not (field in FIELDS and re.fullmatch(r"(0?\d{1,2})?", width)):
                fields = " ".join(f"{{{name}}}" for name in FIELDS)
                hint = f"there are {fields}, with digits as in {{n:03}}; {{{{ stands for a brace"
                raise UsageError(f"--target: {printable(match[0])} is no field: {hint}")
            parts += [target[end : match.start()], (field, width) if field else match[0][0]]
            end = match.end()
        return [*parts, target[end:]]

    @staticmethod
    def plain(source: str) -> Replacer:
        """The Replacer of a plain text."""
        return lambda fill, text: fill(None).join(text.split(source)) if source in text else text

    @staticmethod
    def compiled(source: str) -> Replacer:
        """The Replacer of a regular expression.

        Raises UsageError for a wrong one; so does the Replacer for a name that takes too long.
        """
        import regex

        # Every {N} is written out when a pattern is compiled: a{1000000000} takes all memory.
        counts = (int(count) for count in re.findall(r"\{(\d{1,9})", source))
        if len(source) * math.prod(filter(None, counts)) > LARGEST_PATTERN:
            raise UsageError(f"--source {printable(source)}: repeats more than any name could")
        try:
            pattern = regex.compile(source)
        except (regex.error, RecursionError) as error:
            raise UsageError(f"--source {printable(source)}: {error}") from None

        def replace(fill: Filler, text: str) -> str:
            try:
                return str(pattern.sub(fill, text, timeout=PATTERN_TIMEOUT))
            except (TimeoutError, MemoryError):  # the module has a bound of its own for memory
                why = f"takes too long on {printable(text)}: write it with fewer nested repeats"
                raise UsageError(f"--source {printable(source)}: {why}") from None
            except (regex.error, IndexError) as error:
                raise UsageError(f"--target: {error}") from None

        return replace

    def new_name(self, name: str, field_value: Callable[[str], Any]) -> str | None:
        """The new name for a name, or None where the source is not in it.

        `field_value` gives the value of a field. Raises VideoError where it is not known,
        UsageError for a pattern that takes too long.
        """
        matched = False

        def fill(match: Any) -> str:
            nonlocal matched
            matched = True
            return "".join(self.filled(part, match, field_value) for part in self.parts)

        stem, _, extension = name.rpartition(".")
        replaced = self.replace(fill, stem)
        if matched:
            return f"{replaced}.{extension}"
        replaced = self.replace(fill, name)
        return replaced if matched and is_video_name(replaced) else None

    def filled(
        self, part: str | tuple[str, str], match: Any, field_value: Callable[[str], Any]
    ) -> str:
        """A part of the target as text, for a match of the source."""
        if isinstance(part, tuple):
            value = field_value(part[0])
            return format(value, part[1]) if isinstance(value, int) else str(value)
        return str(match.expand(part)) if self.is_regex else part


class FieldValues:
    """The values of a target's fields for one video.

    `number` is the value of {n}, which counts the videos whose name matches.
    """

    def __init__(self, video: Video, sidecars: SidecarDir, number: int) -> None:
        self.video, self.sidecars, self.number = video, sidecars, number

    def __call__(self, field: str) -> Any:
        """The value of one of FIELDS. Raises VideoError where the metadata with it is missing."""
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
        """The summary of the video's metadata, empty where there is no fresh one."""
        metadata = attempt(fresh_metadata, self.video, self.sidecars)
        summary = attempt(summarize, metadata) if isinstance(metadata, dict) else {}
        return summary if isinstance(summary, dict) else {}
