"""The server's TCP socket, and what answers at it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from videolib.core.errors import UsageError
from videolib.core.text import printable

if TYPE_CHECKING:
    import uvicorn

QUEUED = 4096  # connections, at most, that wait to be accepted


def listening_socket(host: str, port: int) -> socket.socket:
    """A TCP socket that listens at an address; port 0 is any free one.

    Raises UsageError where it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host.encode("idna")  # create_server leaves its socket open where this fails
        listening = socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot listen at {printable(host)}:{port}: {reason}") from None
    # asyncio sets this on sockets of its own only; without it an answer may wait 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def http_server(factory: str, grace: int) -> uvicorn.Server:
    """A server of the application that a factory, as MODULE:FUNCTION, makes now; when it ends,
    requests get so many seconds to end, too."""
    import uvicorn

    config = uvicorn.Config(
        factory,
        factory=True,
        log_level="warning",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=grace,
    )
    config.load()
    return uvicorn.Server(config)
