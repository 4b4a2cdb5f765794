"""Parameters: values that a class declares as options, checked by a pydantic model made of them."""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.core.errors import ParameterError
from videolib.core.options import LARGEST_NUMBER, Option, names_path, need_path
from videolib.core.text import joined_names, printable, shortened, split_names

if TYPE_CHECKING:
    from pydantic import BaseModel


class Parameters:
    """Values of the options that the class declares, as attributes.

    They are checked by a pydantic model that is derived from the annotations and the rules of the
    options. A value of its option's own type, where that has no rules, needs no model: where there
    is nothing to check, pydantic is not imported, which takes half of a short run.
    """

    _hints: ClassVar[dict[str, Any]]
    _options: ClassVar[dict[str, Option]]

    def __init__(self, **values: Any) -> None:
        if not all(self._is_plain(name, value) for name, value in values.items()):
            values = self.check(values)
        for name, declared in self.options().items():
            setattr(self, declared.attribute, values.get(name, declared.default))

    @classmethod
    def options(cls) -> dict[str, Option]:
        """The parameters by name, those of base classes first."""
        if "_options" not in vars(cls):
            bodies = [vars(base).values() for base in reversed(cls.__mro__)]
            cls._options = {o.name: o for body in bodies for o in body if isinstance(o, Option)}
        return cls._options

    @classmethod
    def hints(cls) -> dict[str, Any]:
        """The types of the parameters."""
        if "_hints" not in vars(cls):
            cls._hints = typing.get_type_hints(cls)
        return {name: cls._hints[declared.attribute] for name, declared in cls.options().items()}

    @classmethod
    @functools.cache
    def placeholders(cls) -> dict[str, str]:
        """What stands for the values of the parameters in the help."""
        types = typing.get_type_hints(cls, include_extras=True)
        hints = cls.hints() | {n: types[n] for n in cls.hints() if n in types}
        return {name: o.placeholder(hints[name]) for name, o in cls.options().items()}

    @classmethod
    def _is_plain(cls, name: str, value: object) -> bool:
        """Whether a value needs no check: the default, or of its option's own type, which has no
        rules."""
        declared, hint = cls.options().get(name), cls.hints().get(name)
        if hint is Path:
            return isinstance(value, Path)
        if declared is None or value is declared.default:
            return declared is not None
        if hint == tuple[str, ...] and isinstance(value, tuple):
            return not declared.rules and all(isinstance(item, str) for item in value)
        return not declared.rules and type(value) is hint

    @classmethod
    @functools.cache
    def model(cls) -> type[BaseModel]:
        """The pydantic model of the parameters: what checks values and gives the JSON schema."""
        from pydantic import ConfigDict, Field, create_model

        fields: dict[str, Any] = {}
        for name, declared in cls.options().items():
            hint = cls.hints()[name]
            rules = bounds(declared, hint)
            value = Field(declared.default, description=declared.doc, **rules)
            fields[name] = checked_type(hint), value
        config = ConfigDict(extra="forbid", allow_inf_nan=False)
        return create_model(cls.__name__, __config__=config, __doc__=cls.__doc__, **fields)

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values converted and checked. Raises ParameterError that names every wrong one."""
        from pydantic import ValidationError

        try:
            return dict(cls.model().model_validate(dict(values)))
        except ValidationError as error:
            mistakes = [mistake(e, cls.placeholders()) for e in error.errors()]
            flags = {name: o.spelled for name, o in cls.options().items()}
            text = "; ".join(f"{flags.get(name, name + ':')} {what}" for name, what in mistakes)
            raise ParameterError(mistakes, text) from None


LONGEST_VALUE = 200  # columns of a wrong value that a message shows

# Pydantic's types of error -> what the value should be, where its own words are those of a parser.
EXPECTATIONS = {
    "bool_parsing": "should be true or false",
    "finite_number": "should be a finite number",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "int_from_float": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_parsing_size": "should be a whole number of fewer digits",
    "int_type": "should be a whole number",
    "string_type": "should be text",
    "tuple_type": "should be a list",
}


def checked_type(hint: Any) -> Any:
    """The type of an option's value with what comes before its check."""
    from pydantic import BeforeValidator

    if names_path(hint):
        hint = typing.Annotated[hint, BeforeValidator(need_path)]
    if typing.get_origin(hint) is tuple:
        hint = typing.Annotated[hint, BeforeValidator(split_text)]
    return hint


def split_text(value: object) -> object:
    """The names in a comma-separated text; any other value as it is."""
    return split_names(value) if isinstance(value, str) else value


def bounds(option: Option, hint: Any) -> dict[str, Any]:
    """The rules of an option, with the largest number that JSON can hold for an integer, and what
    its JSON schema has beside them."""
    is_integer = hint is int or set(typing.get_args(hint)) == {int, type(None)}
    largest = {"le": LARGEST_NUMBER} if is_integer else {}
    return largest | option.rules | {"json_schema_extra": option.complete_schema}


def mistake(error: Any, placeholders: Mapping[str, str]) -> tuple[str, str]:
    """The parameter that one of pydantic's errors is about, and what is wrong with its value.

    `placeholders` stand for the values of all parameters in the help.
    """
    name = str(error["loc"][0])
    if name not in placeholders:
        return name, "no such parameter"
    message = EXPECTATIONS.get(error["type"]) or error["msg"].replace("Input should", "should")
    if error["type"] == "string_pattern_mismatch":
        message = f"should be {placeholders[name]}"
    value = error["input"]
    text = joined_names(map(str, value)) if isinstance(value, list) else str(value)
    given = shortened(printable(text), LONGEST_VALUE) or "nothing"
    return name, f"{message.removeprefix('Value error, ')}; got {given}"
