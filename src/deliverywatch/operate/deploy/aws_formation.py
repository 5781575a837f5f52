"""CloudFormation over boto3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deliverywatch.errors import DeliveryWatchError, error_code
from deliverywatch.operate.account import aws
from deliverywatch.operate.account.aws import listed, translated
from deliverywatch.operate.account.resources import Resource
from deliverywatch.operate.deploy.cloudformation import ChangeSet, Event, Refusal, Stack, overtaken

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

# What CloudFormation answers to the second of two changes at once: its change set is gone, or the stack moves.
_OVERTAKEN_CODES = {"ChangeSetNotFound", "InvalidChangeSetStatus", "AlreadyExists", "OperationInProgress"}
_OVERTAKEN = re.compile(r"_IN_PROGRESS state|in status \w+_IN_PROGRESS|status of \[?OBSOLETE|already exists and cannot")
# The events of DescribeEvents that say why something is refused.
_REFUSING = ("VALIDATION_ERROR", "HOOK_INVOCATION_ERROR")


class CloudFormation:
    """CloudFormation of one account and region."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._client = cloud.client("cloudformation")

    def find(self, name_or_id: str) -> Stack | None:
        """Return a stack, or none; a deleted one is found by its id only."""
        stack = aws.described(self._cloud, name_or_id)
        return Stack(stack["StackName"], stack["StackId"], stack["StackStatus"]) if stack else None

    def newest_event(self, stack_id: str) -> str | None:
        """Return the id of the newest event: what comes after it is new."""
        with translated("The stack's events"):
            events = self._client.describe_stack_events(StackName=stack_id)["StackEvents"]
            return str(events[0]["EventId"]) if events else None

    def events(self, stack_id: str, after: str | None) -> list[Event]:
        """Return what happened after the event with this id, oldest first; of None, everything."""
        newest_first: list[Event] = []
        with translated("The stack's events"):
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
            for event in (event for page in pages for event in page["StackEvents"]):
                if event["EventId"] == after:
                    break
                newest_first.append(_event(event))
        return newest_first[::-1]

    def create(self, request: Mapping[str, Any]) -> str:
        """Create a change set and return its id."""
        with _first_come(request["StackName"]):
            return str(self._client.create_change_set(**request)["Id"])

    def change_set(self, change_set_id: str) -> ChangeSet:
        """Return a change set as it is now."""
        with translated("The change set"):
            pages = list(self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set_id))
            changes = [change for page in pages for change in page.get("Changes", ())]
            return ChangeSet(change_set_id, pages[0]["Status"], pages[0].get("StatusReason", ""), changes)

    def refusals(self, **of: str) -> list[Refusal] | None:
        """Return what the validation of a change set or a stack finds; none if CloudFormation cannot be asked.

        A change set is named by its id: by its name DescribeEvents does not find it.
        """
        # Of a change set there are few events, and its warnings are not among the failed ones.
        filters = {} if "ChangeSetName" in of else {"Filters": {"FailedEvents": True}}
        try:
            with translated("The events"):
                events = listed(self._client, "describe_events", "OperationEvents", **of, **filters)
                return [_refusal(event) for event in events if event.get("EventType") in _REFUSING]
        except DeliveryWatchError:
            # Roles and releases of boto3 from before November 2025 lack it.
            return None

    def drop(self, change_set_id: str) -> None:
        """Delete a change set."""
        with translated("The change set"):
            self._client.delete_change_set(ChangeSetName=change_set_id)

    def execute(self, change_set_id: str, name: str) -> None:
        """Let a change set of a stack happen."""
        with _first_come(name):
            # A bucket that a failed first deployment made is deleted with it, though the stack's own deletion keeps it.
            self._client.execute_change_set(ChangeSetName=change_set_id, RetainExceptOnCreate=True)

    def delete(self, stack_id: str) -> None:
        """Begin to delete a stack."""
        with _first_come(stack_id.split("/")[1]):
            self._client.delete_stack(StackName=stack_id)

    def template(self, name: str) -> Mapping[str, Any]:
        """Return the template of a stack as it was given."""
        return aws.template(self._cloud, name)

    def resources(self, stack_id: str) -> list[Resource]:
        """Return the resources that a stack has now."""
        with translated("The stack's resources"):
            summaries = listed(self._client, "list_stack_resources", "StackResourceSummaries", StackName=stack_id)
            return [_resource(summary) for summary in summaries if summary["ResourceStatus"] != "DELETE_COMPLETE"]

    def kept(self, name: str) -> set[str]:
        """Return the ids of the resources that outlive the stack, by its template."""
        resources = self.template(name).get("Resources", {})
        return {id_ for id_, made in resources.items() if made.get("DeletionPolicy", "").startswith("Retain")}

    def skipped(self, stack_id: str) -> list[Resource]:
        """Return what the deletion of a stack left."""
        with translated("The stack's events"):
            events = listed(self._client, "describe_stack_events", "StackEvents", StackName=stack_id)
            return [_resource(event) for event in events if event.get("ResourceStatus") == "DELETE_SKIPPED"]

    def last_deleted(self, name: str) -> str | None:
        """Return the id of the stack of this name that was deleted last; CloudFormation knows it for 90 days."""
        with translated("The deleted stacks"):
            stacks = listed(self._client, "list_stacks", "StackSummaries", StackStatusFilter=["DELETE_COMPLETE"])
        ours = [stack for stack in stacks if stack["StackName"] == name]
        newest = max(ours, key=lambda stack: stack.get("DeletionTime") or stack["CreationTime"], default=None)
        return str(newest["StackId"]) if newest else None

    def queues_deleted_at(self, name: str) -> datetime | None:
        """Return when the last queue of the newest deleted stack of this name was deleted; none if it had none."""
        stack_id = self.last_deleted(name)
        events = self.events(stack_id, None) if stack_id else []
        deleted = [event.at for event in events if (event.kind, event.status) == ("AWS::SQS::Queue", "DELETE_COMPLETE")]
        return max(deleted, default=None)


def _event(event: Mapping[str, Any]) -> Event:
    return Event(
        id=event["EventId"],
        at=event["Timestamp"],
        resource=event["LogicalResourceId"],
        kind=event["ResourceType"],
        status=event.get("ResourceStatus", ""),
        reason=event.get("ResourceStatusReason", ""),
    )


def _resource(made: Mapping[str, Any]) -> Resource:
    return Resource(made["LogicalResourceId"], made["ResourceType"], made.get("PhysicalResourceId", ""))


@contextmanager
def _first_come(name: str) -> Iterator[None]:
    """Translate what CloudFormation answers to a change of a stack, also to the second of two at once."""
    with translated(f"The change of {name}"):
        try:
            yield
        except ClientError as error:
            code = error_code(error).removesuffix("Exception")
            if code in _OVERTAKEN_CODES or _OVERTAKEN.search(error.response["Error"].get("Message", "")):
                raise overtaken(name) from error
            raise


def _refusal(event: Mapping[str, Any]) -> Refusal:
    reason = event.get("ValidationStatusReason") or event.get("HookStatusReason") or event.get("ResourceStatusReason")
    return Refusal(
        resource=event.get("LogicalResourceId", ""),
        kind=event.get("ResourceType", ""),
        path=event.get("ValidationPath", ""),
        reason=reason or "no reason is given",
        is_warning="WARN" in (event.get("ValidationFailureMode"), event.get("HookFailureMode")),
    )
