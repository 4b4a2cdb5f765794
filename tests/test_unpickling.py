"""Messages from workers: what a result is made of is read, whatever else is refused."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pytest

from videolib.core.runs import Status
from videolib.core.unpickling import MessageUnpickler


class Attribute:
    """Pickled as getattr(owner, name): Python 3.11.0 to 3.11.3 do so with enumerations."""

    def __init__(self, owner: object, name: str) -> None:
        self.call = getattr, (owner, name)

    def __reduce__(self) -> Any:
        return self.call


def read(message: object) -> Any:
    return MessageUnpickler(io.BytesIO(pickle.dumps(message))).load()


def test_members_of_enumerations() -> None:
    assert read([Status.MADE, Status.FAILED]) == [Status.MADE, Status.FAILED]
    assert read(Attribute(Status, "MADE")) is Status.MADE


@pytest.mark.parametrize(
    ("owner", "name"), [(Status, "__class__"), (Status, "mro"), (Exception, "mro"), (Path, "cwd")]
)
def test_no_other_attribute(owner: type, name: str) -> None:
    with pytest.raises(pickle.UnpicklingError):
        read(Attribute(owner, name))
