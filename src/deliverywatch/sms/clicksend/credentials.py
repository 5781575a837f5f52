"""Who asks ClickSend: apart from the client, so that a function which asks nothing ships none."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user name and API key of a ClickSend user; its repr does not show the key."""

    username: str
    api_key: str = field(repr=False)
