"""Messages from a worker process, unpickled without running what they name.

A pickle may name any function, to be called while it is read. A worker whose decoder was taken over
could so have the program itself do what its own wall forbids it: see sandbox.py.
"""

from __future__ import annotations

import enum
import io
import pickle
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Packages whose classes may be named before they were imported here, and these alone.
PACKAGES = frozenset({"videolib", "index", "pebble", "av", "cv2", "numpy"})
PLAIN_TYPES = frozenset({"bytearray", "complex", "frozenset", "set"})
PEBBLE_MESSAGES = frozenset({"Acknowledgement", "Result", "TaskProblem", "TaskResult"})
REBUILD_EXCEPTION = "RemoteException.rebuild_exception"  # pebble's: adds a traceback to one
# What numpy names for an array, a scalar and their type.
ARRAY_PARTS = frozenset({"_frombuffer", "_reconstruct", "dtype", "ndarray", "scalar"})


class MessageUnpickler(pickle.Unpickler):
    """Unpickles plain values, named tuples, enumerations, exceptions, arrays and what pebble wraps
    around them. None of these does more when it is made than hold what it is given."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle names. Raises UnpicklingError where that may not be named."""
        if (module, name) == ("builtins", "getattr"):
            return enumeration_member
        package = module.partition(".")[0]
        if package in PACKAGES or module in sys.modules:
            named = super().find_class(module, name)
            if is_harmless(named, package, name):
                return named
        raise pickle.UnpicklingError(f"a worker sent {module}.{name}, which no result has in it")


def enumeration_member(enumeration: object, name: object) -> enum.Enum:
    """A member by its name. Python 3.11.0 to 3.11.3 pickle one as getattr(enumeration, name).
    Raises UnpicklingError for attributes of anything else."""
    if isinstance(enumeration, enum.EnumMeta) and isinstance(name, str):
        member = enumeration.__members__.get(name)
        if isinstance(member, enum.Enum):
            return member
    raise pickle.UnpicklingError(f"a worker sent an attribute {name!r}, which no result has in it")


def is_harmless(named: object, package: str, name: str) -> bool:
    """Whether what has that name in a package may be made, or called, by who wrote a pickle."""
    if package == "builtins" and name in PLAIN_TYPES:
        return True
    if package == "pebble" and name in {*PEBBLE_MESSAGES, REBUILD_EXCEPTION}:
        return True
    if package == "numpy" and name in ARRAY_PARTS:
        return True
    if not isinstance(named, type):
        return False
    is_named_tuple = issubclass(named, tuple) and hasattr(named, "_fields")
    return is_named_tuple or issubclass(named, enum.Enum | BaseException)


class UnreadableMessageError(OSError):
    """A worker sent what may not be unpickled."""


def receive(connection: Connection) -> Any:
    """The next object from a connection. Raises OSError."""
    content = connection.recv_bytes()
    try:
        return MessageUnpickler(io.BytesIO(content)).load()
    except Exception as error:
        raise UnreadableMessageError(str(error)) from error
