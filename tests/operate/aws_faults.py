"""What AWS answered once -> the same again at once, but for one operation that is taken away in one of its ways."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import boto3
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody

if TYPE_CHECKING:
    import pytest
    from click.testing import Result


class Fault(StrEnum):
    """How an operation is taken away."""

    DENIED = "denied"
    UNKNOWN = "unknown to the SDK"
    EMPTY = "an answer without members"
    ODD = "an answer whose members are of other types"
    UNREADABLE = "an answer that is no JSON or XML"
    TIME_OUT = "no answer"


def _odd(value: Any) -> Any:
    """Return a value in which everything but the outermost shape is something else."""
    if isinstance(value, dict):
        return {name: "odd" if isinstance(member, (dict, list)) else {"odd": 1} for name, member in value.items()}
    return value


class Recorder:
    """Every operation by name, with what it was answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real: Callable[..., Any] = BaseClient._make_api_call  # type: ignore[attr-defined]
        self._answers: dict[str, Any] = {}
        self.seen: dict[str, int] = {}
        self.taken: str | None = None
        self.fault = Fault.DENIED
        self._clients: dict[tuple[str, str | None], Any] = {}

        def call(client: Any, operation: str, request: dict[str, Any]) -> Any:
            return self._call(client, operation, request)

        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        make = boto3.Session.client

        def client(session: Any, service: str, region_name: str | None = None, **more: Any) -> Any:
            key = (service, region_name or session.region_name)
            if "endpoint_url" in more:  # the local cloud's own
                return make(session, service, region_name=region_name, **more)
            if key not in self._clients:  # making one takes longer than a verb does without it
                self._clients[key] = make(session, service, region_name=region_name, **more)
            return self._clients[key]

        monkeypatch.setattr(boto3.Session, "client", client)

    def operations(self) -> list[str]:
        """Return what was called since the last time, and forget it."""
        seen, self.seen = sorted(self.seen), {}
        return seen

    @contextmanager
    def without(self, operation: str, fault: Fault) -> Iterator[None]:
        self.taken, self.fault = operation, fault
        try:
            yield
        finally:
            self.taken = None

    def _call(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        name = f"{name_of(client)}:{operation}"
        self.seen[name] = self.seen.get(name, 0) + 1
        if name == self.taken:
            return self._faulty(client, operation, request)
        return self._answer(client, operation, request)

    def _faulty(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        match self.fault:
            case Fault.DENIED:
                message = (
                    f"User: arn:aws:sts::111122223333:assumed-role/reader/x is not authorized to perform: {operation}"
                )
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, operation)
            case Fault.UNKNOWN:
                return client.__getattr__(xform_name(operation))
            case Fault.UNREADABLE:
                raise ResponseParserError("Unable to parse response: not well-formed (invalid token)")
            case Fault.TIME_OUT:
                raise ReadTimeoutError(endpoint_url="https://aws.example.test")
        answer = self._answer(client, operation, request)
        kept = {"ResponseMetadata": answer.pop("ResponseMetadata", {})}
        return {**(_odd(answer) if self.fault is Fault.ODD else {}), **kept}

    def _answer(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        key = json.dumps([name_of(client), operation, request], sort_keys=True, default=_plain)
        if name_of(client) == "s3":  # what is written is there afterwards
            return self._real(client, operation, request)
        if key not in self._answers:
            self._answers[key] = self._asked(client, operation, request)
        answer = self._answers[key]
        if isinstance(answer, Exception):
            raise answer
        return _again(answer)

    def _asked(self, client: Any, operation: str, request: dict[str, Any]) -> Any:
        try:
            answer = self._real(client, operation, request)
        except ClientError as error:
            return error
        return {name: value.read() if hasattr(value, "read") else value for name, value in answer.items()}


def document(result: Result) -> Any:
    """Return what a verb printed, without what the clock changes."""
    printed = re.sub(r'"(age_seconds|open_seconds|at)": [^,]+', r'"\1": 0', result.stdout)
    return json.loads(printed) if printed.strip().startswith(("{", "[")) else printed


def asked(run: Callable[..., Result], answers: Recorder, arguments: list[str]) -> tuple[list[str], int, Any, list[str]]:
    """Return how a verb was called, as JSON if it can, how it ended, what it printed, and the operations it called."""
    answers.operations()
    result = run(*arguments, "--json")
    if "No such option" in result.stderr:
        result = run(*arguments)
    else:
        arguments = [*arguments, "--json"]
    return arguments, result.exit_code, document(result), answers.operations()


def assert_rest_is_there(
    undisturbed: tuple[Any, ...], run: Callable[..., Result], answers: Recorder, fault: Fault, needed: set[str]
) -> None:
    """Take each operation away: one sentence without those that are needed, and all members without the others."""
    arguments, code, whole, operations = undisturbed
    assert operations
    for operation in operations:
        with answers.without(operation, fault):
            result = run(*arguments)
        case = f"{operation} {fault}: {result.output[-400:]}"
        assert isinstance(result.exception, SystemExit | None), case
        assert "unexpected" not in result.output and "Traceback" not in result.output, case
        if operation in needed and result.exit_code in (1, 2):
            assert "\nError: " in f"\n{result.stderr}" and len(result.stderr.splitlines()) <= 8, case
        else:
            # A list of nothing is an answer: what is not there is no file.
            assert result.exit_code in ({code, 3, 5} if fault is Fault.EMPTY else {code, 5}), case
            assert set(whole) == set(document(result)) if isinstance(whole, Mapping) else result.output, case


def name_of(client: Any) -> str:
    return str(client.meta.service_model.service_name)


def _plain(value: Any) -> str:
    return "time" if isinstance(value, datetime) else repr(value)


def _again(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        name: StreamingBody(io.BytesIO(value), len(value)) if name in ("Body", "Payload") else copy.deepcopy(value)
        for name, value in answer.items()
    }
