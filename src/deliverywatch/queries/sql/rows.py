"""A query that the grammar has -> whether its first row is always the same one, or any of several.

Rows without ORDER BY come in any order. At most one row have an aggregate of everything, a SELECT without FROM, and
what selects from nothing but such queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from deliverywatch.queries.sql.tokens import END, Kind, Token, tokens

_BRACKETS = "()"
_QUERIES = ("SELECT", "WITH", "VALUES", "TABLE")
_SET_OPERATIONS = ("UNION", "INTERSECT", "EXCEPT")
_AFTER_SOURCES = ("WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "OFFSET", "LIMIT", "FETCH")
# What may stand between a function and its window.
_BEFORE_WINDOW = ("FILTER", "IGNORE", "RESPECT", "NULLS", "WITHIN", "GROUP", _BRACKETS)
# trino.io/docs/current/functions/aggregate.html
_AGGREGATE_NAMES = """
    ANY_VALUE APPROX_DISTINCT APPROX_MOST_FREQUENT APPROX_PERCENTILE APPROX_SET ARBITRARY ARRAY_AGG AVG BITWISE_AND_AGG
    BITWISE_OR_AGG BOOL_AND BOOL_OR CHECKSUM CORR COUNT COUNT_IF COVAR_POP COVAR_SAMP ENTROPY EVERY GEOMETRIC_MEAN
    HISTOGRAM KURTOSIS LISTAGG MAP_AGG MAP_UNION MAX MAX_BY MERGE MIN MIN_BY MULTIMAP_AGG NUMERIC_HISTOGRAM
    QDIGEST_AGG REDUCE_AGG REGR_INTERCEPT REGR_SLOPE SKEWNESS STDDEV STDDEV_POP STDDEV_SAMP SUM TDIGEST_AGG VARIANCE
    VAR_POP VAR_SAMP
"""
_AGGREGATES = frozenset(_AGGREGATE_NAMES.split())


class _Piece(NamedTuple):
    """A token, or all that a pair of brackets holds."""

    text: str
    inside: Sequence[Token] = ()

    @property
    def is_query(self) -> bool:
        return self.text == _BRACKETS and _first_word(self.inside) in _QUERIES


def has_certain_first_row(sql: str) -> bool:
    """Return whether a query has an order, or at most one row."""
    return _is_certain(tokens(sql))


def _is_certain(query: Sequence[Token]) -> bool:
    body, one_row = _without_names(_pieces(query))
    if any(piece.text == "ORDER" for piece in body):
        return True
    if body and body[0].is_query and not any(piece.text in _SET_OPERATIONS for piece in body):
        return _is_certain(body[0].inside)
    return _is_one_row(body, one_row)


def _pieces(query: Sequence[Token]) -> list[_Piece]:
    pieces: list[_Piece] = []
    depth, begin = 0, 0
    for place, token in enumerate(query):
        closes = token.kind is Kind.SIGN and token.text == ")"
        depth -= closes
        if depth == 0 and closes:
            pieces.append(_Piece(_BRACKETS, query[begin:place]))
        elif depth == 0 and token.text != "(" and token.kind is not Kind.END:
            pieces.append(_Piece(token.text if token.kind is not Kind.TEXT else "''"))
        if token.kind is Kind.SIGN and token.text == "(":
            begin = place + 1 if depth == 0 else begin
            depth += 1
    return pieces


def _without_names(pieces: list[_Piece]) -> tuple[list[_Piece], Mapping[str, bool]]:
    """Return a query without its WITH, and which of the names in that have at most one row."""
    one_row: dict[str, bool] = {}
    begins = [place for place, piece in enumerate(pieces) if piece.text in _QUERIES] or [0]
    rest = pieces[0 if pieces and pieces[0].is_query else begins[0] :]
    if not rest or rest[0].text != "WITH":
        return rest, one_row
    while rest and rest[0].text in ("WITH", ","):
        rest = rest[2 if rest[1].text == "RECURSIVE" else 1 :]
        name, place = rest[0].text, next(place for place, piece in enumerate(rest) if piece.text == "AS") + 1
        one_row[name] = _is_one_row(*_with(rest[place].inside, one_row))
        rest = rest[place + 1 :]
    return rest, one_row


def _with(query: Sequence[Token], outer: Mapping[str, bool]) -> tuple[list[_Piece], Mapping[str, bool]]:
    body, inner = _without_names(_pieces(query))
    return body, {**outer, **inner}


def _is_one_row(body: list[_Piece], one_row: Mapping[str, bool]) -> bool:
    words = [piece.text for piece in body]
    if not body or any(word in _SET_OPERATIONS for word in words):
        return False
    if body[0].is_query:
        return _is_one_row(*_with(body[0].inside, one_row))
    if words[0] == "VALUES":
        return "," not in words
    if words[0] == "TABLE":
        return one_row.get(words[1], False)
    sources = _sources(body)
    is_aggregated = "GROUP" not in words and _is_aggregated(body)
    return is_aggregated or all(_is_one_source(source, one_row) for source in sources)


def _sources(body: list[_Piece]) -> list[list[_Piece]]:
    """Return what a SELECT reads, part by part; nothing if it has no FROM."""
    after = next(
        (
            place + 1
            for place in range(1, len(body))
            if body[place].text == "FROM" and body[place - 1].text != "DISTINCT"
        ),
        len(body),
    )
    parts: list[list[_Piece]] = [[]]
    for piece in takewhile(lambda piece: piece.text not in _AFTER_SOURCES, body[after:]):
        # A full join keeps the rows of both sides; any other has at most one row if both sides have.
        is_full = any(before.text == "FULL" for before in parts[-1])
        if piece.text in (",", "CROSS") or (piece.text == "JOIN" and not is_full):
            parts.append([])
        else:
            parts[-1].append(piece)
    return [part for part in parts if part]


def _is_one_source(source: list[_Piece], one_row: Mapping[str, bool]) -> bool:
    first, *others = [piece for piece in source if piece.text != "LATERAL"]
    is_joined = any(piece.text in ("JOIN", "MATCH_RECOGNIZE") for piece in source)
    is_qualified = any(piece.text == "." for piece in others[:1])
    if is_joined or is_qualified or any(piece.text == "UNNEST" for piece in (first, *others)):
        return False
    return _is_one_row(*_with(first.inside, one_row)) if first.is_query else one_row.get(first.text, False)


def _is_aggregated(pieces: Sequence[_Piece]) -> bool:
    """Return whether a function sums up all rows: an aggregate that is not over a window."""
    for place, piece in enumerate(pieces[:-1]):
        if piece.text in _AGGREGATES and pieces[place + 1].text == _BRACKETS:
            rest = [other for other in pieces[place + 1 :] if other.text not in _BEFORE_WINDOW]
            if not rest or rest[0].text != "OVER":
                return True
    return any(_is_aggregated(_pieces(piece.inside)) for piece in pieces if piece.inside and not piece.is_query)


def _first_word(query: Sequence[Token]) -> str:
    """Return the word that a query in any number of brackets begins with."""
    return next((token.text for token in query if token.text != "("), END.text)
