"""Requests that no well-behaved client sends, by chance: paths, hosts, origins, headers, bodies,
ranges and tokens. Each is the bytes of one HTTP/1.1 request that asks for its connection to end."""

from __future__ import annotations

import json
import random
import string
import urllib.parse
from collections.abc import Callable

Headers = list[tuple[str, str]]
ROUTES = (
    "/",
    "/health",
    "/session",
    "/videos",
    "/videos/suggest",
    "/videos/v0.mp4/artifacts",
    "/videos/v0.mp4/metadata",
    "/videos/v0.mp4/tags",
    "/videos/v0.mp4/stream",
    "/videos/v0.mp4/files/thumbs",
    "/videos/v0.mp4/rename",
    "/search",
    "/searches",
    "/folders",
    "/report",
    "/tags/export",
    "/tags/import",
    "/tags/summary",
    "/tasks",
    "/config",
    "/jobs",
    "/jobs/1",
    "/openapi.json",
    "/web/index.html",
    "/phash/duplicates",
    "/faces/listing",
)
PARAMETERS = ("directory", "q", "sort", "offset", "limit", "text", "ext", "prefix", "recursive")
METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND")
ESCAPES = (
    *("../outside/a.mp4", "..%2foutside%2fa.mp4", "%2e%2e/%2e%2e/etc/passwd", "..\\outside\\a.mp4"),
    *("....//outside/a.mp4", "..%252foutside%252fa.mp4", "%c0%ae%c0%ae/outside/a.mp4"),
    *("/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "link/a.mp4", "sub/../../outside/a.mp4"),
    *("link.mp4", "v0.mp4%00.jpg", "%00", "%0d%0aX-Odd:1", "file:///etc/passwd", "."),
    *("%ef%bc%8e%ef%bc%8e/outside", "e%cc%81.mp4", "%c3%a9.mp4", "%ff%fe.mp4", "%ed%a0%80.mp4"),
    *("v0.mp4/", "V0.MP4", "v0.mp4%20", "a" * 300, "a/" * 2000, "%f0%9f%8e%ac" * 500, "..", "%"),
)
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1e308, 10**30, 2**63, "", "x", "\0", "\ud800", "é" * 500),
    *(
        "x" * 900_000,
        [],
        {},
        [[]],
        [None],
        {"a": {"b": []}},
        ["x"] * 2000,
        "../outside/a",
        "tag\nline",
    ),
)
FIELDS = (
    *("add", "remove", "replace", "performers_add", "to", "dry_run", "token", "task", "params"),
    *("directory", "force", "recursive", "videos", "mode", "action", "name"),
)
HOSTS = (
    *("localhost", "127.0.0.1", "[::1]", "evil.example", "localhost.evil.example", ""),
    *("localhost:", "localhost:99999999", "local\xe9host", "a" * 4000, "[::1", "LOCALHOST"),
)
ORIGINS = ("null", "http://evil.example", "http://localhost", "https://127.0.0.1:1", "\xff", "://")
SITES = ("cross-site", "same-site", "same-origin", "none", "", "Cross-Site", "\xe9")


def request(kind: str, rng: random.Random) -> bytes:
    """One request of a kind of REQUESTS."""
    return REQUESTS[kind](rng)


def build(
    target: str,
    headers: Headers | None = None,
    method: str = "GET",
    body: bytes = b"",
) -> bytes:
    lines = [("Host", "localhost"), ("Connection", "close")]
    lines = [line for line in lines if line[0] not in dict(headers or [])] + (headers or [])
    if body:
        lines += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + body


def text(rng: random.Random) -> str:
    """Text of any characters, mostly short."""
    length = rng.choice((0, 1, 3, 20, 200, 3000))
    alphabets = (string.printable, string.ascii_letters, "\0\r\n\t '\"%/\\..", "éß日🎬\u202e\ufeff")
    return "".join(rng.choices(rng.choice(alphabets), k=length))


def of_paths(rng: random.Random) -> bytes:
    escape = rng.choice(ESCAPES) if rng.random() < 0.7 else urllib.parse.quote(text(rng))
    target = rng.choice(
        (
            f"/videos/{escape}{rng.choice(('', '/stream', '/tags', '/metadata', '/artifacts'))}",
            f"/web/{escape}",
            f"/{escape}",
            f"/videos?directory={escape}",
            f"/videos/v0.mp4/stream?directory={escape}",
            f"/videos/v0.mp4/files/thumbs/{escape}",
            f"http://localhost/videos/{escape}/stream",
        )
    )
    return build(target)


def of_queries(rng: random.Random) -> bytes:
    pairs = [(rng.choice(PARAMETERS), text(rng)) for _ in range(rng.randint(1, 4))]
    return build(f"{rng.choice(ROUTES)}?{urllib.parse.urlencode(pairs)}"[:60_000])


def of_methods(rng: random.Random) -> bytes:
    return build(rng.choice(ROUTES), method=rng.choice(METHODS))


def of_hosts(rng: random.Random) -> bytes:
    headers = [("Host", rng.choice(HOSTS))]
    if rng.random() < 0.1:
        headers.append(("Host", rng.choice(HOSTS)))
    return build(rng.choice(ROUTES), headers)


def of_origins(rng: random.Random) -> bytes:
    headers = [("Origin", rng.choice(ORIGINS)), ("Sec-Fetch-Site", rng.choice(SITES))]
    headers = rng.sample(headers, rng.randint(1, 2))
    body = b'{"add": ["from another site"]}'
    return build("/videos/v0.mp4/tags", headers, rng.choice(("POST", "GET")), body)


def of_headers(rng: random.Random) -> bytes:
    """Odd, many and long headers, and those by which two servers may be made to disagree."""
    value = text(rng)[:50].replace("\r", "").replace("\n", "")
    odd: list[Headers] = [
        [(f"X-{number}", value) for number in range(rng.choice((20, 2000)))],
        [("X-Long", "x" * rng.choice((8_000, 60_000, 70_000)))],
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        [("Content-Length", "1"), ("Content-Length", "2")],
        [("Transfer-Encoding", rng.choice(("chunked", "gzip, chunked", "xchunked", " chunked")))],
        [("Content-Length", rng.choice(("-1", "+5", "0x5", "1e3", "\xb2", "9" * 40, "5, 5")))],
        [("Expect", "100-continue"), ("Content-Length", "3")],
        [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "x")],
        [("If-None-Match", value)],
        [("If-Modified-Since", rng.choice(("x", "Fri, 99 Foo 99999 99:99:99 GMT", "0")))],
        [("Last-Event-ID", rng.choice(("-1", "9" * 30, "\xb2", "x"))), ("Accept", "*/*;q=x")],
        [("Cookie", "session=" + "a;" * rng.randint(1, 5000)), ("X-Forwarded-For", "::1")],
        [(" Odd", "x"), ("Odd ", "x"), ("O\x00dd", "y")],
    ]
    return build(rng.choice(ROUTES), rng.choice(odd), rng.choice(("GET", "POST")))


def of_ranges(rng: random.Random) -> bytes:
    number = rng.choice((0, 1, 5, 10**6, 10**18, 10**40))
    ranges = (
        *("bytes={0}-", "bytes=-{0}", "bytes={0}-{0}", "bytes=5-{0}", "bytes=0-0,{0}-,-1"),
        *("bytes=a-b", "items=0-5", "bytes=--", "bytes=\xb2-", "bytes=" + "0-," * 2000),
    )
    headers = [("Range", rng.choice(ranges).format(number)), ("If-Range", rng.choice(("x", '"x"')))]
    return build("/videos/v0.mp4/stream", headers[: rng.randint(1, 2)])


def of_bodies(rng: random.Random) -> bytes:
    routes = [route for route in ROUTES if route.endswith(("tags", "rename", "import", "jobs"))]
    target, method = rng.choice([*routes, "/session"]), rng.choice(("POST", "PATCH"))
    fields = {rng.choice(FIELDS): rng.choice(VALUES) for _ in range(rng.randint(0, 5))}
    fields |= {"dry_run": True} if "to" in fields else {}  # the video stays where it is
    bodies: tuple[Callable[[], bytes], ...] = (
        lambda: json.dumps(fields).encode(),
        lambda: b"[" * rng.choice((10, 5_000, 500_000)),
        lambda: b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        lambda: json.dumps({f"key {number}": 0 for number in range(30_000)}).encode(),
        lambda: json.dumps(rng.choice(VALUES)).encode(),
        lambda: rng.randbytes(rng.choice((1, 100, 100_000))),
        lambda: b"x" * (2 << 20),
        lambda: b'{"add": ["\xff\xfe"]}',
        lambda: b'{"add": [1e999, NaN]}',
    )
    body = rng.choice(bodies)()
    if rng.random() < 0.3:
        return chunked(target, method, body, rng)
    return build(target, None, method, body)


def chunked(target: str, method: str, body: bytes, rng: random.Random) -> bytes:
    """The body in chunks, whose sizes may lie."""
    headers = [("Transfer-Encoding", "chunked"), ("Content-Type", "application/json")]
    size = rng.choice((b"%x" % len(body), b"%x" % len(body), b"-1", b"zz", b"f" * 40, b"0"))
    return build(target, headers, method) + size + b"\r\n" + body + b"\r\n0\r\n\r\n"


def of_tokens(rng: random.Random) -> bytes:
    token = rng.choice(
        ("", "x", "s\xe9cret", "secret ", "SECRET", "x" * 60_000, "\xff" * 9, "s" * 6)
    )
    scheme = rng.choice(("Bearer", "bearer", "Basic", "", "Bearer Bearer"))
    headers = [rng.choice((("Authorization", f"{scheme} {token}"), ("Cookie", f"session={token}")))]
    if rng.random() < 0.2:
        body = json.dumps({"token": rng.choice(("wrong", "é" * 300, 5, None))}).encode()
        return build("/session", None, "POST", body)
    return build(rng.choice(ROUTES[3:]), headers)


def of_bytes(rng: random.Random) -> bytes:
    """What is hardly HTTP: a request with bytes of it changed, left out or said again."""
    content = bytearray(request(rng.choice(list(REQUESTS)[:-1]), rng)[:5000])
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(content))
        content[place : place + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        content = content or bytearray(b"\n")
    return bytes(content)


REQUESTS: dict[str, Callable[[random.Random], bytes]] = {
    "paths": of_paths,
    "queries": of_queries,
    "methods": of_methods,
    "hosts": of_hosts,
    "origins": of_origins,
    "headers": of_headers,
    "ranges": of_ranges,
    "bodies": of_bodies,
    "tokens": of_tokens,
    "bytes": of_bytes,
}
