"""The grammar of queries, held to verdicts of Trino's own parser.

`trino_verdicts.tsv` has one statement a line and what Trino 446's parser (io.trino.grammar.sql.SqlBaseParser of its
command line client, `singleStatement`) said of it. Parsers from PyPI were tried on the first 326 in 2026-11; each
took wrongly of those that Trino refuses, and refused wrongly of those that it takes: sqlglot 30.30.0 93 and 8 (athena),
92 and 8 (trino), sqlfluff 4.5.0 51 and 26 (athena), 27 and 50 (trino), polyglot-sql 0.13.4 92 and 5, sqloxide 0.61.1 70
and 25 (ansi); this one none but those below.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import InputError
from deliverywatch.queries.sql import parse
from deliverywatch.queries.sql.tokens import Token, tokens

QUERIES = Path(__file__).parents[2] / "cfn" / "queries"
VERDICTS = [line.split("\t") for line in (Path(__file__).parent / "trino_verdicts.tsv").read_text().splitlines()]
TAKEN = [sql for verdict, sql in VERDICTS if verdict == "takes"]
# Athena takes the semicolon; the others pass Trino's grammar, and not what it does with it: names in backticks or with
# a digit in front are refused, and there is no type `interval`.
OTHERWISE = {
    "SELECT 1;",
    "SELECT `a` FROM t",
    "SELECT * FROM `t`",
    "SELECT 1a FROM t",
    "SELECT a FROM 1t",
    "SELECT * FROM t WHERE ts > now() - INTERVAL '1 day'",
}


def is_taken(sql: str) -> bool:
    try:
        parse.check(sql)
    except InputError:
        return False
    return True


def test_queries_are_taken_and_refused_as_by_trinos_own_parser() -> None:
    assert len(VERDICTS) > 700
    assert {sql for verdict, sql in VERDICTS if is_taken(sql) != (verdict == "takes")} == OTHERWISE


@pytest.mark.parametrize("path", sorted(QUERIES.rglob("*.sql")), ids=lambda path: path.stem)
def test_our_own_saved_queries_are_taken(path: Path) -> None:
    parse.check(path.read_text(encoding="utf-8"))


@given(st.sampled_from(TAKEN), st.data())
def test_no_statement_breaks_the_parser(sql: str, data: st.DataObject) -> None:
    words = [token.text for token in tokens(sql)]
    place = data.draw(st.integers(0, len(words)))
    word = data.draw(st.sampled_from([*words, "?", "'", '"', "/*", "(", ")", ",", "\x00", "é", "{x}"]))
    is_taken(" ".join([*words[:place], word, *words[place:]]))


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    is_taken(text)
    is_taken(f"SELECT {text}")


class Counted(list[Token]):
    """Tokens that know how often one was looked at."""

    count = 0

    def __getitem__(self, place: Any) -> Any:
        self.count += 1
        return super().__getitem__(place)


@pytest.mark.parametrize(
    ("begin", "middle", "end"),
    [
        ("SELECT ", "(", ""),
        ("SELECT ", "((SELECT ", ")+1)"),
        ("SELECT * FROM ", "(SELECT * FROM (", "))"),
        ("SELECT CAST(a AS ", "array(", ")"),
        ("SELECT ", "a+", ""),
        ("SELECT ", "CASE WHEN a THEN ", " END"),
    ],
)
def test_brackets_in_brackets_are_not_read_again_and_again(
    begin: str, middle: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for number in (5, 10, 20):
        counted = Counted(tokens(begin + middle * number + "1" + end * number))
        monkeypatch.setattr(parse, "tokens", lambda _, counted=counted: counted)
        is_taken("")
        counts.append(counted.count)
    assert all(longer <= 5 * shorter for shorter, longer in pairwise(counts))
