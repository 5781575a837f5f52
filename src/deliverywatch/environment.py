"""Environment variables of a function -> settings; one that is missing fails before anything is done, by its name."""

from collections.abc import Mapping

from deliverywatch.errors import ConfigurationError


def required(environ: Mapping[str, str], name: str) -> str:
    """Return a variable without the blanks around it; a missing or empty one raises ConfigurationError."""
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"The environment variable {name} is missing or empty.")
    return value
