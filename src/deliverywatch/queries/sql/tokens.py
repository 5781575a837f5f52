"""A statement -> the words, signs, numbers and texts that Trino's lexer sees in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

# What is not closed goes on to the end of the statement.
_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*)|(?P<comment>/\*.*?(?:\*/|\Z))"
    r"|(?P<text>(?:[uU]&)?'(?:[^']|'')*(?:'|\Z))|(?P<quoted>\"(?:[^\"]|\"\")*(?:\"|\Z))"
    r"|(?P<number>(?:0[xXbBoO]\w+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)(?!\w))"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign><>|!=|<=|>=|\|\||->|=>|[=<>+\-*/%?;()\[\],.:{}^$|])|(?P<other>.)",
    re.ASCII | re.DOTALL,
)
# trino.io/docs/current/language/reserved.html
_RESERVED_WORDS = """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH
    CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP
    ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT
    INTO IS JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LEFT LIKE LISTAGG LOCALTIME
    LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN
    TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())


class Kind(StrEnum):
    """What a token is; OTHER is a character that Trino does not know outside of quotes, or what does not end."""

    SPACE = "space"
    COMMENT = "comment"
    TEXT = "text"
    QUOTED = "quoted"
    NUMBER = "number"
    WORD = "word"
    SIGN = "sign"
    OTHER = "other"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is read, a word in capitals, and where it begins."""

    kind: Kind
    text: str
    start: int

    @property
    def is_name(self) -> bool:
        """Whether it may name something."""
        return self.kind is Kind.QUOTED or (self.kind is Kind.WORD and self.text not in _RESERVED)


END = Token(Kind.END, "", 0)


def tokens(sql: str) -> list[Token]:
    """Return the tokens of a statement, comments left out, and its end."""
    every = [_token(match) for match in _TOKEN.finditer(sql)]
    return [one for one in every if one.kind not in (Kind.SPACE, Kind.COMMENT)] + [Token(Kind.END, "", len(sql))]


def shape(sql: str, words: Collection[str]) -> Iterator[str]:
    """Yield the tokens of a statement with the same text, number and name for all that are not among these words.

    It takes a tenth of the time of `tokens`.
    """
    for match in _TOKEN.finditer(sql):
        kind, text = str(match.lastgroup), match[0]
        word = text.upper() if kind == "word" else ""
        if not _is_closed(kind, text):
            yield _SHAPES["other"]
        elif word in words or word in _RESERVED:
            yield word
        elif kind not in ("space", "comment"):
            yield _SHAPES.get(kind, text)


_SHAPES = {"text": "''", "quoted": "x", "word": "x", "number": "1", "other": "#"}


def _token(match: re.Match[str]) -> Token:
    kind, text = Kind(match.lastgroup or ""), match[0]
    return Token(
        kind if _is_closed(kind, text) else Kind.OTHER, text.upper() if kind is Kind.WORD else text, match.start()
    )


def _is_closed(kind: str, text: str) -> bool:
    match kind:
        case "comment":
            return text.endswith("*/") and text != "/*/"
        case "text":
            return text.count("'") % 2 == 0
        case "quoted":
            return text.count('"') % 2 == 0
        case _:
            return True
