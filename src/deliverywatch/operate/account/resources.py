"""One resource of a stack, and its kind in words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack; `name` is what it is called in the account."""

    id: str
    kind: str
    name: str


def kind_words(kind: str) -> str:
    """Return `AWS::Lambda::Function` as `Lambda Function`."""
    return kind.removeprefix("AWS::").replace("::", " ")
