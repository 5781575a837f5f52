"""Proof by a change set that is never carried out: CloudFormation says beforehand what is wrong, and where."""

from __future__ import annotations

import json
from collections.abc import Generator

from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.deploy.aws_formation import CloudFormation
from deliverywatch.operate.proofs.session import Outcome, Session, Verdict, judged

_SECONDS = 120.0


def early_validation(session: Session) -> Generator[Outcome]:
    """Yield whether a name that is taken is refused before anything is made, with resource and reason."""
    client, formation, name = session.cloud.client("cloudformation"), CloudFormation(session.cloud), session.name
    taken = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": session.stack.bucket}}
    with session.tidied() as undo, translated("The change set of the proof"):
        body = json.dumps({"Resources": {"Taken": taken}})
        request = {"StackName": name, "ChangeSetName": name, "ChangeSetType": "CREATE", "TemplateBody": body}
        with session.making(undo, f"The stack {name}, which has nothing in it", client.delete_stack, StackName=name):
            change_set = formation.create(request)
        status = session.awaited(lambda: _ended(formation, change_set), _SECONDS)
        refusals = formation.refusals(ChangeSetName=change_set)
    if status is None or refusals is None:
        why = "DescribeEvents could not be asked." if status else "The change set is not made after two minutes."
        yield Outcome("cloudformation-validates-early", Verdict.OPEN, why)
        return
    words = " ".join(refusal.words() for refusal in refusals)
    finding = words or f"The change set is {status}, and DescribeEvents gives no reason."
    is_so = status == "FAILED" and any(refusal.resource == "Taken" for refusal in refusals)
    yield judged("cloudformation-validates-early", finding, is_so=is_so)


def _ended(formation: CloudFormation, change_set: str) -> str | None:
    status = formation.change_set(change_set).status
    return status if status in ("FAILED", "CREATE_COMPLETE") else None
