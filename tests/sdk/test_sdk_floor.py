"""The SDK that is not ours: every call of every function works with the oldest botocore that Lambda may hold."""

import ast
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

import sdk_floor
from bundling.imports import closure
from deliverywatch import sdk
from deliverywatch.alerting import aws as alerting
from deliverywatch.errors import (
    CloudRefused,
    DeliveryWatchError,
    MetricsUnavailable,
    ServiceRefused,
    StoreConflict,
    StoreUnavailable,
)
from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.incidents.aws_incidents import MuteRules
from deliverywatch.queries import aws as queries
from deliverywatch.sdk import sendable
from deliverywatch.storage.s3 import Bucket

SOURCE = Path(__file__).parents[2] / "src"
NEWER, UNKNOWN = sdk_floor.newer(), sdk_floor.unknown_of_operations()
# What functions call although the floor lacks it, and how they do without.
MUTES = "the notifier mails as if nothing was muted, the digest says that it does not know"
WITHOUT = {
    "list_alarm_mute_rules": MUTES,
    "get_alarm_mute_rule": MUTES,
    "put_alarm_mute_rule": "the page of links says that it cannot mute, and with which command to",
    "delete_alarm_mute_rule": "an operator's verb only",
    "describe_events": "an operator's verb only",
    "IfMatch": "sent as a header",
    "IfNoneMatch": "sent as a header",
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    at_floor(monkeypatch)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        yield client


def at_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    sdk_floor.install(replace=monkeypatch.setattr)


def handlers() -> list[str]:
    return sorted(".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in SOURCE.rglob("handle_*.py"))


def calls(path: Path) -> set[str]:
    """Every name that a module calls, gives by keyword, or puts into a dictionary as a key."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Call):
            names |= {each.arg for each in node.keywords if each.arg}
            names |= {
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            }
        elif isinstance(node, ast.Dict):
            names |= {
                each.value for each in node.keys if isinstance(each, ast.Constant) and isinstance(each.value, str)
            }
    return names


def newer_in(path: Path) -> set[str]:
    """What a module calls or gives that the floor does not know of the operations it calls."""
    names = calls(path)
    return {name for operation in names & UNKNOWN.keys() for name in UNKNOWN[operation]} & names


@pytest.mark.parametrize("handler", handlers())
def test_a_function_calls_nothing_that_the_oldest_sdk_lacks_unless_it_can_do_without(handler: str) -> None:
    adapters = {path for path in closure(SOURCE, handler).values() if "aws" in path.stem or path.stem == "s3"}
    found = {name for path in adapters for name in newer_in(path)}
    assert found - set(WITHOUT) == set(), "newer than the floor: find a way without it, or raise sdk.FLOOR"


def test_the_list_covers_every_service_that_a_function_calls() -> None:
    files = {path for handler in handlers() for path in closure(SOURCE, handler).values()}
    named = {
        node.args[0].value
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("client")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert {str(name) for name in named} <= set(NEWER)


def test_the_models_are_without_what_is_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    at_floor(monkeypatch)
    model = boto3.client("s3", region_name="us-east-1").meta.service_model
    assert "IfNoneMatch" not in model.operation_model("PutObject").input_shape.members
    assert "RenameObject" not in model.operation_names


def test_conditions_hold_with_an_sdk_from_before_them(s3: Any) -> None:
    lake = Bucket("lake", s3)
    lake.write_if_unchanged("a", b"1", None)
    with pytest.raises(StoreConflict):
        lake.write_if_unchanged("a", b"2", None)
    stored = lake.read("a")
    assert stored
    lake.write_if_unchanged("a", b"3", stored.etag)
    with pytest.raises(StoreConflict):
        lake.write_if_unchanged("a", b"4", stored.etag)


def test_a_condition_goes_as_the_same_header_whatever_the_sdk(s3: Any) -> None:
    sent: list[Any] = []
    s3.meta.events.register("before-sign.s3.*", lambda request, **_: sent.append(dict(request.headers)))
    lake = queries.Lake("lake", s3)
    lake.write("athena-results/1.csv", b"a\n")
    lake.copy("s3://lake/athena-results/1.csv", "exports/1.csv", {"query": "q"})
    assert sent[-1]["If-None-Match"] == "*"
    stored = lake.read("exports/1.csv")
    assert stored
    lake.delete_if_unchanged("exports/1.csv", stored.etag)
    assert sent[-1]["If-Match"] == stored.etag


class OldCloud:
    def client(self, service: str, *_: Any) -> Any:
        return boto3.client(service, region_name="us-east-1")


def test_mute_rules_that_the_sdk_does_not_know_are_one_sentence_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    at_floor(monkeypatch)
    with pytest.raises(CloudRefused, match=r"too old: .*list_alarm_mute_rules") as of_digest:
        MuteRules(OldCloud()).names(["ACTIVE"])  # type: ignore[arg-type]
    with pytest.raises(MetricsUnavailable, match="too old") as of_notifier:
        alerting.CloudWatch().is_muted(["deliverywatch-prod-sms-warning"])
    assert {of_digest.value.kind, of_notifier.value.kind} == {"sdk"}


REFUSALS: dict[str, Callable[[Any], Any]] = {
    "a parameter": lambda client: client.list_metrics(Unheard=1),
    "an operation": lambda client: client.list_unheard_of(),
    "its pages": lambda client: client.get_paginator("list_unheard_of"),
    "pages of an operation without": lambda client: client.get_paginator("put_dashboard"),
    "a waiter": lambda client: client.get_waiter("unheard_of"),
    "a service": lambda _: boto3.client("unheard-of", region_name="us-east-1"),
}
ADAPTERS: dict[str, Callable[[], Any]] = {
    "operate": lambda: translated("The alarms"),
    "storage": lambda: importlib.import_module("deliverywatch.storage.s3").translated("key"),
    "queries": lambda: queries.translated("The schedule"),
    "alerting": lambda: alerting._translated(MetricsUnavailable, "CloudWatch did not"),
    "pipeline": lambda: importlib.import_module("deliverywatch.pipeline.aws")._translated("Athena", "a check"),
    "files": lambda: importlib.import_module("deliverywatch.files.aws")._translated("table"),
}


@pytest.mark.parametrize("what", REFUSALS)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_what_the_sdk_does_not_know_is_never_an_outage_of_aws(adapter: str, what: str) -> None:
    client = boto3.client("cloudwatch", region_name="us-east-1")
    with pytest.raises(DeliveryWatchError) as raised, ADAPTERS[adapter]():
        REFUSALS[what](client)
    assert raised.value.kind == "sdk"
    assert str(raised.value).startswith("The AWS SDK here is too old: ")
    assert "put-runtime-management-config" in raised.value.next_step


def test_a_value_that_the_sdk_refuses_is_not_its_age() -> None:
    client = boto3.client("cloudwatch", region_name="us-east-1")
    with pytest.raises(ServiceRefused, match="Invalid type for parameter Namespace") as raised, queries.translated("x"):
        client.list_metrics(Namespace=1)
    assert raised.value.kind == "request"


def test_an_attribute_error_of_our_own_stays_what_it_is() -> None:
    nothing: Any = None
    with pytest.raises(AttributeError), sendable(StoreUnavailable):
        nothing.unheard_of()


def test_every_place_that_takes_an_error_of_botocore_first_asks_whether_the_request_was_sent() -> None:
    without = set()
    for path in SOURCE.rglob("*.py"):
        if "local" in path.parts or "cwalarm" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            if any(_is_unasked(node) for node in ast.walk(function)):
                without.add(f"{path.relative_to(SOURCE)}:{function.name}")
    # What SES certainly did not take is sent again; everything else is raised as it is.
    assert without == {"deliverywatch/alerting/aws.py:_sent"}


def _is_unasked(node: ast.AST) -> bool:
    if not isinstance(node, ast.Try) or not any(_is_of_botocore(handler) for handler in node.handlers):
        return False
    body = "".join(map(ast.unparse, node.body))
    return "sendable(" not in body and "ranslated(" not in body


def _is_of_botocore(handler: ast.ExceptHandler) -> bool:
    named = ast.unparse(handler.type) if handler.type else ""
    return any(word in named for word in ("BotoCoreError", "_FAILURES", "_FAILED"))


@pytest.mark.parametrize(
    ("version", "below"), [("1.34.144", True), ("1.34.145", False), ("1.9.42", True), ("1.43.106", False)]
)
def test_versions_are_compared_as_numbers(version: str, below: bool) -> None:
    assert sdk.is_below_floor(version) is below
