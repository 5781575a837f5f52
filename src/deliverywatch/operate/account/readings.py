"""Readings of which each stands alone: one that fails is named with the reason, and takes no other with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from deliverywatch.errors import DeliveryWatchError

log = logging.getLogger(__name__)

Value = TypeVar("Value")
Other = TypeVar("Other")


class Readings:
    """What was read, by parts; `unknown` says of each part that could not be read why."""

    def __init__(self) -> None:
        """Begin with nothing unknown."""
        self.unknown: dict[str, str] = {}

    def read(self, part: str, source: Callable[[], Value], otherwise: Other) -> Value | Other:
        """Return what a source returns; `otherwise` if it fails, however it does."""
        try:
            return source()
        except Exception as error:  # an odd answer fails as the code that reads it happens to
            self.unknown[part] = reason(error)
            return otherwise


def attempt(source: Callable[[], Value]) -> Value | Exception:
    """Return what a source returns, or what it ended with, for those who need it to say so."""
    try:
        return source()
    except Exception as error:
        return error


def known(value: Value | Exception) -> Value:
    """Return what was read, or raise what reading it ended with."""
    if isinstance(value, Exception):
        raise value
    return value


def reason(error: Exception) -> str:
    """Return in one sentence why something could not be read; an odd answer fails wherever it is first used."""
    if isinstance(error, DeliveryWatchError):
        return str(error)
    log.debug("an answer could not be read", exc_info=error)
    return f"AWS's answer could not be read ({type(error).__name__}: {error})."
