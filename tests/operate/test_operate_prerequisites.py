"""What `deploy` looks at before it changes anything: each account that lacks something, and each call that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import stacks
from blocks.extras import Extra
from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.account.remedies import remedy
from deliverywatch.operate.deploy import aws_prerequisites, prerequisites
from deliverywatch.operate.deploy.aws_artifacts import identity_of
from deliverywatch.operate.deploy.prerequisites import LOOKS, RIGHTS, Intent

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud
    from deliverywatch.operate.account.aws import Cloud

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:iam::111122223333:role/admin/Deployer"
OPEN = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
DEFAULTS = {"CreateDatabaseDefaultPermissions": OPEN, "CreateTableDefaultPermissions": OPEN}
CLOSED = {"CreateDatabaseDefaultPermissions": [], "CreateTableDefaultPermissions": []}
ALLOWED = {"EvalDecision": "allowed"}
SECTIONS = ("Conditions", "Mappings", "Parameters", "Resources")
CHOSEN = "daily-events-prod"


def free(request: dict[str, Any]) -> dict[str, Any]:
    """Answer of the bucket with the code where it is, and of any other that there is none."""
    if request["Bucket"] == "deliverywatch-artifacts":
        return {"BucketRegion": "eu-west-1"}
    raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadBucket")


# What AWS answers of an account that lacks nothing.
ANSWERS: dict[str, Any] = {
    "head_bucket": free,
    "describe_stacks": {"Stacks": []},
    "get_role": {"Role": {"Arn": ROLE}},
    "simulate_principal_policy": lambda names: [{"EvalActionName": name, **ALLOWED} for name in names],
    "get_data_lake_settings": {"DataLakeSettings": DEFAULTS},
    "list_permissions": {"PrincipalResourcePermissions": []},
    "get_email_identity": {"VerifiedForSendingStatus": True},
    "get_account": {"ProductionAccessEnabled": True, "SendingEnabled": True},
    "get_configuration_set": {},
    "describe_parameters": lambda names: [{"Name": name} for name in names],
    "get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}},
    "get_account_summary": {"SummaryMap": {"Roles": 10, "RolesQuota": 1000}},
    "describe_alarms": {"MetricAlarms": []},
    "list_dashboards": {"DashboardEntries": []},
}


class Client:
    """Every service, answering as it was told."""

    def __init__(self, answers: dict[str, Any], calls: list[str]) -> None:
        self._answers, self._calls = answers, calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self._calls.append(name)
            answer = self._answers[name]
            if isinstance(answer, Exception):
                raise answer
            if name == "simulate_principal_policy" and callable(answer):
                return {"EvaluationResults": answer(request["ActionNames"])}
            if name == "describe_parameters" and callable(answer):
                return {"Parameters": answer(request["ParameterFilters"][0]["Values"])}
            return answer(request) if name == "head_bucket" and callable(answer) else answer

        return call

    def get_paginator(self, name: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **request: Any) -> list[Any]:
                return [getattr(client, name)(**request)]

        return Paginator()


class OneAccount:
    """An account in one region."""

    region = "eu-west-1"

    def __init__(self, **answers: Any) -> None:
        self.calls: list[str] = []
        self._client = Client({**ANSWERS, **answers}, self.calls)

    def client(self, _service: str, _region: str | None = None) -> Any:
        return self._client

    def s3_of(self, _account: str) -> Any:
        return self._client


def template(system: str = "email") -> dict[str, Any]:
    """Return SMS, with the page of links, and another system in one template."""
    extras = [Extra.INCIDENT_PAGE]
    sms = stacks.template(stacks.chosen(["sms"], extras), "arm64", "0", extras).to_dict()
    other = json.loads((ROOT / f"tests/templates/{system}.json").read_text())
    return {**sms, **{name: {**sms.get(name, {}), **section} for name, section in other.items() if name in SECTIONS}}


def intent(*, is_new: bool = True, **given: str) -> Intent:
    made = template()
    defaults = {name: str(one.get("Default", "")) for name, one in made["Parameters"].items()}
    required = {
        "SenderAddress": "alerts@example.com",
        "AlertRecipients": "support@example.com,second@example.com",
        "FallbackAddress": "oncall@example.com",
        "EmailBucketName": CHOSEN,
    }
    return Intent(
        stack="deliverywatch-prod",
        region="eu-west-1",
        principal="arn:aws:sts::111122223333:assumed-role/Deployer/kim",
        template=made,
        parameters={**defaults, **required, **given},
        artifacts="deliverywatch-artifacts",
        is_new=is_new,
    )


def looked(account: OneAccount, wanted: Intent | None = None) -> dict[str, tuple[str, str]]:
    """By name what is not as it should be: the verdict, and all that is said."""
    cloud: Cloud = account  # type: ignore[assignment]
    checks = prerequisites.looked_at(aws_prerequisites.Account(cloud, "111122223333"), wanted or intent())
    return {one.name: (one.verdict.value, f"{one.finding} {one.fix}") for one in checks if one.verdict != "ok"}


def test_an_account_that_lacks_nothing_is_said_nothing_of() -> None:
    assert looked(OneAccount()) == {}


def simulated(**detail: Any) -> Callable[[list[str]], list[dict[str, Any]]]:
    return lambda names: [
        {"EvalActionName": name, **(detail if name == "iam:CreateRole" else ALLOWED)} for name in names
    ]


OTHER_STACK = {
    "StackName": "watching",
    "Parameters": [
        {"ParameterKey": "Environment", "ParameterValue": "prod"},
        {"ParameterKey": "SenderAddress", "ParameterValue": "a@example.com"},
    ],
}
MISSING = ClientError({"Error": {"Code": "NotFoundException", "Message": "no"}}, "GetEmailIdentity")
LACKING: list[tuple[str, dict[str, Any], str, list[str]]] = [
    (
        "artifacts",
        {"head_bucket": {"BucketRegion": "us-east-1"}},
        "failed",
        ["us-east-1", "without --artifacts-bucket"],
    ),
    (
        "artifacts",
        {"head_bucket": ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")},
        "failed",
        ["another account's", "--artifacts-bucket"],
    ),
    (
        "bucket-names",
        {"head_bucket": {"BucketRegion": "eu-west-1"}},
        "failed",
        [f"s3://{CHOSEN} is there already", "--set EmailBucketName=another"],
    ),
    (
        "bucket-names",
        {"head_bucket": ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")},
        "failed",
        [f"s3://{CHOSEN} is another account's", "--set EmailBucketName=another"],
    ),
    ("environment", {"describe_stacks": {"Stacks": [OTHER_STACK]}}, "failed", ["watching", "--set Environment="]),
    (
        "rights",
        {
            "simulate_principal_policy": simulated(
                EvalDecision="explicitDeny", OrganizationsDecisionDetail={"AllowedByOrganizations": False}
            )
        },
        "failed",
        ["iam:CreateRole: a service control policy", "whoever manages your organization"],
    ),
    (
        "rights",
        {
            "simulate_principal_policy": simulated(
                EvalDecision="implicitDeny", PermissionsBoundaryDecisionDetail={"AllowedByPermissionsBoundary": False}
            )
        },
        "warning",
        ["permissions boundary"],
    ),
    ("rights", {"simulate_principal_policy": simulated(EvalDecision="implicitDeny")}, "warning", ["--profile"]),
    (
        "lake-formation",
        {"get_data_lake_settings": {"DataLakeSettings": CLOSED}},
        "warning",
        ["cannot read it", "IAM_ALLOWED_PRINCIPALS", "deliverywatch_prod"],
    ),
    ("sender", {"get_email_identity": MISSING}, "warning", ["aws sesv2 create-email-identity"]),
    ("sender", {"get_email_identity": {"VerifiedForSendingStatus": False}}, "warning", ["waits for its confirmation"]),
    (
        "sandbox",
        {"get_account": {"ProductionAccessEnabled": False}, "get_email_identity": MISSING},
        "warning",
        ["support@example.com, second@example.com", "production access"],
    ),
    (
        "sending",
        {"get_account": {"ProductionAccessEnabled": True, "SendingEnabled": False, "EnforcementStatus": "SHUTDOWN"}},
        "warning",
        ["paused sending"],
    ),
    (
        "config-set",
        {"get_configuration_set": MISSING},
        "failed",
        [
            "create-configuration-set --configuration-set-name daily-system-design-transactional-prod",
            "--set Newsletter",
        ],
    ),
    (
        "clicksend-stored",
        {"describe_parameters": {"Parameters": []}},
        "warning",
        ["aws ssm put-parameter", "/deliverywatch/prod/clicksend/username"],
    ),
    (
        "concurrency",
        {"get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 2}}},
        "warning",
        ["throttled", "L-B99A9384"],
    ),
    (
        "quota-roles",
        {"get_account_summary": {"SummaryMap": {"Roles": 999, "RolesQuota": 1000}}},
        "failed",
        ["may have 1000", "aws service-quotas request-service-quota-increase"],
    ),
    ("quota-alarms", {"describe_alarms": {"MetricAlarms": [{}] * 5000}}, "warning", ["5,000", "Service Quotas"]),
    ("dashboards", {"list_dashboards": {"DashboardEntries": [{}] * 3}}, "warning", ["--set CreateDashboard=false"]),
]


@pytest.mark.parametrize(
    ("name", "answers", "verdict", "words"), LACKING, ids=[f"{row[0]}-{row[3][0][:30]}" for row in LACKING]
)
def test_what_an_account_lacks_is_said_with_the_command_that_helps(
    name: str, answers: dict[str, Any], verdict: str, words: list[str]
) -> None:
    found = looked(OneAccount(**answers))
    assert found[name][0] == verdict
    assert all(word in found[name][1] for word in words), found[name]


def test_links_in_mails_need_their_key_and_what_their_page_reserves() -> None:
    few = OneAccount(
        get_account_settings={"AccountLimit": {"UnreservedConcurrentExecutions": 11}},
        describe_parameters=lambda names: [{"Name": name} for name in names if "clicksend" in name],
    )
    assert looked(few) == {}
    found = looked(few, intent(LinkKeyParameter="/a/key"))
    assert found["secrets"][0] == "warning"
    assert "aws ssm put-parameter --type SecureString --name /a/key" in found["secrets"][1]
    assert found["concurrency"][0] == "failed"
    assert "--set PageConcurrency=0" in found["concurrency"][1]
    assert "concurrency" not in looked(few, intent(LinkKeyParameter="/a/key", PageConcurrency="0"))


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ({}, {"QueriesGroup": "adopted", "QueriesGroupName": "deliverywatch-prod-queries"}, "failed"),
        ({"QueriesGroupName": "pn"}, {"QueriesGroup": "adopted", "QueriesGroupName": "pn"}, "failed"),
        ({"QueriesGroupName": "pn"}, {"QueriesGroup": "adopted", "QueriesGroupName": "other"}, ""),
        ({"QueriesGroup": "adopted", "QueriesGroupName": "pn"}, {"QueriesGroup": "made", "QueriesGroupName": "pn"}, ""),
        ({"QueriesGroupName": "pn"}, {"QueriesGroupName": "pn"}, ""),
    ],
)
def test_a_schedule_group_that_the_stack_made_is_not_adopted_by_it(
    old: dict[str, str], new: dict[str, str], verdict: str
) -> None:
    made = template("queries")
    defaults = {name: str(one.get("Default", "")) for name, one in made["Parameters"].items()}
    before, after = {**defaults, **old}, {**defaults, **new}
    wanted = replace(intent(is_new=False), template=made, parameters=after, before=made, old=before)
    assert looked(OneAccount(), wanted).get("schedule-group", ("", ""))[0] == verdict
    assert "schedule-group" not in looked(OneAccount(), replace(wanted, before={}, old={}))


def test_the_buckets_of_a_stack_that_stands_are_its_own() -> None:
    account = OneAccount(head_bucket={"BucketRegion": "eu-west-1"})
    assert "bucket-names" not in looked(account, intent(is_new=False))


@pytest.mark.parametrize(
    ("grants", "admins", "verdict"),
    [
        ([], [], "failed"),
        ([{"Principal": {"DataLakePrincipalIdentifier": ROLE}, "Permissions": ["CREATE_DATABASE"]}], [], "warning"),
        ([{"Principal": {"DataLakePrincipalIdentifier": ROLE}, "Permissions": ["DESCRIBE"]}], [], "failed"),
        ([], [{"DataLakePrincipalIdentifier": ROLE}], "warning"),
    ],
)
def test_under_lake_formation_who_may_make_no_database_is_told_which_grant_is_missing(
    grants: list[Any], admins: list[Any], verdict: str
) -> None:
    settings = {"DataLakeSettings": {**CLOSED, "DataLakeAdmins": admins}}
    account = OneAccount(get_data_lake_settings=settings, list_permissions={"PrincipalResourcePermissions": grants})
    cloud: Cloud = account  # type: ignore[assignment]
    checks = list(prerequisites.looked_at(aws_prerequisites.Account(cloud, "111122223333"), intent()))
    verdicts = [one.verdict.value for one in checks if one.name == "lake-formation"]
    assert verdicts == ([verdict, "warning"] if verdict == "failed" else ["warning"])
    if verdict == "failed":
        (fix,) = [one.fix for one in checks if one.verdict == "failed"]
        assert f"DataLakePrincipalIdentifier={ROLE} --permissions CREATE_DATABASE" in fix


FAULTS = {
    "denied": ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Look"),
    "throttled": ClientError({"Error": {"Code": "Throttling", "Message": "later"}}, "Look"),
    "unknown": ClientError({"Error": {"Code": "UnknownOperationException", "Message": ""}}, "Look"),
    "unreachable": EndpointConnectionError(endpoint_url="https://lakeformation.eu-west-1.amazonaws.com"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", ANSWERS)
def test_what_cannot_be_looked_at_is_said_and_stops_nothing(call: str, fault: str) -> None:
    closed = {"get_data_lake_settings": {"DataLakeSettings": CLOSED}} if call == "list_permissions" else {}
    account = OneAccount(**{**closed, call: FAULTS[fault]})
    found = looked(account)
    assert call in account.calls
    if (call, fault) == ("head_bucket", "denied"):
        # S3 says no more of a bucket that is somebody else's.
        assert {name: verdict for name, (verdict, _) in found.items()} == {
            "artifacts": "failed",
            "bucket-names": "failed",
        }
        return
    assert [verdict for verdict, _ in found.values()] == ["warning"] * len(found)
    assert any("could not be looked at" in words for _, words in found.values())


@pytest.mark.parametrize(
    "principal", ["arn:aws:iam::111122223333:root", "arn:aws:sts::111122223333:federated-user/kim"]
)
def test_of_whom_iam_simulates_nothing_the_rights_are_not_looked_at(principal: str) -> None:
    account = OneAccount()
    cloud: Cloud = account  # type: ignore[assignment]
    with pytest.raises(CloudRefused, match="simulates nothing"):
        aws_prerequisites.Account(cloud, "111122223333").denied(principal, ["iam:CreateRole"])
    assert account.calls == []


def test_every_kind_of_resource_has_its_right_or_needs_none_of_its_own() -> None:
    made = {
        one["Type"]
        for path in (ROOT / "tests/templates").glob("*.json")
        for one in json.loads(path.read_text()).get("Resources", {}).values()
    }
    assert made - set(RIGHTS) == set()


def test_readme_has_a_row_for_everything_that_is_looked_at() -> None:
    text = (ROOT / "cfn/README.md").read_text().partition("### What `deploy` looks at first")[2].partition("\n## ")[0]
    names = {row.split("`")[1] for row in text.splitlines() if row.startswith("| `")}
    assert names == {name for name, *_ in LACKING} | {"region", "secrets", "schedule-group"}
    assert {name for name, _ in LOOKS} - names == {"quotas"}


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (
            "is not authorized to perform: iam:CreateRole with an explicit deny in a service control policy",
            "organization",
        ),
        ("because no permissions boundary allows the iam:CreateRole action", "permissions boundary"),
        ("because no session policy allows the s3:GetObject action", "session policy"),
        ("because no VPC endpoint policy allows the s3:GetObject action", "VPC endpoint"),
        ("Insufficient Lake Formation permission(s): Required Create Database on Catalog", "grant-permissions"),
        ("decreases account's UnreservedConcurrentExecution below its minimum value of [10]", "L-B99A9384"),
        ("cannot be deleted while TerminationProtection is enabled", "--no-enable-termination-protection"),
        ("The requested bucket name is not available. The bucket namespace is shared", "--artifacts-bucket"),
        ("You must wait 60 seconds after deleting a queue before you can create another", "Wait a minute"),
    ],
)
def test_the_words_of_a_refusal_lead_to_what_helps(words: str, step: str) -> None:
    assert step in remedy(words)
    with pytest.raises(CloudRefused) as refused, translated("The role"):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": words}}, "CreateRole")
    assert step in refused.value.next_step


UNKNOWN = ClientError({"Error": {"Code": "InvalidClientTokenId", "Message": "no"}}, "GetCallerIdentity")


class Regions:
    """An account whose region has not been enabled, or whose credentials are wrong everywhere."""

    region = "eu-south-1"

    def __init__(self, *, is_known_elsewhere: bool) -> None:
        self._known = is_known_elsewhere

    def client(self, _service: str, region: str) -> Any:
        who = {"Account": "111122223333", "Arn": ROLE}
        is_known = self._known and region == "us-east-1"
        return Client({"get_caller_identity": who if is_known else UNKNOWN}, [])


@pytest.mark.parametrize(("elsewhere", "kind"), [(True, "region-disabled"), (False, "unknown-credentials")])
def test_a_region_that_is_not_enabled_is_told_from_wrong_credentials(elsewhere: bool, kind: str) -> None:
    with pytest.raises(CloudRefused) as refused:
        identity_of(Regions(is_known_elsewhere=elsewhere))  # type: ignore[arg-type]
    assert refused.value.kind == kind
    assert kind != "region-disabled" or "aws account enable-region --region-name eu-south-1" in refused.value.next_step


@pytest.mark.slow
def test_what_would_fail_ends_a_deployment_before_anything_is_changed(
    deploy: Callable[..., Result], small: Path, new_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prerequisites, "LOOKS", LOOKS)
    monkeypatch.setattr(aws_prerequisites.Account, "stacks_of", lambda *_: ["watching"])
    shown = deploy("--dry-run", "--template", small)
    stopped = deploy("--yes", "--template", small)
    assert (shown.exit_code, stopped.exit_code) == (0, 1)
    for result in (shown, stopped):
        assert "Before anything is changed:\nfailed   environment" in result.stdout
    assert "Nothing was changed, because the deployment would fail: environment." in stopped.stderr
    assert new_cloud.client("cloudformation").describe_stacks()["Stacks"] == []
    forced = deploy("--yes", "--force", "--json", "--template", small)
    assert forced.exit_code == 0
    before = {one["check"]: one["verdict"] for one in json.loads(forced.stdout)["before"]}
    assert before["environment"] == "failed"
    # Nobody is there to look at of the root user.
    assert before["rights"] == "warning"


@pytest.mark.slow
def test_where_lake_formation_guards_the_catalog_the_grant_is_named_and_is_what_aws_misses(
    deploy: Callable[..., Result], built_stack: Any, new_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, folder = built_stack
    path = folder / "catalog.json"
    database = {name: one for name, one in made["Resources"].items() if one["Type"] == "AWS::Glue::Database"}
    path.write_text(json.dumps({**made, "Resources": database, "Outputs": {}}))
    lake = new_cloud.client("lakeformation")
    opened = lake.get_data_lake_settings()["DataLakeSettings"]
    everybody = {"Principal": OPEN[0]["Principal"], "Permissions": ["CREATE_DATABASE"], "Resource": {"Catalog": {}}}
    monkeypatch.setattr(prerequisites, "LOOKS", LOOKS)
    lake.put_data_lake_settings(DataLakeSettings=CLOSED)
    lake.revoke_permissions(**everybody)
    stopped, forced = (deploy("--yes", *more, "--template", path) for more in ([], ["--force"]))
    lake.grant_permissions(**everybody)
    lake.put_data_lake_settings(DataLakeSettings=opened)
    assert "aws lakeformation grant-permissions" in stopped.stdout
    assert "because the deployment would fail: lake-formation." in stopped.stderr
    assert "Insufficient Lake Formation permission(s): Required Create Database on Catalog" in forced.stderr
    assert "Ask its administrator for: aws lakeformation grant-permissions" in forced.stderr


@pytest.mark.parametrize(
    ("region", "has_mail"),
    [
        ("eu-north-1", True),
        ("us-gov-west-1", True),
        ("xx-future-9", True),
        ("eu-south-2", False),
        ("cn-north-1", False),
    ],
)
def test_a_region_without_ses_is_known_before_anything_is_made(region: str, has_mail: bool) -> None:
    found = looked(OneAccount(), replace(intent(), region=region)).get("region")
    assert found is None if has_mail else found and "no mail could leave from there" in found[1]
