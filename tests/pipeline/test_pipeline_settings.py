"""What a team declares is read as a whole or refused with the reason, and a function without its settings raises."""

import contextlib
import copy
import importlib
import itertools
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.demo.pipeline_machine import definition
from deliverywatch.pipeline.declaration.histories import History
from deliverywatch.pipeline.declaration.limits import RANGES
from deliverywatch.pipeline.declaration.pipelines import Pipeline, Records, named, pipelines_of
from deliverywatch.pipeline.declaration.source import PLACEHOLDER, in_environment, lines_of, read, shared
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.settings import from_environment
from pipeline.pipeline_world import DECLARED

SHIPPED = Path(__file__).parents[2] / "cfn/pipelines.example.toml"
MACHINE_ARN = "arn:aws:states:us-east-1:111122223333:stateMachine:orders-etl"
ENVIRONMENT = {"DELIVERYWATCH_ENVIRONMENT": "prod", "DELIVERYWATCH_BUCKET": "lake"}


def declared(**changes: Any) -> dict[str, Any]:
    return {"pipeline": [copy.deepcopy(DECLARED["pipeline"][0]) | changes]}


def records(**changes: Any) -> dict[str, Any]:
    return declared(records=DECLARED["pipeline"][0]["records"] | changes)


def history(**changes: Any) -> dict[str, Any]:
    return declared(history=[DECLARED["pipeline"][0]["history"][0] | changes])


def two(**second: Any) -> dict[str, Any]:
    return {"pipeline": [*declared()["pipeline"], second]}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "declares no pipeline"),
        ({"pipelines": []}, r"pipelines is no field of the declaration; did you mean pipeline\?"),
        ({"pipeline": [declared()["pipeline"][0]] * 2}, "same name"),
        (declared(name="Sf User"), r'pipeline\[0\]\.name is "Sf User", and can be 1 to 31 lower-case letters'),
        (declared(state_machine=""), r'\.state_machine is "", and can be the name of a state machine'),
        (declared(artifacts="bucket/prefix"), "s3://bucket/prefix/"),
        (declared(data=["s3://Bucket/x"]), "s3://bucket/prefix/"),
        (declared(steps={"Ingest": "cellar"}), r'steps\.Ingest is "cellar", and can be orchestrator, .* or monitor'),
        (records(table="users; DROP TABLE users"), r"records\.table is .*, and can be the name of a table"),
        (records(loaded_at="loaded\nat"), "can be the name of a column"),
        (records(required=[""]), "can be the name of a column"),
        (history(key=[]), r"history\[0\]\.key is \[\], and can be"),
        (history(open_end="never"), "can be a time such as"),
        (history(is_current=None), r"is_current is missing, and can be"),
        (declared(histories=[]), r"histories is no field of \[\[pipeline\]\]; did you mean history\?"),
        (records(requird=["email"]), r"requird is no field of \[pipeline\.records\]; did you mean required\?"),
        (history(trackd=["plan"]), r"trackd is no field of \[\[pipeline\.history\]\]; did you mean tracked\?"),
        (declared(history={"table": "users_history"}), r"two brackets, as \[\[pipeline.history\]\]"),
        ({"pipeline": declared()["pipeline"][0]}, r"two brackets, as \[\[pipeline\]\]"),
        (
            declared(limits={"duration": 60}),
            r"duration is no field of \[pipeline\.limits\]; did you mean duration_seconds",
        ),
        (
            declared(limits={"duration_seconds": "long"}),
            r'limits\.duration_seconds is "long", and can be a whole number from 60 to 604800',
        ),
        (declared(limits={"stale_hours": -1}), "stale_hours is -1, and can be a number from 0 to 8760"),
        (declared(limits={"quality_percent": float("nan")}), "quality_percent is NaN"),
        (declared(limits={"quality_percent": 100.1}), "quality_percent is 100.1, and can be a number from 0 to 100"),
        (declared(limits={"duration_seconds": 10}), "duration_seconds is 10, and can be a whole number from 60 to"),
        (
            declared(limits={"missed_run_hours": 169}),
            "missed_run_hours is 169, and can be a whole number from 2 to 168",
        ),
        (declared(limits={"missed_run_hours": 6.5}), "missed_run_hours is 6.5, and can be a whole number"),
        (
            declared() | {"fault": [{"mach": ["x"], "why": "quota"}]},
            r"mach is no field of \[\[fault\]\]; did you mean match",
        ),
        (declared() | {"fault": [{"match": ["x"], "why": "quota", "retryable": "yes"}]}, r'retryable is "yes"'),
        (declared(limits=[1]), r"limits is \[1\], and can be a table, written as \[pipeline\.limits\]"),
        (declared(state_machine=MACHINE_ARN), 'no ARN, .*: here "orders-etl"'),
        (declared(state_machine=f"{MACHINE_ARN}:live"), 'no ARN, .*: here "orders-etl"'),
        (declared(state_machine="arn:aws:states"), "no ARN"),
        (declared(state_machine="orders *"), "state_machine is .* and can be the name of a state machine"),
        (declared(data=["s3://bucket/*/"]), "a folder in S3"),
        (declared(name="validate"), "which an alarm of the whole system is called"),
        (declared(database=""), r'records\.table is "users", without a database, and can be DATABASE\.users'),
        (history(key=["user_id", "user_id"]), 'key names "user_id" twice'),
        (
            declared(history=[DECLARED["pipeline"][0]["history"][0]] * 2),
            r"history\[1\]\.table is .*, which history\[0\] is",
        ),
        (
            declared(
                history=[
                    {**DECLARED["pipeline"][0]["history"][0], "table": name} for name in ("curated.h", "Curated.H")
                ]
            ),
            r'history\[1\]\.table is "Curated\.H", which history\[0\] is, and can be another',
        ),
        (history(key=["user_id", "USER_ID"]), 'key names "user_id" twice'),
        (history(valid_from="BEGIN", valid_to="begin"), 'valid_to is "begin" like valid_from'),
        (history(open_end="9999-13-45"), r'open_end is "9999-13-45", and can be a date at which no version ends'),
        (declared(steps={"": "ingest"}), r'steps\."" can be the name of a state, in 1 to 80 characters'),
        (declared(steps={"Run dbt": "load"}), r'steps\."Run dbt" is "load"'),
        (
            declared(limits={"missed_run_hours": 26, "no_success_hours": 25}),
            r"no_success_hours is 25, and can be 26 \(its missed_run_hours\) or more",
        ),
        (two(name="orders", state_machine="sf_user_pipeline"), r"pipeline\[0\] has the same state_machine"),
        (
            two(name="orders", state_machine="sf_user"),
            r"pipeline\[1\]\.state_machine is 'sf_user', which pipeline\[0\] is",
        ),
        (
            two(name="sf__user", state_machine="x"),
            r"pipeline\[1\]\.name is 'sf__user': pipeline\[0\] has the same name",
        ),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused_with_the_reason(document: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        pipelines_of(document)


def test_the_shipped_declaration_is_right_and_its_rules_too() -> None:
    document = read(SHIPPED.read_text(), SHIPPED.name).document
    (pipeline,) = pipelines_of(document)
    assert (pipeline.name, pipeline.histories[0].key, pipeline.limits.missed_run_hours) == ("sf_user", ("user_id",), 7)
    assert shipped().with_rules(document).faults == shipped().faults


MISTAKEN = """# Two of a kind.
[[pipeline]]
name = "orders"
state_machine = "x"
steps.Load = "cellar"

[pipeline.limits]
quality_percent = 101

[[pipeline]]
name = "bills"
state_machine = \"\"\"
arn\"\"\"
[[pipeline.history]]
table = "bills"
key = [
  "id",
]
valid_from = "begin"
valid_to = "end"
is_current = 7
"""


def test_every_mistake_of_a_file_is_named_at_once_with_its_line() -> None:
    source = read(MISTAKEN, "my.toml")
    with pytest.raises(ConfigurationError) as caught:
        pipelines_of(source.document, source)
    places = [line.partition(" ")[::2] for line in str(caught.value).splitlines()[1:]]
    assert [(place, rest.partition(" ")[0]) for place, rest in places] == [
        ("my.toml:5:", "pipeline[0].steps.Load"),
        ("my.toml:8:", "pipeline[0].limits.quality_percent"),
        ("my.toml:21:", "pipeline[1].history[0].is_current"),
        ("my.toml:15:", "pipeline[1].history[0].table"),
    ]


FIELDS = [one.name for kind in (Pipeline, Records, History) for one in fields(kind)]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=9) | st.datetimes()
)
VALUES = st.recursive(
    LEAVES | st.sampled_from(["orders", "s3://data/", "ingest"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*FIELDS, *RANGES, "history", "source"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_whatever_a_declaration_holds_is_used_or_refused_in_words(value: Any) -> None:
    for document in (value, {"pipeline": value}, {"pipeline": [value]}):
        with contextlib.suppress(ConfigurationError):
            pipelines_of(document)


@pytest.mark.parametrize(
    ("machine", "other"),
    [
        ("orders-${Environment}", "orders-prod"),
        ("orders-test1-${Environment}", "orders-${Environment}-test1"),
        ("${Environment}-orders-${Environment}", "eu-orders-eu"),
    ],
)
def test_pipelines_that_take_each_others_runs_in_one_environment_are_refused(machine: str, other: str) -> None:
    for first, second in ((machine, other), (other, machine)):
        with pytest.raises(ConfigurationError, match="has the same state_machine in an environment where it is"):
            pipelines_of({"pipeline": [{"name": "a", "state_machine": first}, {"name": "b", "state_machine": second}]})
    called = [{"name": "orders_prod", "state_machine": "x"}, {"name": "b", "state_machine": "orders_${Environment}"}]
    with pytest.raises(ConfigurationError, match="is called in an environment where it is 'orders_prod'"):
        pipelines_of({"pipeline": called})


@pytest.mark.parametrize("other", ["orders-Prod", "orders-eu-west", "orders-", "order-${Environment}"])
def test_names_that_no_environment_makes_the_same_may_stand_beside_each_other(other: str) -> None:
    machines = ["orders-${Environment}", other]
    declared = pipelines_of({"pipeline": [{"name": f"p{n}", "state_machine": one} for n, one in enumerate(machines)]})
    assert [one.name for one in declared] == ["p0", "p1"]


@given(st.lists(st.text("ab-", max_size=3), min_size=4, max_size=4))
def test_what_two_names_share_is_found_whatever_surrounds_the_environment(parts: list[str]) -> None:
    one, other = (f"{before}{PLACEHOLDER}{after}" for before, after in (parts[:2], parts[2:]))
    environments = ["".join(made) for length in (1, 2, 3) for made in itertools.product("ab", repeat=length)]
    made = [in_environment(one, name) for name in environments]
    same = [name for name, there in zip(environments, made, strict=True) if in_environment(other, name) == there]
    assert (shared(one, other) is None) == (not same)


def test_a_mistake_is_found_on_its_line_whatever_editor_wrote_the_file() -> None:
    for content in (MISTAKEN.encode("utf-8-sig"), MISTAKEN.replace("\n", "\r\n").encode(), "\ufeff" + MISTAKEN):
        source = read(content, "my.toml")
        with pytest.raises(ConfigurationError, match=r"my\.toml:8: pipeline\[0\]\.limits\.quality_percent"):
            pipelines_of(source.document, source)
    with pytest.raises(ConfigurationError, match=r"my\.toml is not TOML: it is not in UTF-8"):
        read(MISTAKEN.encode("utf-16"), "my.toml")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\n[[pipelines]]\nname='x'", "my.toml:2: pipelines"),
        ("[[pipeline]]\n[[pipeline.limits]]", "my.toml:2: pipeline"),
    ],
)
def test_a_list_that_is_none_is_found_where_it_begins(text: str, place: str) -> None:
    source = read(text, "my.toml")
    with pytest.raises(ConfigurationError, match=place.replace(".", r"\.")):
        pipelines_of(source.document, source)


@pytest.mark.parametrize("written", ["9999-12-31", "9999-12-31T00:00:00", "9999-12-31 00:00:00", "'9999-12-31'"])
def test_an_open_end_may_be_written_as_a_date_of_toml(written: str) -> None:
    source = read(MISTAKEN.replace("is_current = 7", f"open_end = {written}").replace("table = 1", "table = 'd.h'"), "")
    with pytest.raises(ConfigurationError) as caught:
        pipelines_of(source.document, source)
    assert "open_end" not in str(caught.value)


def test_a_file_that_is_no_toml_is_named_with_the_line() -> None:
    with pytest.raises(ConfigurationError, match=r"my\.toml is not TOML: .*line 2"):
        read("[[pipeline]]\nname = x\n", "my.toml")


@pytest.mark.parametrize("written", ['functions = ["a",', 'name = """x', "steps = { A = 'ingest'"])
def test_what_is_never_closed_is_named_with_the_line_on_which_it_begins(written: str) -> None:
    with pytest.raises(ConfigurationError, match=r"my\.toml is not TOML: .*line 4"):
        read(f"# A file.\n[[pipeline]]\nname = 'x' # y\n{written}\n", "my.toml")


@given(
    st.dictionaries(
        st.text("ab_", min_size=1, max_size=3),
        st.text(st.characters(categories=["L", "P", "Zs"]), max_size=9) | st.lists(st.integers()),
        min_size=1,
    )
)
def test_every_field_of_any_table_has_the_line_it_is_written_on(written: dict[str, Any]) -> None:
    rows = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in written.items()]
    lines = lines_of("\n".join(["[[pipeline]]", "", *rows]))
    assert [lines["pipeline", 0, name] for name in written] == list(range(3, 3 + len(written)))


PER_ENVIRONMENT: dict[str, Any] = {
    "name": "orders",
    "state_machine": "orders-${Environment}",
    "database": "curated_${Environment}",
    "artifacts": "s3://dbt-${Environment}/results/",
    "data": ["s3://lake-${Environment}/"],
    "functions": ["dbt-${Environment}"],
    "records": {"table": "raw_${Environment}.orders", "loaded_at": "at", "required": []},
}


def test_every_step_of_the_example_is_a_state_of_the_machine_that_the_demo_runs() -> None:
    (pipeline,) = pipelines_of(read(SHIPPED.read_text(), SHIPPED.name).document)
    assert pipeline.steps.keys() <= definition({"report": "r", "validate": "v"})["States"].keys()
    assert {pipeline.state_machine, *pipeline.functions} == {
        "sf-user-pipeline-${Environment}",
        "sf-user-dbt-runner-${Environment}",
    }
    assert pipeline.histories[0].tracked == ("Division", "Audit_Phase__c")


def test_names_and_folders_may_be_those_of_an_environment() -> None:
    for environment in ("dev", "staging", "prod"):
        (pipeline,) = pipelines_of(in_environment({"pipeline": [PER_ENVIRONMENT]}, environment))
        assert (pipeline.state_machine, pipeline.database) == (f"orders-{environment}", f"curated_{environment}")
        assert (pipeline.artifacts, pipeline.data) == (
            f"s3://dbt-{environment}/results/",
            (f"s3://lake-{environment}/",),
        )
        assert pipeline.records is not None
        assert pipeline.records.table == f"raw_{environment}.orders"


@pytest.mark.parametrize(
    "change", [{"name": "x${Environment}"}, {"state_machine": "orders-${Stage}"}, {"data": ["s3://${AWS::AccountId}/"]}]
)
def test_only_the_environment_is_filled_in_and_only_in_what_has_one(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        pipelines_of({"pipeline": [PER_ENVIRONMENT | change]})


def test_a_pipeline_is_found_by_its_name_or_its_state_machine() -> None:
    known = pipelines_of(declared())
    assert named("sf_user", known) is named("sf_user_pipeline", known)
    with pytest.raises(ConfigurationError, match="called 'x'"):
        named("x", known)


def test_the_limits_of_the_stack_stand_above_those_of_the_declaration() -> None:
    limits = {"DELIVERYWATCH_LIMITS": '{"sf_user": {"minimum_records": "7", "stale_hours": ".5"}}'}
    (pipeline,) = from_environment(ENVIRONMENT | limits, SHIPPED).pipelines
    assert (pipeline.limits.minimum_records_count, pipeline.limits.stale_hours) == (7, 0.5)
    assert pipeline.limits.quality_percent == 95


@pytest.mark.parametrize(
    "text", ["[]", "x", '{"sf_user": {"stale_hours": "x"}}', '{"sf_user": {"quality_percent": "101"}}']
)
def test_limits_that_no_stack_has_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DELIVERYWATCH_LIMITS"):
        from_environment(ENVIRONMENT | {"DELIVERYWATCH_LIMITS": text}, SHIPPED)


@pytest.mark.parametrize("missing", sorted(ENVIRONMENT))
def test_a_variable_that_is_missing_is_named(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        from_environment({name: value for name, value in ENVIRONMENT.items() if name != missing}, SHIPPED)


@pytest.mark.parametrize("verb", ["publish", "report", "validate"])
def test_a_handler_without_its_declaration_raises(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    handler = importlib.import_module(f"deliverywatch.pipeline.handle_{verb}").handler
    with pytest.raises(ConfigurationError, match=r"no pipelines\.toml"):
        handler({}, None)
