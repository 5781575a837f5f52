"""Firehose's conversion is simulated as the real service was seen to behave."""

from typing import Any

import pytest
from email_world import DOCUMENTED, line

from deliverywatch.email.events.glue_types import parsed
from deliverywatch.email.firehose.conversion import Conversion, MalformedError


def conversion(name: str, kind: str, *, exact: bool = False) -> Conversion:
    return Conversion([(name, kind)], is_case_insensitive=not exact)


def one(kind: str, content: object, *, exact: bool = False) -> Any:
    (value,) = conversion("value", kind, exact=exact).row(line({"value": content}))
    return value


CONVERTED: list[tuple[str, object, object]] = [
    ("string", "text", "text"),
    ("string", None, None),
    ("string", 5, "5"),
    ("string", True, "true"),
    ("string", ["a", "b"], '["a","b"]'),
    ("string", {"Key": {"Inner": 1}}, '{"key":{"inner":1}}'),
    ("int", 5, 5),
    ("int", "5", 5),
    ("bigint", 2**62, 2**62),
    ("double", "1.5", 1.5),
    ("boolean", "TRUE", True),
    ("array<string>", ["a"], ["a"]),
    ("array<string>", "a", ["a"]),
    ("array<int>", "5", [5]),
    ("map<string,string>", {"MyTag": "x"}, [("mytag", "x")]),
    ("map<string,array<string>>", {"MyTag": ["x", "y"]}, [("mytag", ["x", "y"])]),
    ("map<string,array<string>>", {"MyTag": "x"}, [("mytag", ["x"])]),
    ("struct<messageid:string,size:int>", {"messageId": "m", "size": "3"}, {"messageid": "m", "size": 3}),
    ("struct<a:int,b:string>", [1, "x"], {"a": 1, "b": "x"}),
    ("struct<a:int,b:string>", {}, {"a": None, "b": None}),
    ("struct<a:int>", {"a": 1, "extra": 2}, {"a": 1}),
    ("timestamp", "2026-11-21T12:00:00Z", 1795262400000),
    ("timestamp", "2026-11-21T12:00:00.123Z", 1795262400123),
    ("timestamp", 1795262400, 1795262400000),
    ("timestamp", 1795262400123, 1795262400123),
]


@pytest.mark.parametrize(("kind", "content", "expected"), CONVERTED)
def test_a_value_becomes_what_firehose_makes_of_it(kind: str, content: object, expected: object) -> None:
    assert one(kind, content) == expected


REFUSED: list[tuple[str, object]] = [
    ("int", "five"),
    ("int", 2**31),
    ("int", {}),
    ("double", "x"),
    ("boolean", "yes"),
    ("map<string,string>", ["a"]),
    ("map<string,string>", "a"),
    ("struct<a:int>", "a"),
    ("timestamp", "2026-11-21T12:00:00+00:00"),
    ("timestamp", "yesterday"),
    ("array<int>", "x"),
]


@pytest.mark.parametrize(("kind", "content"), REFUSED)
def test_a_value_that_does_not_fit_fails_its_record(kind: str, content: object) -> None:
    with pytest.raises(MalformedError, match="does not match the schema"):
        one(kind, content)


@pytest.mark.parametrize("record", [b"nope", b"[]", b"1"])
def test_a_record_that_is_no_object_fails(record: bytes) -> None:
    with pytest.raises(MalformedError):
        conversion("value", "string").row(record)


def test_a_member_without_a_column_is_dropped_without_a_word() -> None:
    assert conversion("a", "int").row(line({"a": 1, "new": 2})) == [1]


def test_columns_are_found_in_any_case() -> None:
    assert conversion("eventtype", "string").row(line({"eventType": "Send"})) == ["Send"]


def test_with_exact_case_columns_are_found_only_as_written_and_keys_of_maps_keep_theirs() -> None:
    assert conversion("eventtype", "string", exact=True).row(line({"eventType": "Send"})) == [None]
    assert one("map<string,string>", {"MyTag": "x"}, exact=True) == [("MyTag", "x")]


# What a public sample of this design declares: tags as a struct with underscores, and no mapping.
TAGS_AS_STRUCT = "struct<tags:struct<ses_configurationset:array<string>>>"


def test_tags_in_a_struct_without_a_mapping_are_lost_and_in_a_map_they_are_not() -> None:
    event = next(each for each in DOCUMENTED if each["eventType"] == "Send")
    (as_struct,) = conversion("mail", TAGS_AS_STRUCT).row(line(event))
    assert as_struct == {"tags": {"ses_configurationset": None}}
    (as_map,) = conversion("mail", "struct<tags:map<string,array<string>>>").row(line(event))
    assert ("ses:configuration-set", ["ConfigSet"]) in as_map["tags"]


@pytest.mark.parametrize("words", ["text", "array<", "map<string>", "array<int>>", "struct<a>", "decimal"])
def test_a_type_that_glue_has_not_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"type|says|cut|goes on|inside"):
        parsed(words)
