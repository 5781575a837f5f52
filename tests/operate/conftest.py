"""The built template, deployed into a local cloud as `deliverywatch-prod`, and the command line pointed at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from deliverywatch.cli import main
from deliverywatch.cli.terminal import steps
from deliverywatch.local.clicksend.history import Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.clicksend.traffic import HEALTHY, day
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.compute import queues
from deliverywatch.local.demo import play, sms_day
from deliverywatch.operate.account import aws
from deliverywatch.operate.deploy import aws_storage, prerequisites
from deliverywatch.operate.deploy import deploy as deploying

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.operate.account.deployment import Deployment

GIVEN = {
    "SenderAddress": "alerts@example.com",
    "AlertRecipients": "support@example.com",
    "FallbackAddress": "oncall@example.com",
}
SETTINGS = [word for name, value in GIVEN.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture(scope="session")
def built_stack(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The template and the folder it is built in, without third-party packages."""
    folder = tmp_path_factory.mktemp("operate") / "build"
    return play.build(folder), folder


@pytest.fixture(scope="module")
def noon() -> datetime:
    """Noon of yesterday, when the local cloud stands still until a test moves it."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture(scope="module")
def clicksend(noon: datetime) -> Iterator[ClickSendServer]:
    """A ClickSend account with a healthy day."""
    with ClickSendServer(Messages(day(noon.replace(hour=0), phases=HEALTHY)), now=noon) as running:
        yield running


@pytest.fixture(scope="module")
def empty_cloud(noon: datetime) -> Iterator[LocalCloud]:
    """A running cloud without a stack; the environment's AWS settings are its own while it runs."""
    with LocalCloud(noon) as running:
        yield running


@pytest.fixture(scope="module")
def cloud(empty_cloud: LocalCloud, built_stack: Any, clicksend: ClickSendServer) -> LocalCloud:
    """A running cloud with the stack `deliverywatch-prod`, which has not run yet."""
    template, folder = built_stack
    sms_day.deploy(empty_cloud, template, folder, sms_day.synthetic(clicksend, ()))
    return empty_cloud


@pytest.fixture
def found(cloud: LocalCloud) -> tuple[aws.Cloud, Deployment]:
    """What a verb gets: the account and the stack in it."""
    account = aws.connect()
    return account, aws.find(account, play.STACK)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a verb as in a terminal of 80 columns, and returns its exit code and what it printed."""
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *arguments: CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def new_cloud(empty_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    """The local cloud as a new account, which nobody has to wait for."""
    monkeypatch.setattr(steps, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(queues, "NAME_KEPT_SECONDS", 0)
    monkeypatch.setattr(deploying, "NAME_KEPT_SECONDS", 0)
    # A second per deployment, and tests of their own.
    monkeypatch.setattr(prerequisites, "LOOKS", ())
    forget(empty_cloud)
    return empty_cloud


def forget(empty_cloud: LocalCloud) -> None:
    """Delete every stack and every bucket."""
    formation, s3 = empty_cloud.client("cloudformation"), empty_cloud.client("s3")
    for stack in formation.describe_stacks()["Stacks"]:
        formation.delete_stack(StackName=stack["StackName"])
        formation.get_waiter("stack_delete_complete").wait(
            StackName=stack["StackName"], WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"] != "deliverywatch-local-code":
            aws_storage.KeptBuckets(aws.connect(), "111122223333").remove(bucket["Name"], lambda _: None)


@pytest.fixture
def deploy(run: Callable[..., Result], built_stack: tuple[Any, Path], new_cloud: LocalCloud) -> Callable[..., Result]:
    """Runs `deploy` of the built template with the parameters that have no default."""
    _, folder = built_stack
    return lambda *more: run("deploy", "--template", folder / "template.json", *SETTINGS, *more)


@pytest.fixture
def small(built_stack: tuple[Any, Path]) -> Path:
    """A template with little of each: a bucket that is kept, a topic, a function with its code and its role."""
    template, folder = built_stack
    names = ("LakeBucket", "AlertsTopic", "SmsIngest", "SmsIngestRole", "SmsIngestLogs")
    path = folder / "small.json"
    resources = {name: template["Resources"][name] for name in names}
    path.write_text(json.dumps({**template, "Resources": resources, "Outputs": {}}))
    return path
