"""Messages of libav, which PyAV drops unless they are asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Literal

Message = tuple[int, str, str]  # libav's level, the name of what says it, the text

LOCK = threading.Lock()  # the level is one for all threads


@contextlib.contextmanager
def libav_messages(
    level: Literal["ERROR", "INFO"], *, all_threads: bool = False
) -> Iterator[list[Message]]:
    """A list of what libav says in this thread, of this level and worse, until the block ends.

    What it says in other threads meanwhile is dropped, as at any other time; `all_threads`: it is
    in the list, too, as a decoder has threads of its own.
    """
    import av

    capture = av.logging.Capture(local=not all_threads)
    with LOCK, av.logging.Capture(local=False), capture as messages:
        # PyAV compares a message with the last one of all threads, and of files opened before.
        av.logging.set_skip_repeated(False)
        av.logging.set_level(getattr(av.logging, level))
        try:
            yield messages
        finally:
            av.logging.set_level(None)
