"""A statement -> what Athena says instead of running it: reserved words that are not quoted, keys that are not named.

docs.aws.amazon.com/athena/latest/ug/reserved-words.html
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from deliverywatch.queries.sql.parse import mismatch

_QUERIES = ("SELECT", "WITH", "VALUES", "USING")
_IN_QUERIES = frozenset(
    """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH
    CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END
    ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FIRST FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT
    INTERSECT INTO IS JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LAST LEFT LIKE
    LISTAGG LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP
    SELECT SKIP TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH
    """.split()  # noqa: SIM905 - it reads best so
)
_IN_DEFINITIONS = frozenset(
    """
    ALL ALTER AND ARRAY AS AUTHORIZATION BETWEEN BIGINT BINARY BOOLEAN BOTH BY CASE CASHE CAST CHAR COLUMN CONF
    CONSTRAINT COMMIT CREATE CROSS CUBE CURRENT CURRENT_DATE CURRENT_TIMESTAMP CURSOR DATABASE DATE DAYOFWEEK
    DECIMAL DELETE DESCRIBE DISTINCT DIV DOUBLE DROP ELSE END EXCHANGE EXISTS EXTENDED EXTERNAL EXTRACT FALSE
    FETCH FLOAT FLOOR FOLLOWING FOR FOREIGN FROM FULL FUNCTION GRANT GROUP GROUPING HAVING IF IMPORT IN INNER
    INSERT INT INTEGER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LESS LIKE LOCAL MACRO MAP MORE NONE NOT NULL
    NUMERIC OF ON ONLY OR ORDER OUT OUTER OVER PARTIALSCAN PARTITION PERCENT PRECEDING PRECISION PRESERVE
    PRIMARY PROCEDURE RANGE READS REDUCE REGEXP REFERENCES REVOKE RIGHT RLIKE ROLLBACK ROLLUP ROW ROWS SELECT
    SET SMALLINT START TABLE TABLESAMPLE THEN TIME TIMESTAMP TO TRANSFORM TRIGGER TRUE TRUNCATE UNBOUNDED UNION
    UNIQUEJOIN UPDATE USER USING UTC_TIMESTAMP VALUES VARCHAR VIEWS WHEN WHERE WINDOW WITH
    """.split()  # noqa: SIM905 - it reads best so
)


def unparsed(sql: str) -> str | None:
    """Return what Athena says of a query that Trino's grammar has not; statements of other kinds are not looked at."""
    begin = sql.lstrip("( \n").split(maxsplit=1)
    unread = mismatch(sql) if begin and begin[0].upper() in _QUERIES else None
    return f"line {unread.line}:{unread.column}: mismatched input '{unread.text or '<EOF>'}'" if unread else None


def reserved(tree: Any) -> str | None:
    """Return what Athena says of a word of its own that is a name in a parsed statement; none if there is none."""
    from sqlglot import exp  # only for this machine

    is_definition = isinstance(tree, exp.Create) and tree.kind == "TABLE" and tree.expression is None
    words = _IN_DEFINITIONS if is_definition else _IN_QUERIES
    for identifier in tree.find_all(exp.Identifier):
        if not identifier.quoted and identifier.name.upper() in words and "line" in identifier.meta:
            return _sentence(identifier, is_definition=is_definition)
    return None


def _sentence(identifier: Any, *, is_definition: bool) -> str:
    line, column = identifier.meta["line"], identifier.meta["col"] - len(identifier.name) + 1
    if is_definition:
        # Hive counts columns from 0.
        near = f"cannot recognize input near '{identifier.name}' in column name or constraint"
        return f"FAILED: ParseException line {line}:{column - 1} {near}"
    return f"line {line}:{column}: mismatched input '{identifier.name}'. Expecting: <identifier>"


def stale(view: str, sql: str, columns: Sequence[str]) -> Iterator[str]:
    """Yield what Athena says of a view whose query gives other columns than it was made with."""
    import sqlglot

    given = [name.lower() for name in sqlglot.parse_one(sql, read="athena").named_selects]
    if "*" not in given and given != [*columns]:
        differing = sorted(set(given) ^ set(columns))
        reason = f"columns {', '.join(differing)}" if differing else "the order of its columns"
        yield f"INVALID_VIEW: View '{view}' is stale or in invalid state: {reason}"


def unnamed_keys(tree: Any, keys: Collection[str]) -> Iterator[str]:
    """Yield what Athena says of injected keys that no condition of a parsed query sets to values."""
    from sqlglot import exp

    named = {
        condition.this.name.lower()
        for where in tree.find_all(exp.Where)
        for condition in where.find_all(exp.EQ, exp.In)
        if isinstance(condition.this, exp.Column) and not list(condition.find_all(exp.Select))
    }
    for key in keys:
        if key not in named:
            yield (
                f"CONSTRAINT_VIOLATION: Injected projected partition column {key} must have only (and at least one) "
                "equality conditions in the WHERE clause!"
            )
