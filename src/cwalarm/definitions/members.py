"""Members of a definition, as JSON or YAML hold them -> values of the type that CloudWatch wants.

Numbers and flags may be text, as CloudFormation allows. Whatever else does not fit is a ValueError that names the
member.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from cwalarm.definitions import scalars
from cwalarm.errors import InputError

_SHOWN_CHARACTERS = 60


class KnownToAccountOnly(ValueError):
    """A member has a value that no template says."""


@contextmanager
def reading(kind: str, name: str, noun: str = "definition") -> Iterator[None]:
    """Turn an InputError, and errors of Python's own, into an InputError that says whose definition it is."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{kind} {name} cannot be read: {error}", next_step=error.next_step) from error
    except KnownToAccountOnly as error:
        raise InputError(
            f"{kind} {name} cannot be read: {error}.",
            kind="unsupported",
            next_step=f"Leave it out with --without {name}.",
        ) from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        problem = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"{kind} {name} cannot be read: {problem}.",
            next_step=f"Correct the {noun}, or leave it out with --without {name}.",
        ) from error


def text(holder: Mapping[str, Any], name: str) -> str:
    """Return a member that must be there (else KeyError) and be text."""
    value = holder[name]
    if not isinstance(value, (str, int, float)):
        raise _misfit(name, value, "text")
    return str(scalars.of_value(value))


def optional_text(holder: Mapping[str, Any], name: str) -> str | None:
    """Return a member that may be missing, empty or null; then it is None."""
    return text(holder, name) if holder.get(name) not in (None, "") else None


def texts(holder: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of texts; one that is missing is empty."""
    return tuple(_items(holder, name, str, "a list of texts"))


def entries(holder: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of mappings; one that is missing is empty."""
    return _items(holder, name, dict, "a list of mappings")


def _items(holder: Mapping[str, Any], name: str, kind: type, wanted: str) -> Sequence[Any]:
    value = holder.get(name)
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, kind) for item in value):
        raise _misfit(name, value, wanted)
    return value


def mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a mapping; one that is missing is empty."""
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _misfit(name, value, "a mapping")
    return value


def number(holder: Mapping[str, Any], name: str) -> float:
    """Return a finite number."""
    value = holder[name]
    try:
        result = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise _misfit(name, value, "a finite number")
    return result


def whole(holder: Mapping[str, Any], name: str) -> int:
    """Return a whole number."""
    result = number(holder, name)
    if not result.is_integer():
        raise _misfit(name, holder[name], "a whole number")
    return int(result)


def optional_whole(holder: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number, or None where it is missing or null."""
    return None if holder.get(name) is None else whole(holder, name)


def flag(holder: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return true or false."""
    value = holder.get(name)
    if value is None:
        return default
    if str(value).lower() not in ("true", "false"):
        raise _misfit(name, value, "true or false")
    return str(value).lower() == "true"


def moment(holder: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time as boto3 (datetime), the wire (epoch seconds) or the AWS CLI (ISO 8601) gives it."""
    value = holder.get(name)
    if value is None or isinstance(value, datetime):
        return value
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise _misfit(name, value, "a time") from error


def _misfit(name: str, value: object, wanted: str) -> ValueError:
    if isinstance(value, scalars.Unknown) or (isinstance(value, str) and value.startswith("{{resolve:")):
        return KnownToAccountOnly(f"its {name} is {value}, which only the account knows")
    shown = repr(value)
    cut = shown if len(shown) <= _SHOWN_CHARACTERS else shown[: _SHOWN_CHARACTERS - 3] + "..."
    return ValueError(f"its {name} {cut} is not {wanted}")
