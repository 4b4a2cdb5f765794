"""How many files and connections a process may have open."""

from __future__ import annotations

import contextlib
import resource

RESERVED_DESCRIPTORS = 256  # for workers, catalogues, pipes and whatever else the program opens
LARGEST_LIMIT = 65_536  # descriptors: with millions, some programs that it starts become slow
MOST_CONNECTIONS = 512  # of a server: each may hold 320 kB of an answer in memory


def raise_descriptor_limit(wanted: int = LARGEST_LIMIT) -> None:
    """Raise this process's limit of open files to `wanted`, as far as is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with contextlib.suppress(ValueError):  # macOS may allow less than its hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def connection_limit() -> int:
    """How many connections a server should have, by the descriptors that this process may have.

    Each takes one for itself and one for a file that it is sent; the rest is for what requests open
    beside that.
    """
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(8, min(MOST_CONNECTIONS, (descriptors - RESERVED_DESCRIPTORS) // 5))
