"""How many files and connections a process may have open."""

from __future__ import annotations

import contextlib
import resource

RESERVED_DESCRIPTORS = 256  # for workers, catalogues, pipes and whatever else the program opens
LARGEST_LIMIT = 65_536  # descriptors: with millions, some programs that it starts become slow
MOST_CONNECTIONS = 512  # of a server: each may hold 320 kB of an answer in memory
MOST_VISITORS = 4096  # connections that have asked for nothing yet: each is a socket and no more


def raise_descriptor_limit(wanted: int = LARGEST_LIMIT) -> None:
    """Raise this process's limit of open files to `wanted`, as far as is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with contextlib.suppress(ValueError):  # macOS may allow less than its hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def connection_limit() -> int:
    """How many connections a server should have whose requests have come, by the descriptors that
    this process may have. Each takes one for itself and one for a file that it is sent."""
    return max(8, min(MOST_CONNECTIONS, spare_descriptors() // 5))


def visitor_limit() -> int:
    """How many it should have besides whose requests have not come yet."""
    return max(8, min(MOST_VISITORS, spare_descriptors() * 2 // 5))


def spare_descriptors() -> int:
    """How many files this process may have open beside those that it needs anyway."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return LARGEST_LIMIT
    return descriptors - RESERVED_DESCRIPTORS
