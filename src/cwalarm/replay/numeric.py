"""NumPy, imported where a replay needs it: CloudWatch's rules themselves and the local cloud do without."""

from importlib import import_module
from typing import Any

from cwalarm.errors import ConfigurationError

# An array of NumPy; it is not typed here, because most installations do not have it.
Floats = Any
Flags = Any


def numpy() -> Any:
    """Return the module, or raise ConfigurationError if it is not installed."""
    try:
        return import_module("numpy")
    except ImportError as error:
        raise ConfigurationError(
            "Replaying months of minutes needs NumPy, which is not installed.",
            next_step="Run `pip install numpy`, or install the wheel with what it needs.",
        ) from error
