"""Settings of a server, and who may ask it: hosts, origins and the token."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from videolib.core.errors import UsageError
from videolib.core.text import printable
from videolib.storage.folders import Roots

PAGE_LIMIT = 500  # rows of one answer
LEAST_CACHE = 64  # MB of encoded film: what is made ahead of two viewers


class ServerSettings(NamedTuple):
    """What a server is started with.

    `roots`: the folders it may touch. `token`: "" for none. `hosts`: its names beside localhost.
    `cors_origins`: the other origins whose pages may use it. `watch`: the tasks that are done for
    new videos, () where none are watched for. `models`: the Whisper models, by name or folder, that
    jobs may choose beside the default.

    `encoders`: films that are encoded at a time for browsers that cannot play them, 0: by the
    machine's cores; `lines`: the most lines of their pictures, 0: the same; `segment_cache`: bytes
    of encoded film that are kept on disk.
    """

    roots: Roots
    token: str = ""
    hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    encoders: int = 0
    lines: int = 0
    segment_cache: int = 1 << 30

    @classmethod
    def from_environment(cls) -> ServerSettings:
        """The settings in VIDEO_ROOTS (separated like PATH, or a JSON array), VIDEO_TOKEN,
        VIDEO_HOSTS, VIDEO_CORS_ORIGINS and VIDEO_WATCH (separated by commas), VIDEO_MODELS (the
        same, or a JSON array), and the numbers VIDEO_ENCODERS, VIDEO_ENCODED_LINES and
        VIDEO_SEGMENT_CACHE (in MB).

        Raises UsageError where a root is no folder, or a number is none.
        """
        return cls(
            Roots(split_list(os.environ.get("VIDEO_ROOTS", ""), os.pathsep) or ["."]),
            os.environ.get("VIDEO_TOKEN", ""),
            split_words(os.environ.get("VIDEO_HOSTS", "")),
            split_words(os.environ.get("VIDEO_CORS_ORIGINS", "")),
            split_words(os.environ.get("VIDEO_WATCH", "")),
            tuple(split_list(os.environ.get("VIDEO_MODELS", ""), ",")),
            environment_number("VIDEO_ENCODERS", 0),
            environment_number("VIDEO_ENCODED_LINES", 0),
            max(environment_number("VIDEO_SEGMENT_CACHE", 1024), LEAST_CACHE) << 20,
        )

    def knows_host(self, header: str) -> bool:
        """Whether a Host header names this server: any other name may have been bound to its
        address by a stranger (DNS rebinding)."""
        match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:\d{1,5})?", header.lower())
        return match is not None and match[1] in {"localhost", "127.0.0.1", "[::1]", *self.hosts}

    def session_cookie(self) -> str:
        """The value of the session cookie, hexadecimal: proves the token without revealing it."""
        import hashlib
        import hmac

        return hmac.new(os.fsencode(self.token), b"session", hashlib.sha256).hexdigest()

    def authorizes(self, bearer: bytes, cookie: bytes, reading: bool) -> bool:
        """Whether a request may pass: it has the token, in UTF-8, or, for reading only, the session
        cookie. Without a token every request may.
        """
        import hmac

        if not self.token or hmac.compare_digest(bearer, os.fsencode(self.token)):
            return True
        return reading and hmac.compare_digest(cookie, self.session_cookie().encode())

    def is_cross_site(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a page of another origin sent the request, which must be refused then.

        The rules are those of Go's http.CrossOriginProtection, but stricter for reading: another
        origin may only link to this one. A client that sends neither Sec-Fetch-Site nor Origin is
        no browser.
        """
        site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
        if origin in self.cors_origins and origin:
            return False
        if site:
            request = (method, headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
            is_link = request == ("GET", "navigate", "document")
            return site not in ("same-origin", "none") and not is_link
        host = origin.partition("://")[2].lower()
        return bool(origin) and host != headers.get("host", "").lower()


def environment_number(name: str, default: int) -> int:
    """The number in an environment variable. Raises UsageError where it is none."""
    text = os.environ.get(name, "") or str(default)
    if not re.fullmatch(r"[0-9]{1,7}", text):
        raise UsageError(f"{name}={printable(text)} should be a number")
    return int(text)


def split_words(text: str) -> tuple[str, ...]:
    """The words between commas; empty ones are dropped."""
    return tuple(filter(None, text.split(",")))


def split_list(text: str, separator: str) -> list[str]:
    """The parts of a text between separators; empty ones are dropped.

    Parts with the separator in them can be given as a JSON array of strings instead.
    """
    if text.startswith(('["', "[]")):
        return [str(part) for part in json.loads(text)]
    return list(filter(None, text.split(separator)))
