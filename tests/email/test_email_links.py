"""Pages of links and links by which people unsubscribe: known parameters and configured beginnings, the same in SQL."""

import re

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from deliverywatch.athena_duckdb import translated
from deliverywatch.email.events.links import TRACKING_PARAMETERS, LinkRules, is_unsubscribe_sql, listed, page_sql

RULES = LinkRules(("u", "customer-id"), ("https://example.com/unsubscribe", "example.org/x?leave="))


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("https://www.youtube.com/watch?v=AAA", None),
        ("https://blog.example.com/?p=12&lang=de#end", None),
        ("https://example.com/a?next=utm_source", None),
        ("https://example.com/a?utm_source=x&utm_medium=y", "https://example.com/a"),
        ("https://example.com/a?utm_source=x&v=1&fbclid=z&w=2#top", "https://example.com/a?v=1&w=2#top"),
        ("https://example.com/a?v=1&UTM_Campaign=z#/b", "https://example.com/a?v=1#/b"),
        ("https://example.com/a?mc_eid=1#top", "https://example.com/a#top"),
        ("https://example.com/a?u=7&v=1&customer-id=8", "https://example.com/a?v=1"),
        ("https://example.com/a?utm_source=x&amp;v=1&amp;utm_medium=y&amp;w=2", "https://example.com/a?v=1&amp;w=2"),
    ],
)
def test_a_page_is_a_link_without_what_only_tracks(link: str, page: str | None) -> None:
    assert RULES.page(link) == (page or link)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://example.com/unsubscribe", True),
        ("http://EXAMPLE.com/unsubscribe?t=x", True),
        ("https://example.com/unsubscribe/7", True),
        ("https://example.com/unsubscribe-guide", False),
        ("https://example.com/how-to-unsubscribe-from-anything", False),
        ("https://other.example.com/unsubscribe", False),
        ("https://example.org/x?leave=7", True),
    ],
)
def test_a_link_unsubscribes_if_the_sender_says_so(link: str, expected: bool) -> None:
    assert RULES.is_unsubscribe(link) is expected
    assert not LinkRules().is_unsubscribe(link)


PARTS = [
    *(
        "https://",
        "http://",
        "example.com",
        "example.org",
        "/",
        "unsubscribe",
        "/x",
        "leave",
        "?",
        "&",
        "#",
        "=",
        "v=1",
    ),
    *("u=7", "customer-id", "utm_source=a", "UTM_X", "fbclid=", "mc_eid", "watch", "%20", "a", "&amp;"),
]
LINKS = some.lists(some.sampled_from(PARTS), max_size=9).map("".join)


@settings(max_examples=40)
@given(links=some.lists(LINKS, min_size=1, max_size=60), is_configured=some.booleans())
def test_sql_and_python_agree_on_every_link(links: list[str], is_configured: bool) -> None:
    rules = RULES if is_configured else LinkRules()
    own, beginnings = ",".join(rules.tracking_parameters), ",".join(rules.unsubscribe_links)
    assert LinkRules(listed(own), listed(beginnings)) == rules
    clicks = pa.table({"link": links})
    with duckdb.connect() as lake:
        lake.register("clicks", clicks)
        sql = translated(f"SELECT {page_sql(own)}, {is_unsubscribe_sql(beginnings)} FROM clicks")
        assert lake.execute(sql).fetchall() == [(rules.page(link), rules.is_unsubscribe(link)) for link in links]


def test_every_parameter_is_a_name_in_lower_case() -> None:
    names = [name for names in TRACKING_PARAMETERS.values() for name in names]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+(\[a-z_\]\+)?", name) for name in names)
