"""`NAME=VALUE` on the command line, as often as it is given."""

from collections.abc import Sequence

from deliverywatch.errors import InputError


def pairs(texts: Sequence[str], example: str = "--set WarningThresholdPercent=5") -> dict[str, str]:
    """Return the values by their names.

    Raises:
        InputError: One is not of that form; the next step shows the example.
    """
    split = [text.partition("=") for text in texts]
    for text, (name, sign, _) in zip(texts, split, strict=True):
        if not name.strip() or not sign:
            raise InputError(f"'{text}' is not NAME=VALUE.", next_step=f"Write it like {example}.")
    return {name.strip(): value.strip() for name, _, value in split}
