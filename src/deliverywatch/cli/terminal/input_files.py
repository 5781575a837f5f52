"""A file that is named on the command line -> what it holds, or one sentence that says why it cannot be used."""

import json
from pathlib import Path
from typing import Any

from deliverywatch.errors import InputError


def read_bytes(path: Path, next_step: str | None = None) -> bytes:
    """Return what a file holds, or raise InputError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", next_step=next_step) from error


def read_json(path: Path, next_step: str | None = None) -> Any:
    """Return what a JSON file holds, or raise InputError."""
    try:
        return json.loads(read_bytes(path, next_step))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}.", next_step=next_step) from error
