"""A given bucket is read only while this account owns it: its name could be somebody else's by now."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import stacks
from blocks.extras import Extra
from bundling.texts import shortened
from deliverywatch.files import handle_process, handle_push
from deliverywatch.pipeline.aws import Artifacts
from deliverywatch.queries import handle_reconcile
from deliverywatch.storage.s3 import account_of

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:deliverywatch-prod-files-push"
_URL = SimpleNamespace(url="s3://uploads/a.csv")
CLIENTS: dict[str, Callable[[str], Any]] = {
    "FilesProcess": handle_process._s3,
    "FilesPush": handle_push._s3.__wrapped__,
    "QueriesReconcile": lambda account: handle_reconcile._source(_URL, account)._s3,  # type: ignore[arg-type, attr-defined]
    "PipelinePublish": lambda account: Artifacts(account=account)._owned,
    "PipelineReport": lambda account: Artifacts(account=account)._owned,
}
# Athena reads them with the function's rights, and takes no owner; tables may well be of another account.
BY_ATHENA = {"QueriesExecute", "PipelineValidate"}


@pytest.mark.parametrize(
    ("context", "account"), [(SimpleNamespace(invoked_function_arn=ARN), "111122223333"), (None, ""), (object(), "")]
)
def test_the_account_is_the_functions_own(context: Any, account: str) -> None:
    assert account_of(context) == account


@pytest.mark.parametrize("function", CLIENTS)
@pytest.mark.parametrize(("account", "sent"), [("111122223333", "111122223333"), ("", None)])
def test_every_request_names_the_owner(
    function: str, account: str, sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    client, seen = CLIENTS[function](account), []

    def answer(params: dict[str, Any], **_: Any) -> Any:
        seen.append(params["headers"].get("x-amz-expected-bucket-owner"))
        return SimpleNamespace(status_code=200), {}

    client.meta.events.register("before-call.s3", answer)
    client.head_object(Bucket="uploads", Key="a.csv")
    client.get_object(Bucket="uploads", Key="a.csv")
    assert seen == [sent, sent]


def test_no_other_function_may_read_a_given_bucket() -> None:
    chosen = stacks.chosen(["sms", "email", "pipeline", "queries", "files-pusher"], [*Extra])
    made = shortened(stacks.template(chosen, "arm64", "0", [*Extra]).to_dict())["Resources"]
    allowing = {
        target
        for name, one in made.items()
        if one["Type"] in ("AWS::IAM::Role", "AWS::IAM::Policy") and ":s3:::" in json.dumps(one)
        for target in [role["Ref"] for role in one["Properties"].get("Roles", [{"Ref": name}])]
    }
    assert {name.removesuffix("Role") for name in allowing} == {*CLIENTS} | BY_ATHENA
