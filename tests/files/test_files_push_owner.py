"""A given bucket is read only while this account owns it: its name could be somebody else's by now."""

from types import SimpleNamespace
from typing import Any

import pytest

from deliverywatch.files import handle_push

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:deliverywatch-prod-files-push"


@pytest.mark.parametrize(
    ("context", "account"), [(SimpleNamespace(invoked_function_arn=ARN), "111122223333"), (None, ""), (object(), "")]
)
def test_the_account_is_the_functions_own(context: Any, account: str) -> None:
    assert handle_push._account(context) == account


@pytest.mark.parametrize(("account", "sent"), [("111122223333", "111122223333"), ("", None)])
def test_every_request_names_the_owner(account: str, sent: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    handle_push._s3.cache_clear()
    client, seen = handle_push._s3(account), []

    def answer(params: dict[str, Any], **_: Any) -> Any:
        seen.append(params["headers"].get("x-amz-expected-bucket-owner"))
        return SimpleNamespace(status_code=200), {}

    client.meta.events.register("before-call.s3.HeadObject", answer)
    client.head_object(Bucket="uploads", Key="a.csv")
    handle_push._s3.cache_clear()
    assert seen == [sent]
