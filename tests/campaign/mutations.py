"""Mutations of bytes: steps that can be written down, chosen by chance or by a file's structure.

A recipe is the steps by which one content became another. Places are taken modulo the content's
length, so a recipe can be applied to any content, and still does the same kind of harm to a film
that another version of ffmpeg has made.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from campaign.structure import Field, fields_of, repair_checksums


class Step(NamedTuple):
    """One change; what `length` and `argument` mean depends on the operation."""

    operation: str
    start: int
    length: int = 0
    argument: int | str = 0


Recipe = tuple[Step, ...]
Operation = Callable[[bytearray, int, Step], None]


def flip(content: bytearray, start: int, step: Step) -> None:
    """Turn one bit over: that of this number."""
    content[start] ^= 1 << (int(step.argument) % 8)


def write(content: bytearray, start: int, step: Step) -> None:
    """Put other bytes, in hexadecimal digits, in the place of as many."""
    new = bytes.fromhex(str(step.argument))
    content[start : start + len(new)] = new


def insert(content: bytearray, start: int, step: Step) -> None:
    """Put bytes, in hexadecimal digits, between others."""
    content[start:start] = bytes.fromhex(str(step.argument))


def clear(content: bytearray, start: int, step: Step) -> None:
    """Put zeros in the place of a piece."""
    content[start : start + step.length] = bytes(len(content[start : start + step.length]))


def noise(content: bytearray, start: int, step: Step) -> None:
    """Put chance, of this seed, in the place of a piece."""
    length = len(content[start : start + step.length])
    content[start : start + length] = random.Random(int(step.argument)).randbytes(length)


def remove(content: bytearray, start: int, step: Step) -> None:
    """Leave a piece out."""
    del content[start : start + step.length]


def cut(content: bytearray, start: int, step: Step) -> None:
    """End here."""
    del content[start:]


def repeat(content: bytearray, start: int, step: Step) -> None:
    """Put a piece again behind itself, so many times."""
    end = start + step.length
    content[end:end] = bytes(content[start:end]) * int(step.argument)


def swap(content: bytearray, start: int, step: Step) -> None:
    """Let a piece and the one of the same length at another place change places."""
    first, second = sorted((start, int(step.argument) % len(content)))
    length = min(step.length, second - first, len(content) - second)
    one, other = content[first : first + length], content[second : second + length]
    content[first : first + length], content[second : second + length] = other, one


def checksums(content: bytearray, start: int, step: Step) -> None:
    """Make checksums right again, without which a demuxer would not look at a lie."""
    content[:] = repair_checksums(bytes(content))


OPERATIONS: dict[str, Operation] = {
    operation.__name__: operation
    for operation in (flip, write, insert, clear, noise, remove, cut, repeat, swap, checksums)
}


def apply(content: bytes, recipe: Sequence[Step]) -> bytes:
    """The content after these steps."""
    changed = bytearray(content)
    for step in recipe:
        if changed:
            OPERATIONS[step.operation](changed, step.start % len(changed), step)
    return bytes(changed)


def lies(value: int, length: int, rng: random.Random) -> int:
    """Another number for a field of so many bytes: a limit, a neighbour, a multiple, chance."""
    bits = 8 * length
    numbers = [0, 1, (1 << bits) - 1, (1 << bits - 1) - 1, 1 << bits - 1, value + 1, value - 1]
    numbers += [value * 2, value // 2, value * 1000, value << 8, rng.getrandbits(bits)]
    return rng.choice(numbers) % (1 << bits)


def lie(content: bytes, field: Field, rng: random.Random) -> Step:
    """A field with another number."""
    value = int.from_bytes(content[field.start : field.start + field.length], field.order)
    new = lies(value, field.length, rng).to_bytes(field.length, field.order)
    return Step("write", field.start, argument=new.hex())


def step_by_chance(size: int, rng: random.Random) -> Step:
    """A change that knows nothing of the content."""
    operation = rng.choice([name for name in OPERATIONS if name not in ("write", "checksums")])
    start = rng.randrange(size)
    if operation == "insert":
        return Step(operation, start, argument=rng.randbytes(rng.choice((1, 4, 60))).hex())
    length = min(rng.choice((1, 4, 16, 188, 2000, size // 10, size // 3)), size)
    argument = {"flip": rng.randrange(8), "repeat": rng.choice((1, 1, 2, 30)), "cut": 0}
    return Step(operation, start, length, argument.get(operation, rng.randrange(size)))


def mutations(content: bytes, rng: random.Random) -> Recipe:
    """A few changes by chance, or of fields that say how large, how long, how many."""
    fields = fields_of(content)
    steps = []
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        if fields and rng.random() < 0.6:
            steps.append(lie(content, rng.choice(fields), rng))
        elif rng.random() < 0.1:
            steps += [Step("flip", rng.randrange(len(content)), argument=3) for _ in range(50)]
        else:
            steps.append(step_by_chance(len(content), rng))
    if rng.random() < 0.7:
        steps.append(Step("checksums", 0))
    return tuple(steps)


def name_of(recipe: Recipe) -> str:
    """A short name that differs from recipe to recipe."""
    return f"{zlib.crc32(repr(recipe).encode()):08x}"


def fewest_steps(recipe: Recipe, fails: Callable[[Recipe], bool], tries: int = 30) -> Recipe:
    """The recipe without the steps that its failure does not need, as far as tries go."""
    for step in recipe:
        shorter = tuple(other for other in recipe if other is not step)
        if not shorter or tries <= 0:
            break
        tries -= 1
        if fails(shorter):
            recipe = shorter
    return recipe
