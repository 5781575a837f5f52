"""CloudFormation over boto3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.deploy.cloudformation import ChangeSet, Event, Stack
from deliverywatch.operate.deploy.deploy import NAME
from deliverywatch.operate.deploy.destroy import Resource

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud


class CloudFormation:
    """CloudFormation of one account and region."""

    def __init__(self, cloud: Cloud) -> None:
        self._client = cloud.client("cloudformation")

    def find(self, name_or_id: str) -> Stack | None:
        """Return a stack, or none; a deleted one is found by its id only."""
        with translated(f"The stack {name_or_id}"):
            try:
                (found,) = self._client.describe_stacks(StackName=name_or_id)["Stacks"]
            except ClientError as error:
                if "does not exist" in error.response["Error"]["Message"]:
                    return None
                raise
        return Stack(found["StackName"], found["StackId"], found["StackStatus"])

    def newest_event(self, stack_id: str) -> str | None:
        """Return the id of the newest event: what comes after it is new."""
        with translated("The stack's events"):
            found = self._client.describe_stack_events(StackName=stack_id)["StackEvents"]
        return str(found[0]["EventId"]) if found else None

    def events(self, stack_id: str, after: str | None) -> list[Event]:
        """Return what happened after the event with this id, oldest first; of None, everything."""
        found: list[Event] = []
        with translated("The stack's events"):
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
            for event in (each for page in pages for each in page["StackEvents"]):
                if event["EventId"] == after:
                    break
                found.append(_event(event))
        return found[::-1]

    def create(self, request: Mapping[str, Any]) -> str:
        """Create a change set and return its id."""
        with translated(f"The change of {request['StackName']}"):
            return str(self._client.create_change_set(**request)["Id"])

    def change_set(self, change_set_id: str) -> ChangeSet:
        """Return a change set as it is now."""
        with translated("The change set"):
            pages = list(self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set_id))
        changes = [change for page in pages for change in page.get("Changes", ())]
        return ChangeSet(change_set_id, pages[0]["Status"], pages[0].get("StatusReason", ""), changes)

    def change_sets(self, name: str) -> list[str]:
        """Return the ids of the change sets of a stack that DeliveryWatch made and that wait."""
        with translated("The change sets"):
            pages = self._client.get_paginator("list_change_sets").paginate(StackName=name)
            found = [each for page in pages for each in page["Summaries"]]
        waiting = ("AVAILABLE", "UNAVAILABLE")
        return [
            str(each["ChangeSetId"])
            for each in found
            if each["ChangeSetName"].startswith(f"{NAME}-") and each.get("ExecutionStatus") in waiting
        ]

    def drop(self, change_set_id: str) -> None:
        """Delete a change set."""
        with translated("The change set"):
            self._client.delete_change_set(ChangeSetName=change_set_id)

    def execute(self, change_set_id: str) -> None:
        """Let a change set happen."""
        with translated("The change set"):
            # A bucket that a failed first deployment made is deleted with it, though the stack's own deletion keeps it.
            self._client.execute_change_set(ChangeSetName=change_set_id, RetainExceptOnCreate=True)

    def delete(self, stack_id: str) -> None:
        """Begin to delete a stack."""
        with translated("The stack"):
            self._client.delete_stack(StackName=stack_id)

    def template(self, name: str) -> Mapping[str, Any]:
        """Return the template of a stack as it was given."""
        with translated(f"The template of {name}"):
            body = self._client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        return dict(body)

    def resources(self, stack_id: str) -> list[Resource]:
        """Return the resources of a stack that is there."""
        with translated("The stack's resources"):
            pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack_id)
            found = [each for page in pages for each in page["StackResourceSummaries"]]
        gone = "DELETE_COMPLETE"
        return [_resource(each) for each in found if each["ResourceStatus"] != gone]

    def kept(self, name: str) -> set[str]:
        """Return the ids of the resources that outlive the stack, by its template."""
        resources = self.template(name).get("Resources", {})
        return {id_ for id_, made in resources.items() if made.get("DeletionPolicy", "").startswith("Retain")}

    def skipped(self, stack_id: str) -> list[Resource]:
        """Return what the deletion of a stack left."""
        with translated("The stack's events"):
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
            found = [each for page in pages for each in page["StackEvents"]]
        return [_resource(each) for each in found if each.get("ResourceStatus") == "DELETE_SKIPPED"]

    def last_deleted(self, name: str) -> str | None:
        """Return the id of the stack of this name that was deleted last; CloudFormation knows it for 90 days."""
        with translated("The deleted stacks"):
            pages = self._client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
            found = [each for page in pages for each in page["StackSummaries"] if each["StackName"] == name]
        newest = max(found, key=lambda each: each.get("DeletionTime") or each["CreationTime"], default=None)
        return str(newest["StackId"]) if newest else None


def _event(told: Mapping[str, Any]) -> Event:
    return Event(
        id=told["EventId"],
        at=told["Timestamp"],
        resource=told["LogicalResourceId"],
        kind=told["ResourceType"],
        status=told.get("ResourceStatus", ""),
        reason=told.get("ResourceStatusReason", ""),
    )


def _resource(told: Mapping[str, Any]) -> Resource:
    return Resource(told["LogicalResourceId"], told["ResourceType"], told.get("PhysicalResourceId", ""))
