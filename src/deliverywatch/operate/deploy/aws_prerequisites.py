"""What `deploy` asks of AWS before it changes anything, over boto3; nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.exceptions import ClientError

from deliverywatch.errors import CloudRefused, error_code
from deliverywatch.operate.account.aws import described_alarms, existing, listed, translated
from deliverywatch.operate.doctor import aws_doctor

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.doctor.checks_mail import Identity, Sending

_EVERYBODY = "IAM_ALLOWED_PRINCIPALS"
# SimulatePrincipalPolicy answers of so many actions at once.
_ACTIONS_PER_CALL = 50


@dataclass(frozen=True, slots=True)
class LakeFormation:
    """Whether IAM alone decides about the Glue catalog, and whether a principal may make a database in it."""

    principal: str
    is_open: bool
    may_create: bool


class Account:
    """One account and region before a deployment; a question that AWS denies is an error, not an answer."""

    def __init__(self, cloud: Cloud, number: str) -> None:
        doctor = aws_doctor.Account(cloud)
        self._client, self._s3 = cloud.client, cloud.s3_of(number)
        self._identity, self._sending = doctor.identity, doctor.sending
        self._stored = doctor.stored_parameters

    def offers_mail(self, region: str) -> bool:
        """Return whether SES is in a region, by the SDK's own list; one that it does not know is taken to have it."""
        session = botocore.session.get_session()
        partitions = session.get_available_partitions()
        lambdas = {name: session.get_available_regions("lambda", name) for name in partitions}
        home = next((name for name in partitions if region in lambdas[name]), None)
        return home is None or region in session.get_available_regions("sesv2", home)

    def identity(self, name: str) -> Identity | None:
        """Return an address or a domain in SES, or none."""
        return self._identity(name)

    def sending(self) -> Sending:
        """Return what SES lets the account do."""
        return self._sending()

    def has_configuration_set(self, name: str) -> bool:
        """Return whether SES has a configuration set."""
        ses = self._client("sesv2")
        with translated(f"The configuration set {name}"):
            made = existing(lambda: ses.get_configuration_set(ConfigurationSetName=name), "NotFoundException")
        return made is not None

    def stored_parameters(self, names: Sequence[str]) -> set[str]:
        """Return those of the SSM parameters that exist, without their values."""
        return self._stored(names)

    def bucket_region(self, name: str) -> str | None:
        """Return the region of a bucket; empty if there is none of that name, None if it is another account's."""
        with translated(f"The bucket {name}"):
            try:
                answer = existing(lambda: self._s3.head_bucket(Bucket=name), "404", "NoSuchBucket", "NotFound")
            except ClientError as error:
                if error_code(error) not in ("403", "AccessDenied"):
                    raise
                return None
        return str((answer or {}).get("BucketRegion", ""))

    def stacks_of(self, environment: str) -> list[str]:
        """Return the names of the stacks of DeliveryWatch that are an environment."""
        with translated("The stacks"):
            stacks = listed(self._client("cloudformation"), "describe_stacks", "Stacks")
        return [stack["StackName"] for stack in stacks if _is_ours(stack, environment)]

    def denied(self, principal: str, actions: Sequence[str]) -> dict[str, str]:
        """Return by action the words for what denies it to a principal, as far as IAM can say."""
        source = self._policy_source(principal)
        if source.endswith(":root") or ":federated-user/" in source:
            raise CloudRefused(
                f"IAM simulates nothing for {source.rpartition(':')[2]}.",
                next_step="Sign in as a user or with a role, if you want to know it before.",
            )
        denials: dict[str, str] = {}
        for first in range(0, len(actions), _ACTIONS_PER_CALL):
            names = list(actions[first : first + _ACTIONS_PER_CALL])
            with translated("Your rights"):
                results = listed(
                    self._client("iam"),
                    "simulate_principal_policy",
                    "EvaluationResults",
                    PolicySourceArn=source,
                    ActionNames=names,
                )
            denials |= {result["EvalActionName"]: words for result in results if (words := _denial(result))}
        return denials

    def _policy_source(self, principal: str) -> str:
        """Return what IAM simulates for an ARN of STS: of a session its role, with the path that only IAM knows."""
        if ":assumed-role/" in principal:
            with translated("Your role"):
                return str(self._client("iam").get_role(RoleName=principal.split("/")[1])["Role"]["Arn"])
        return principal

    def lake_formation(self, principal: str) -> LakeFormation:
        """Return how Lake Formation guards the Glue catalog."""
        client = self._client("lakeformation")
        with translated("The settings of Lake Formation"):
            settings = client.get_data_lake_settings()["DataLakeSettings"]
        defaults = (settings.get("CreateDatabaseDefaultPermissions"), settings.get("CreateTableDefaultPermissions"))
        is_open = all(_EVERYBODY in _principals(permissions or ()) for permissions in defaults)
        if is_open:
            return LakeFormation(principal, is_open=True, may_create=True)
        source = self._policy_source(principal)
        grants = self._catalog_grants(client)
        creators = _principals(grant for grant in grants if "CREATE_DATABASE" in grant.get("Permissions", ()))
        administrators = {one["DataLakePrincipalIdentifier"] for one in settings.get("DataLakeAdmins", ())}
        may_create = bool({source, _EVERYBODY} & (creators | administrators))
        return LakeFormation(source, is_open=False, may_create=may_create)

    def _catalog_grants(self, client: Any) -> list[dict[str, Any]]:
        """Return the grants on the catalog, of all pages; boto3 has no paginator for them."""
        grants: list[dict[str, Any]] = []
        request: dict[str, Any] = {"ResourceType": "CATALOG"}
        with translated("The grants of Lake Formation"):
            while True:
                page = client.list_permissions(**request)
                grants += page["PrincipalResourcePermissions"]
                if not page.get("NextToken"):
                    return grants
                request["NextToken"] = page["NextToken"]

    def unreserved_concurrency(self) -> int:
        """Return how many functions may run at once, of those that reserve nothing for themselves."""
        with translated("The limits of Lambda"):
            limit = self._client("lambda").get_account_settings()["AccountLimit"]
        return int(limit["UnreservedConcurrentExecutions"])

    def roles(self) -> tuple[int, int]:
        """Return how many IAM roles there are, and how many there may be."""
        with translated("The account's IAM quotas"):
            summary = self._client("iam").get_account_summary()["SummaryMap"]
        return int(summary["Roles"]), int(summary["RolesQuota"])

    def alarm_count(self) -> int:
        """Return how many alarms there are in this region."""
        with translated("The alarms"):
            return len(described_alarms(self._client("cloudwatch")))

    def dashboard_count(self) -> int:
        """Return how many dashboards there are."""
        with translated("The dashboards"):
            return len(listed(self._client("cloudwatch"), "list_dashboards", "DashboardEntries"))


def _is_ours(stack: Mapping[str, Any], environment: str) -> bool:
    parameters = {one["ParameterKey"]: one.get("ParameterValue") for one in stack.get("Parameters", ())}
    return parameters.get("Environment") == environment and "SenderAddress" in parameters


def _principals(permissions: Any) -> set[str]:
    return {str(one.get("Principal", {}).get("DataLakePrincipalIdentifier", "")) for one in permissions}


def _denial(result: Mapping[str, Any]) -> str:
    """Return in words what denies an action; empty if it is allowed."""
    if result["EvalDecision"] == "allowed":
        return ""
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return "a service control policy of your organization denies it"
    if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
        return "the permissions boundary of your role does not allow it"
    if result["EvalDecision"] == "explicitDeny":
        return "a policy of your role denies it"
    return "no policy of your role allows it on every resource"
