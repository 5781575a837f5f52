"""Proof by a change set that is never carried out: CloudFormation says beforehand what is wrong, and where."""

from __future__ import annotations

import json
from collections.abc import Generator

from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.deploy.aws_formation import CloudFormation
from deliverywatch.operate.proofs.session import Outcome, Session, judged

_SECONDS = 120.0


def early_validation(session: Session) -> Generator[Outcome]:
    """Yield whether a name that is taken is refused before anything is made, with resource and reason."""
    client, formation, name = session.cloud.client("cloudformation"), CloudFormation(session.cloud), session.name
    taken = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": session.stack.bucket}}
    with session.tidied() as undo, translated("The change set of the proof"):
        session.made(undo, f"The stack {name}, which has nothing in it", client.delete_stack, StackName=name)
        body = json.dumps({"Resources": {"Taken": taken}})
        change_set = formation.create(
            {"StackName": name, "ChangeSetName": name, "ChangeSetType": "CREATE", "TemplateBody": body}
        )
        status = session.awaited(lambda: _ended(formation, change_set), _SECONDS) or "unfinished"
        refusals = formation.refusals(ChangeSetName=change_set) or []
    words = " ".join(refusal.words() for refusal in refusals)
    finding = words or f"The change set is {status}, and DescribeEvents gives no reason."
    is_so = status == "FAILED" and any(refusal.resource == "Taken" for refusal in refusals)
    yield judged("cloudformation-validates-early", finding, is_so=is_so)


def _ended(formation: CloudFormation, change_set: str) -> str | None:
    status = formation.change_set(change_set).status
    return status if status in ("FAILED", "CREATE_COMPLETE") else None
