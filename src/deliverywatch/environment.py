"""Environment variables of a function -> settings; one that is missing fails before anything is done, by its name."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeVar

from deliverywatch.errors import ConfigurationError

Limits = TypeVar("Limits")


def required(environ: Mapping[str, str], name: str) -> str:
    """Return a variable without the blanks around it; a missing or empty one raises ConfigurationError."""
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"The environment variable {name} is missing or empty.")
    return value


def limits(kind: type[Limits], values: Mapping[str, str], named: Callable[[str], str] = str.upper) -> Limits:
    """Return a dataclass of numbers, by the names that its fields have among the values; a missing one is its default.

    Raises:
        ConfigurationError: A value is not a number.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: _number(named(name), values[named(name)]) for name in names if named(name) in values})


def parameter_name(field: str) -> str:
    """Return the name of the template's parameter that chooses a limit: `minimum_total` -> `MinimumTotal`."""
    return "".join(word.capitalize() for word in field.split("_"))


def _number(name: str, value: str) -> float:
    try:
        read = float(value)
    except ValueError:
        raise ConfigurationError(f"{name} is {value!r}, which is not a number.") from None
    return int(read) if read.is_integer() else read
