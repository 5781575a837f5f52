"""One behaviour of AWS, and how it is known."""

from dataclasses import dataclass
from enum import StrEnum


class Evidence(StrEnum):
    """How a behaviour is known."""

    DOCUMENTED = "documented"
    # Seen by others on real accounts, and written down.
    RECORDED = "recorded"
    # Concluded from what is documented and recorded; nobody has written down that it is so.
    BELIEVED = "believed"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour.

    Attributes:
        source: Where it is documented or recorded; of what is believed, what it is concluded from.
        code: The module that relies on it, under `src`.
        local: The module of the local cloud that behaves so; empty where MiniStack itself does.
        tests: What pins it, as `file::test` under `tests`.
    """

    name: str
    service: str
    says: str
    evidence: Evidence
    source: str
    code: str
    local: str
    tests: tuple[str, ...]
