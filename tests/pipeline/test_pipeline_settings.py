"""What a team declares is read as a whole or refused with the reason, and a function without its settings raises."""

import copy
import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.declaration.pipelines import named, pipelines_of
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.settings import from_environment
from pipeline.pipeline_world import DECLARED

SHIPPED = Path(__file__).parents[2] / "cfn/pipelines.example.toml"
ENVIRONMENT = {"DELIVERYWATCH_ENVIRONMENT": "prod", "DELIVERYWATCH_BUCKET": "lake"}


def declared(**changes: Any) -> dict[str, Any]:
    return {"pipeline": [copy.deepcopy(DECLARED["pipeline"][0]) | changes]}


def records(**changes: Any) -> dict[str, Any]:
    return declared(records=DECLARED["pipeline"][0]["records"] | changes)


def history(**changes: Any) -> dict[str, Any]:
    return declared(history=[DECLARED["pipeline"][0]["history"][0] | changes])


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "declares no pipeline"),
        ({"pipeline": [declared()["pipeline"][0]] * 2}, "same name"),
        (declared(name="Sf User"), "'Sf User' is not"),
        (declared(state_machine=""), "no state_machine"),
        (declared(artifacts="bucket/prefix"), "s3://bucket/prefix/"),
        (declared(data=["s3://Bucket/x"]), "s3://bucket/prefix/"),
        (declared(steps={"Ingest": "cellar"}), "'cellar'"),
        (records(table="users; DROP TABLE users"), "not a name of a table"),
        (records(loaded_at="loaded at"), "not a plain name of a column"),
        (records(required=["email) OR (1=1"]), "not a plain name of a column"),
        (history(key=[]), "no key"),
        (history(open_end="never"), "not a time such as"),
        (history(is_current=None), "not a plain name of a column"),
        (declared(histories=[]), "'histories' is not a field of pipeline"),
        (records(requird=["email"]), "'requird' is not a field of records"),
        (history(trackd=["plan"]), "'trackd' is not a field of history"),
        (declared(history={"table": "users_history"}), r"two brackets, as \[\[history\]\]"),
        ({"pipeline": declared()["pipeline"][0]}, r"two brackets, as \[\[pipeline\]\]"),
        (declared(limits={"duration": 60}), "'duration' is not a field of limits"),
        (declared(limits={"duration_seconds": "long"}), "duration_seconds is 'long'"),
        (declared(limits={"stale_hours": -1}), "stale_hours is '-1'"),
        (declared(limits={"quality_percent": float("nan")}), "quality_percent is 'nan'"),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused_with_the_reason(document: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        pipelines_of(document)


def test_the_shipped_declaration_is_right_and_its_rules_too() -> None:
    document = tomllib.loads(SHIPPED.read_text())
    (pipeline,) = pipelines_of(document)
    assert (pipeline.name, pipeline.histories[0].key, pipeline.limits.missed_run_hours) == ("sf_user", ("user_id",), 7)
    assert shipped().with_rules(document).faults == shipped().faults


def test_a_pipeline_is_found_by_its_name_or_its_state_machine() -> None:
    known = pipelines_of(declared())
    assert named("sf_user", known) is named("sf_user_pipeline", known)
    with pytest.raises(ConfigurationError, match="called 'x'"):
        named("x", known)


def test_the_limits_of_the_stack_stand_above_those_of_the_declaration() -> None:
    limits = {"DELIVERYWATCH_LIMITS": '{"sf_user": {"minimum_records": 7, "stale_hours": 2}}'}
    (pipeline,) = from_environment(ENVIRONMENT | limits, SHIPPED).pipelines
    assert (pipeline.limits.minimum_records_count, pipeline.limits.stale_hours) == (7, 2)
    assert pipeline.limits.quality_percent == 95


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
