"""Who asks ClickSend: apart from the client, so that a function which asks nothing ships none."""

import string
from dataclasses import dataclass, field

# Blanks, a byte order mark, and blanks of no width.
_INVISIBLE = string.whitespace + "\ufeff\u200b\u00a0"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user name and API key of a ClickSend user; its repr does not show the key.

    Blanks and line ends are no part of a key: wherever it comes from, it was pasted.
    """

    username: str
    api_key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Strip what pasting leaves."""
        object.__setattr__(self, "username", self.username.strip(_INVISIBLE))
        object.__setattr__(self, "api_key", "".join(self.api_key.split()).strip(_INVISIBLE))
