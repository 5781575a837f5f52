"""The table of errors in the README against the code: every kind of error has its row, and says what the code says."""

import ast
import re
from functools import cache
from pathlib import Path

from deliverywatch import errors

ROOT = Path(__file__).parents[1]
CLASSES = {
    name: made
    for name, made in vars(errors).items()
    if isinstance(made, type) and issubclass(made, errors.DeliveryWatchError)
}
_ROW = re.compile(r"^\| (`[a-z0-9-]+`(?:, `[a-z0-9-]+`)*) \| (`[^|]+`) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


@cache
def sources() -> str:
    """Everything that the code says, with what it fills in left out."""
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "src").rglob("*.py"))]
    words = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(word for word in words if isinstance(word, str))


def kinds() -> set[str]:
    """Every kind that an error is raised with."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            # Adapters are handed the class, as `kind`.
            if name in {*CLASSES, "kind"} and isinstance(node, ast.Call):
                named = [each.value for each in node.keywords if each.arg == "kind"]
                found |= {each.value for each in named if isinstance(each, ast.Constant)}
                found |= {CLASSES[name].kind} if name in CLASSES and not named else set()
    return found


def rows() -> list[tuple[str, ...]]:
    text = (
        (ROOT / "src/deliverywatch/operate/README.md")
        .read_text()
        .partition("## When something fails")[2]
        .partition("\n## ")[0]
    )
    return _ROW.findall(text)


def test_every_kind_of_error_has_its_row_and_every_row_its_error() -> None:
    told = [word for words, *_ in rows() for word in re.findall(r"`([a-z0-9-]+)`", words)]
    assert sorted(told) == sorted(kinds())


def test_what_an_error_is_said_to_say_stands_in_the_code() -> None:
    # botocore's own words.
    foreign = {"The config profile"}
    parts = {
        part.strip(" .")
        for _, says, *_ in rows()
        for text in re.findall(r"`([^`]+)`", says)
        for part in text.split("…")
    }
    unknown = {part for part in parts if len(part) > 3 and part not in foreign | {"could not be found"}}
    assert unknown == {part for part in unknown if part in sources()}


def test_every_row_names_why_and_what_next() -> None:
    assert len(rows()) > 30
    assert all(why.strip() and after.strip() for _, _, why, after in rows())
