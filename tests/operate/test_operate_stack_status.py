"""Every status that CloudFormation has for a stack: what deploy, destroy, doctor and status do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account import aws
from deliverywatch.operate.account.deployment import Deployment
from deliverywatch.operate.account.resources import Resource
from deliverywatch.operate.account.stack_status import Phase, phase
from deliverywatch.operate.deploy import deploy, destroy
from deliverywatch.operate.deploy.cloudformation import Event, Following, Refusal, Stack
from deliverywatch.operate.doctor import checks_stack

if TYPE_CHECKING:
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.deploy.aws_storage import KeptBuckets

NAME = "deliverywatch-prod"
# What deploy does; what the verbs that need a whole stack say; what doctor finds.
STATUSES: dict[str, tuple[str, str, str]] = {
    "CREATE_IN_PROGRESS": ("waits", "unfinished-stack", "warning"),
    "CREATE_FAILED": ("makes it anew", "unfinished-stack", "failed"),
    "CREATE_COMPLETE": ("updates it", "", "ok"),
    "ROLLBACK_IN_PROGRESS": ("waits", "unfinished-stack", "warning"),
    "ROLLBACK_FAILED": ("makes it anew", "unfinished-stack", "failed"),
    "ROLLBACK_COMPLETE": ("makes it anew", "unfinished-stack", "failed"),
    "DELETE_IN_PROGRESS": ("waits", "", "warning"),
    "DELETE_FAILED": ("Run 'deliverywatch destroy --stack deliverywatch-prod'", "", "failed"),
    "DELETE_COMPLETE": ("makes it anew", "", "failed"),
    "UPDATE_IN_PROGRESS": ("waits", "", "warning"),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": ("waits", "", "warning"),
    "UPDATE_COMPLETE": ("updates it", "", "ok"),
    "UPDATE_FAILED": ("aws cloudformation rollback-stack", "", "failed"),
    "UPDATE_ROLLBACK_IN_PROGRESS": ("waits", "", "warning"),
    "UPDATE_ROLLBACK_FAILED": ("aws cloudformation continue-update-rollback", "", "failed"),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": ("waits", "", "warning"),
    "UPDATE_ROLLBACK_COMPLETE": ("updates it", "", "ok"),
    "REVIEW_IN_PROGRESS": ("makes it anew", "unfinished-stack", "failed"),
    "IMPORT_IN_PROGRESS": ("waits", "", "warning"),
    "IMPORT_COMPLETE": ("updates it", "", "ok"),
    "IMPORT_ROLLBACK_IN_PROGRESS": ("waits", "", "warning"),
    "IMPORT_ROLLBACK_FAILED": ("aws cloudformation continue-update-rollback", "", "failed"),
    "IMPORT_ROLLBACK_COMPLETE": ("updates it", "", "ok"),
}


@dataclass
class Account:
    """CloudFormation with one stack, which takes the next status whenever somebody waits."""

    statuses: list[str]
    calls: list[str] = field(default_factory=list)

    def find(self, _name: str) -> Stack:
        return Stack(NAME, "arn:aws:cloudformation:us-east-1:111122223333:stack/deliverywatch-prod/1", self.statuses[0])

    def events(self, _stack_id: str, _after: str | None) -> list[Event]:
        return []

    def newest_event(self, _stack_id: str) -> str:
        return "newest"

    def delete(self, _stack_id: str) -> None:
        self.calls.append("delete")

    def resources(self, _stack_id: str) -> list[Resource]:
        return [] if self.statuses[0] == "REVIEW_IN_PROGRESS" else [Resource("Lake", "AWS::S3::Bucket", "lake")]

    def kept(self, _name: str) -> set[str]:
        assert self.statuses[0] != "REVIEW_IN_PROGRESS", "a stack that was never carried out has no template"
        return {"Lake"}

    def last_deleted(self, _name: str) -> str:
        return "deleted"

    def skipped(self, _stack_id: str) -> list[Resource]:
        return []

    def held(self, _bucket: str) -> None:
        """As a bucket that is gone."""

    def following(self) -> Following:
        def pause() -> None:
            self.calls.append("pause")
            self.statuses.pop(0)

        return Following(lambda _: None, pause, self.calls.append, lambda: datetime.now(UTC))


def formation(account: Account) -> CloudFormation:
    return account  # type: ignore[return-value]


def test_the_table_has_every_status_of_the_api() -> None:
    client = boto3.client("cloudformation", region_name="us-east-1")
    assert set(STATUSES) == set(client.meta.service_model.shape_for("StackStatus").enum)


@pytest.mark.parametrize("status", STATUSES)
def test_deploy_waits_goes_on_or_says_what_to_do_first(status: str) -> None:
    wanted, account = STATUSES[status][0], Account([status, "UPDATE_COMPLETE"])

    def settled() -> Stack | None:
        return deploy.settled(formation(account), NAME, account.following(), may_wait=True)

    if wanted in ("waits", "updates it"):
        assert settled() == account.find(NAME)
        assert phase(account.statuses[0]) is Phase.STANDING
        assert account.calls[1:] == (["pause"] if wanted == "waits" else [])
    elif wanted == "makes it anew":
        stack = settled()
        assert stack is None or stack.phase in (Phase.EMPTY, Phase.STILLBORN)
    else:
        with pytest.raises(CloudRefused) as refused:
            settled()
        assert refused.value.kind == "stuck-stack"
        assert wanted in refused.value.next_step


@pytest.mark.parametrize("status", STATUSES)
def test_nothing_waits_where_nothing_is_to_be_changed(status: str) -> None:
    account = Account([status])
    try:
        deploy.settled(formation(account), NAME, account.following(), may_wait=False)
    except CloudRefused as refused:
        assert refused.kind == "stuck-stack"
    storage: KeptBuckets = account  # type: ignore[assignment]
    destroy.plan(formation(account), storage, NAME, "us-east-1", account.following(), may_wait=False)
    assert account.calls == []


@pytest.mark.parametrize("status", STATUSES)
def test_destroy_deletes_a_stack_in_any_status_once_it_stands_still(status: str) -> None:
    after = "DELETE_COMPLETE" if status == "DELETE_IN_PROGRESS" else "UPDATE_COMPLETE"
    account = Account([status, after])
    storage: KeptBuckets = account  # type: ignore[assignment]
    removal = destroy.plan(formation(account), storage, NAME, "us-east-1", account.following(), may_wait=True)
    assert (removal.stack is None) == (account.statuses[0] == "DELETE_COMPLETE")
    assert ("pause" in account.calls) == (phase(status) is Phase.MOVING)


@pytest.mark.parametrize("status", STATUSES)
def test_a_stack_that_was_never_deployed_as_a_whole_is_not_asked(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    described = {
        "StackName": NAME,
        "StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/deliverywatch-prod/1",
        "StackStatus": status,
        "Parameters": [{"ParameterKey": "Environment", "ParameterValue": "prod"}],
    }
    monkeypatch.setattr(aws, "described", lambda *_: described)
    find: Callable[[], Deployment] = lambda: aws.find(Any, NAME)  # type: ignore[arg-type] # noqa: E731
    if kind := STATUSES[status][1]:
        with pytest.raises(CloudRefused, match=status) as refused:
            find()
        assert (refused.value.kind, "deliverywatch deploy" in refused.value.next_step) == (kind, True)
    else:
        assert find().status == status


@pytest.mark.parametrize("status", STATUSES)
def test_doctor_says_how_the_stack_is_and_what_brings_it_back(status: str) -> None:
    deployment = Deployment(NAME, "prod", "us-east-1", "111122223333", status, "1")
    check = checks_stack.stack(deployment, "1")
    assert check.verdict == STATUSES[status][2]
    assert check.verdict == "ok" or status in check.finding
    assert check.verdict == "ok" or "deliverywatch" in check.fix


def test_a_first_deployment_that_somebody_else_did_meanwhile_is_not_overwritten() -> None:
    seen = {"gone": None, "empty": Account(["REVIEW_IN_PROGRESS"]).find(NAME)}
    for before in seen.values():
        for status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_ROLLBACK_FAILED"):
            account = Account([status])
            with pytest.raises(CloudRefused, match="was faster") as refused:
                deploy.cleared(formation(account), NAME, before, account.following())
            assert (refused.value.kind, account.calls) == ("overtaken", [])


def test_what_is_left_of_a_first_deployment_is_deleted_before_the_next() -> None:
    account = Account(["ROLLBACK_COMPLETE"])
    seen = account.find(NAME)
    account.events = lambda *_: [  # type: ignore[method-assign]
        Event("1", None, NAME, "AWS::CloudFormation::Stack", "DELETE_IN_PROGRESS")  # type: ignore[arg-type]
    ]
    account.delete = lambda _: account.statuses.__setitem__(0, "DELETE_COMPLETE")  # type: ignore[method-assign]
    assert deploy.cleared(formation(account), NAME, seen, account.following()) is None


def test_what_only_describe_events_says_of_a_failed_change_is_asked_for() -> None:
    account = Account(["UPDATE_ROLLBACK_COMPLETE"])
    reason = "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues."
    failed = Event("1", datetime.now(UTC), NAME, "AWS::CloudFormation::Stack", "UPDATE_FAILED", reason)
    refusal = Refusal("Letters", "AWS::SQS::Queue", "/Resources/Letters/Properties/DelaySeconds", "not a number")
    account.events = lambda *_: [failed]  # type: ignore[method-assign]
    account.execute = lambda *_: None  # type: ignore[attr-defined]
    account.refusals = lambda **_: [refusal]  # type: ignore[attr-defined]
    with pytest.raises(CloudRefused, match=r"Letters \(SQS Queue\), property DelaySeconds: not a number\."):
        deploy.carry_out(formation(account), deploy.Plan(NAME, "id", is_new=False, changes=()), account.following())
