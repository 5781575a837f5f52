"""Regular expressions of the product, how each is used, and texts made of their own pieces that make bad ones slow."""

from __future__ import annotations

import ast
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

SRC = Path(__file__).parents[1] / "src"

# Each scans a text in its own way; `search` stands for all that look for a match anywhere.
ANCHORED = {"match", "fullmatch"}
METHODS = ANCHORED | {"search", "sub", "subn", "split", "findall", "finditer"}


@dataclass(frozen=True, order=True)
class Expression:
    """A regular expression as it is used: anchored at the begin, in whole, or anywhere."""

    pattern: str
    flags: int
    method: str
    place: str


def expressions(root: Path = SRC) -> list[Expression]:
    """Return every regular expression that the code writes, once for each way in which it is used."""
    trees = {path: ast.parse(path.read_text()) for path in sorted(root.rglob("*.py"))}
    used = {(path, name, method) for path, tree in trees.items() for name, method in _uses(tree)}
    anywhere = {(name, method) for _, name, method in used}
    return sorted({one for path, tree in trees.items() for one in _of_file(path, tree, used, anywhere)})


def _uses(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names on which a method of a pattern is called or taken."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            name = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
            yield name, node.attr


def _of_file(path: Path, tree: ast.AST, used: set[Any], anywhere: set[Any]) -> Iterator[Expression]:
    names = {
        id(node.value): target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if getattr(node.func.value, "id", "") != "re" or node.func.attr not in METHODS | {"compile"}:
            continue
        pattern = _text(node.args[0]) if node.args else None
        if pattern is None:
            continue
        place, flags = f"{path.relative_to(SRC)}:{node.lineno}", _flags(node)
        methods = {node.func.attr}
        if node.func.attr == "compile":
            name = names.get(id(node), "")
            methods = {method for where, other, method in used if (where, other) == (path, name)}
            methods = methods or {method for other, method in anywhere if name and other == name} or {"search"}
        for method in methods:
            yield Expression(pattern, flags, method if method in ANCHORED else "search", place)


def _text(node: ast.AST) -> str | None:
    """Return a pattern as it is written, with a letter for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "a" for part in node.values)
    if isinstance(node, ast.BinOp):
        left, right = _text(node.left), _text(node.right)
        return left + right if left is not None and right is not None else None
    return None


def _flags(call: ast.Call) -> int:
    named = {
        each.attr
        for node in (*call.args[1:], *(each.value for each in call.keywords))
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and hasattr(re, each.attr)
    }
    return sum(int(getattr(re, name)) for name in named if isinstance(getattr(re, name), re.RegexFlag))


# What ends a text: with luck nothing that the pattern still takes, so that it goes back over all that it has taken.
ENDS = ("", "\x00", " ", "@", "!")
_MOST_PIECES = 24


def texts(pattern: str, flags: int, length: int) -> list[str]:
    """Return texts of a length that are made of what the pattern's parts match: repeated, led in, and broken off."""
    tree = parser.parse(pattern, flags)
    pieces = sorted({piece for piece in _pieces(tree) if piece}, key=lambda piece: (len(piece), piece))[:_MOST_PIECES]
    repeated = {*pieces, *(left + right for left in pieces[:4] for right in pieces[:4])}
    leads = sorted({_sample_of(tree[:index]) for index in range(1, len(tree))})[:4]
    made = [("", piece) for piece in repeated] + [(lead, piece) for lead in leads for piece in pieces[:12]]
    return [lead + piece * (length // len(piece)) + end for lead, piece in sorted(made) for end in ENDS]


def hostile(expression: Expression, length: int, count: int = 4, trial_length: int = 1_000) -> list[str]:
    """Return the texts that take longest, by a trial with short ones: of hundreds only these are worth a megabyte."""
    seconds = []
    for position, text in enumerate(texts(expression.pattern, expression.flags, trial_length)):
        began = time.process_time()
        use(expression, text)
        seconds.append((time.process_time() - began, position))
    slowest = [position for _, position in sorted(seconds, reverse=True)[:count]]
    long = texts(expression.pattern, expression.flags, length)
    return [long[position] for position in slowest]


def use(expression: Expression, text: str) -> None:
    """Apply an expression to a text as the code does."""
    compiled = re.compile(expression.pattern, expression.flags)
    if expression.method in ANCHORED:
        getattr(compiled, expression.method)(text)
    else:
        deque(compiled.finditer(text), maxlen=0)


def _sample_of(nodes: Any) -> str:
    return "".join(_sample(node) for node in nodes)


def _pieces(tree: Any) -> Iterator[str]:
    """Yield what each part matches, and what each sequence of parts begins with."""
    for index, node in enumerate(tree):
        yield _sample(node)
        yield _sample_of(tree[: index + 1])
        for inner in _inner(node):
            yield from _pieces(inner)


def _inner(node: Any) -> list[Any]:
    operation, value = node
    if operation in _REPEATS:
        return [value[2]]
    if operation is codes.SUBPATTERN:
        return [value[3]]
    if operation is codes.BRANCH:
        return list(value[1])
    if operation in {codes.ASSERT, codes.ASSERT_NOT}:
        return [value[1]]
    return [value] if operation is codes.ATOMIC_GROUP else []


def _sample(node: Any) -> str:
    """Return a short text that a node matches, as far as that is easily said."""
    operation, value = node
    samples = {
        codes.LITERAL: lambda: chr(value),
        codes.NOT_LITERAL: lambda: "b" if value == ord("a") else "a",
        codes.ANY: lambda: "a",
        codes.IN: lambda: _member(value),
        codes.BRANCH: lambda: _sample_of(value[1][0]),
        codes.SUBPATTERN: lambda: _sample_of(value[3]),
        **dict.fromkeys(_REPEATS, lambda: _sample_of(value[2]) * max(1, min(value[0], 8))),
    }
    return samples.get(operation, str)()


_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


def _member(members: Any) -> str:
    compiled = re.compile(_set(members))
    return next((letter for letter in "a0A -_.,()@'\"\t\n/" if compiled.match(letter)), _first(members))


def _set(members: Any) -> str:
    """Return a set as a pattern again: only what `_member` needs to test letters."""
    parts = []
    for operation, value in members:
        if operation is codes.NEGATE:
            parts.append("^")
        elif operation is codes.LITERAL:
            parts.append(re.escape(chr(value)))
        elif operation is codes.RANGE:
            parts.append(f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}")
        elif operation is codes.CATEGORY:
            parts.append(_CATEGORIES[value])
    return f"[{''.join(parts)}]"


def _first(members: Any) -> str:
    operation, value = members[0]
    return chr(value if operation is codes.LITERAL else value[0]) if operation in {codes.LITERAL, codes.RANGE} else "~"


_CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d", codes.CATEGORY_NOT_DIGIT: r"\D", codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S", codes.CATEGORY_WORD: r"\w", codes.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def main() -> None:
    """Try each expression with a megabyte of its worst texts; the last line of output names the one at work."""
    for expression in expressions():
        sys.stdout.write(f"{expression.place} {expression.method}\n")
        sys.stdout.flush()
        for text in hostile(expression, 1_000_000):
            use(expression, text)


if __name__ == "__main__":
    main()
