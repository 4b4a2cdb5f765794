"""Packets as libav gives them: when they are shown, and what is raised where a file is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from videolib.media.probing import disposition_json
from videolib.media.streams import is_cover

if TYPE_CHECKING:
    from av.container import InputContainer

MOST_FAILURES = 2000  # in a row of reading on, after which a file counts as ended


def damage_errors() -> tuple[type[Exception], ...]:
    """What libav and PyAV raise where a file is damaged."""
    import av

    return (av.FFmpegError, OSError, ValueError, IndexError)


def timestamp_of(packet: Any) -> int | None:
    """A packet's presentation timestamp, or its decoding timestamp where it has no other."""
    stamp: int | None = packet.pts if packet.pts is not None else packet.dts
    return stamp


def packet_end(packet: Any) -> float | None:
    """When a packet ends, in seconds on its container's own clock; None: it has no timestamp."""
    stamp = timestamp_of(packet)
    if stamp is None:
        return None
    return float(stamp + (packet.duration or 0)) * float(packet.time_base or 0)


def played_streams(container: InputContainer) -> list[Any]:
    """The streams of pictures and sound, without covers."""
    streams = (*container.streams.video, *container.streams.audio)
    return [s for s in streams if not is_cover({"disposition": disposition_json(s.disposition)})]


def demux_played(container: InputContainer) -> Iterator[Any]:
    """The packets with data of all played streams, see `demux`."""
    return (packet for packet in demux(container, *played_streams(container)) if packet.size)


def demux(
    container: InputContainer, *streams: Any, on_damage: Callable[[], None] = lambda: None
) -> Iterator[Any]:
    """Packets of these streams (none: of all) from where the container is, to the end.

    `on_damage` is called for each damaged place. libav is asked again after a failure, and may get
    over it, such as a hole in MPEG-TS of which it skips 64 kB at a time.
    """
    failures = 0  # since the last packet
    while failures < MOST_FAILURES:
        try:
            for packet in container.demux(*streams):
                failures = 0
                yield packet
            return
        except IndexError:
            return  # the end: PyAV has nothing to flush a stream with that appeared on the way
        except damage_errors():
            if not failures:
                on_damage()
            failures += 1
