"""What is about to be deployed, and the account -> what is missing, before anything is changed, each with its command.

A failure is what the deployment would certainly end with; a warning is what would not work afterwards. What cannot be
looked at is a warning too, and keeps nobody from deploying.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cwalarm.definitions.template import Resolver
from deliverywatch.operate.account.deployment import credentials_path, secret_names
from deliverywatch.operate.account.readings import reason
from deliverywatch.operate.account.remedies import remedy
from deliverywatch.operate.doctor import checks_mail, checks_stack
from deliverywatch.operate.doctor.check import Check, Verdict, failed, ok, some, unknown, warning

if TYPE_CHECKING:
    from deliverywatch.operate.deploy.aws_prerequisites import Account

# What CloudFormation needs to make each kind, of those that an organization may forbid.
RIGHTS = {
    "AWS::Athena::NamedQuery": "athena:CreateNamedQuery",
    "AWS::Athena::WorkGroup": "athena:CreateWorkGroup",
    "AWS::Budgets::Budget": "budgets:ModifyBudget",
    "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm",
    "AWS::CloudWatch::CompositeAlarm": "cloudwatch:PutCompositeAlarm",
    "AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard",
    "AWS::DynamoDB::Table": "dynamodb:CreateTable",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::Glue::Crawler": "glue:CreateCrawler",
    "AWS::Glue::Database": "glue:CreateDatabase",
    "AWS::Glue::Table": "glue:CreateTable",
    "AWS::IAM::Policy": "iam:PutRolePolicy",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::KinesisFirehose::DeliveryStream": "firehose:CreateDeliveryStream",
    "AWS::Lambda::EventInvokeConfig": "lambda:PutFunctionEventInvokeConfig",
    "AWS::Lambda::EventSourceMapping": "lambda:CreateEventSourceMapping",
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::Lambda::Permission": "lambda:AddPermission",
    "AWS::Lambda::Url": "lambda:CreateFunctionUrlConfig",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup",
    "AWS::Logs::LogStream": "logs:CreateLogStream",
    "AWS::Logs::MetricFilter": "logs:PutMetricFilter",
    "AWS::S3::Bucket": "s3:CreateBucket",
    "AWS::S3::BucketPolicy": "s3:PutBucketPolicy",
    "AWS::SES::ConfigurationSet": "ses:CreateConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination": "ses:CreateConfigurationSetEventDestination",
    "AWS::SNS::Subscription": "sns:Subscribe",
    "AWS::SNS::Topic": "sns:CreateTopic",
    "AWS::SNS::TopicPolicy": "sns:SetTopicAttributes",
    "AWS::SQS::Queue": "sqs:CreateQueue",
    "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes",
    "AWS::SSM::Parameter": "ssm:PutParameter",
    "AWS::Scheduler::Schedule": "scheduler:CreateSchedule",
    "AWS::Scheduler::ScheduleGroup": "scheduler:CreateScheduleGroup",
    "AWS::StepFunctions::StateMachine": "states:CreateStateMachine",
}
_ALWAYS = ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet", "iam:PassRole")
# What every account has: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html.
_ALARMS_QUOTA = 5000
_FREE_DASHBOARDS = 3
# Of the functions that may run at once: docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html.
_KEPT_UNRESERVED = 10
_BUCKET = "AWS::S3::Bucket"
_SCHEDULE_GROUP = "AWS::Scheduler::ScheduleGroup"
_EVENT_DESTINATION = "AWS::SES::ConfigurationSetEventDestination"
_MORE_CONCURRENCY = (
    "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
    "--desired-value 1000"
)
_ALL_TABLES = (
    "aws lakeformation grant-permissions --principal DataLakePrincipalIdentifier=IAM_ALLOWED_PRINCIPALS "
    "--permissions ALL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to be deployed, by whom and from which bucket; `principal` is the ARN that STS names.

    `before` is the template of the stack as it is, with the parameters `old`; of a new one there is none.
    """

    stack: str
    region: str
    principal: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    artifacts: str
    is_new: bool
    before: Mapping[str, Any] = field(default_factory=dict)
    old: Mapping[str, str] = field(default_factory=dict)
    kinds: Counter[str] = field(init=False)
    configuration_sets: tuple[str, ...] = field(init=False)
    buckets: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Count the resources that these parameters make, and name their buckets and what they need of SES."""
        resolver = Resolver(self.template, self.parameters)
        resources = self.template["Resources"].items()
        made = {name: one["Type"] for name, one in resources if resolver.holds(one.get("Condition"))}
        object.__setattr__(self, "kinds", Counter(made.values()))
        destinations = [resolver.properties(name) for name, kind in made.items() if kind == _EVENT_DESTINATION]
        sets = dict.fromkeys(str(destination["ConfigurationSetName"]) for destination in destinations)
        object.__setattr__(self, "configuration_sets", tuple(sets))
        buckets = (resolver.properties(name).get("BucketName") for name, kind in made.items() if kind == _BUCKET)
        object.__setattr__(self, "buckets", tuple(str(name) for name in buckets if name))

    @property
    def environment(self) -> str:
        """What names of the stack hold."""
        return self.parameters["Environment"]

    def addresses(self, *names: str) -> list[str]:
        """Return the addresses in these parameters, each once."""
        listed = (address.strip() for name in names for address in self.parameters.get(name, "").split(","))
        return [address for address in dict.fromkeys(listed) if address]


def looked_at(account: Account, intent: Intent) -> Iterator[Check]:
    """Yield a line per thing that was looked at; what AWS does not let be looked at is said, and stops nothing."""
    for name, look in LOOKS:
        try:
            yield from look(account, intent)
        except Exception as error:  # an odd answer fails as the code that reads it happens to
            yield warning(name, f"This could not be looked at: {reason(error)}", unknown(name, error).fix)


def _region(account: Account, intent: Intent) -> Iterable[Check]:
    if account.offers_mail(intent.region):
        yield ok("region", f"SES is in {intent.region}.")
        return
    finding = f"SES is not in {intent.region}, so that no mail could leave from there."
    yield failed("region", finding, "deliverywatch deploy --region with one that README names under Regions")


def _artifacts(account: Account, intent: Intent) -> Iterable[Check]:
    region = account.bucket_region(intent.artifacts)
    if region in ("", intent.region):
        yield ok("artifacts", f"Code is uploaded to s3://{intent.artifacts}.")
        return
    if region is None:
        finding = f"s3://{intent.artifacts} is another account's, or your role may not read it."
        yield failed("artifacts", finding, "deliverywatch deploy --artifacts-bucket with a name that is free or yours")
        return
    yield failed(
        "artifacts",
        f"s3://{intent.artifacts} lies in {region}: Lambda reads code only from a bucket in its own region, "
        f"{intent.region}.",
        "deliverywatch deploy without --artifacts-bucket, which makes one here",
    )


def _buckets(account: Account, intent: Intent) -> Iterable[Check]:
    names = intent.buckets if intent.is_new else ()
    for name in names:
        region = account.bucket_region(name)
        if region == "":
            yield ok("bucket-names", f"s3://{name} can be made.")
            continue
        finding = (
            f"s3://{name} is another account's: a name is used once in all of AWS."
            if region is None
            else f"s3://{name} is there already, and CloudFormation takes over no bucket."
        )
        parameters = (parameter for parameter, value in intent.parameters.items() if value == name)
        yield failed("bucket-names", finding, f"deliverywatch deploy --set {next(parameters, 'BucketName')}=another")


def _schedule_group(_account: Account, intent: Intent) -> Iterable[Check]:
    made = _schedule_groups(intent.before, intent.old)
    gone = made - _schedule_groups(intent.template, intent.parameters)
    for name in sorted(gone & {intent.parameters.get("QueriesGroupName", "")}):
        yield failed(
            "schedule-group",
            f"The stack made the schedule group {name}: if adopted, CloudFormation deletes it with its schedules.",
            "deliverywatch deploy --set QueriesGroup=made, or adopt a group of another name that you made",
        )
    if made and not gone:
        yield ok("schedule-group", f"The schedule group {some(sorted(made))} stays.")


def _schedule_groups(template: Mapping[str, Any], parameters: Mapping[str, str]) -> set[str]:
    made = template.get("Resources")
    if not made:
        return set()
    resolver = Resolver(template, parameters)
    groups = [name for name, one in made.items() if one["Type"] == _SCHEDULE_GROUP]
    return {str(resolver.properties(name)["Name"]) for name in groups if resolver.holds(made[name].get("Condition"))}


def _environment(account: Account, intent: Intent) -> Iterable[Check]:
    others = [name for name in account.stacks_of(intent.environment) if name != intent.stack]
    if not others:
        yield ok("environment", f"No other stack here is the environment {intent.environment}.")
        return
    yield failed(
        "environment",
        f"{some(others)} is the environment {intent.environment} already, so that the names of its parts are taken.",
        f"aws cloudformation describe-stacks --stack-name {others[0]}, or deploy with --set Environment=another",
    )


def _rights(account: Account, intent: Intent) -> Iterable[Check]:
    actions = sorted({*_ALWAYS, *(RIGHTS[kind] for kind in intent.kinds if kind in RIGHTS)})
    denied = account.denied(intent.principal, actions)
    if not denied:
        yield ok("rights", f"Nothing forbids the {len(actions)} actions that CloudFormation needs.")
    for words, names in _by_reason(denied).items():
        finding = f"{some(names)}: {words}."
        step = remedy(words) or "Have these rights added to your role, or use another with --profile."
        certain = "service control policy" in words
        yield failed("rights", finding, step) if certain else warning("rights", finding, step)


def _by_reason(denied: Mapping[str, str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for action, words in denied.items():
        reasons.setdefault(words, []).append(action)
    return reasons


def _lake_formation(account: Account, intent: Intent) -> Iterable[Check]:
    if "AWS::Glue::Database" not in intent.kinds:
        return
    lake = account.lake_formation(intent.principal)
    if lake.is_open:
        yield ok("lake-formation", "IAM alone guards the Glue catalog.")
        return
    if intent.is_new and not lake.may_create:
        yield failed(
            "lake-formation",
            "Lake Formation guards the Glue catalog, and lets your role make no database.",
            "aws lakeformation grant-permissions --principal DataLakePrincipalIdentifier="
            f"{lake.principal} --permissions CREATE_DATABASE --resource '{{\"Catalog\":{{}}}}'",
        )
    database = f"deliverywatch_{intent.environment}"
    yield warning(
        "lake-formation",
        f"Lake Formation guards new tables: once {database} is made, functions and saved queries cannot read it.",
        f"After the deployment: {_ALL_TABLES} --resource "
        f'\'{{"Table":{{"DatabaseName":"{database}","TableWildcard":{{}}}}}}\'; the same with '
        f'\'{{"Database":{{"Name":"{database}"}}}}\'',
    )


def _sender(account: Account, intent: Intent) -> Iterable[Check]:
    for address in intent.addresses("SenderAddress"):
        names = (address, checks_mail.domain(address))
        identities = {identity.name: identity for name in names if (identity := account.identity(name))}
        yield _later(checks_mail.sender(address, identities))


def _sandbox(account: Account, intent: Intent) -> Iterable[Check]:
    state = account.sending()
    yield _later(checks_mail.sending(state))
    addresses = intent.addresses("AlertRecipients", "CriticalRecipients")
    unverified = [] if state.is_out_of_sandbox else [one for one in addresses if not _is_verified(account, one)]
    yield _later(checks_mail.sandbox(state, unverified))


def _is_verified(account: Account, address: str) -> bool:
    identities = (account.identity(name) for name in (address, checks_mail.domain(address)))
    return any(identity is not None and identity.is_verified for identity in identities)


def _configuration_sets(account: Account, intent: Intent) -> Iterable[Check]:
    for name in intent.configuration_sets:
        if account.has_configuration_set(name):
            yield ok("config-set", f"SES has the configuration set {name}.")
            continue
        yield failed(
            "config-set",
            f"SES has no configuration set {name}, whose events the stack is to collect.",
            f"aws sesv2 create-configuration-set --configuration-set-name {name}, or name the one that your mails are "
            "sent with: deliverywatch deploy --set NewsletterConfigurationSet=..., TransactionalConfigurationSet=...",
        )


def _credentials(account: Account, intent: Intent) -> Iterable[Check]:
    if path := credentials_path(intent.parameters):
        names = [f"{path}/username", f"{path}/api_key"]
        yield _later(checks_stack.credentials(names, account.stored_parameters(names)))


def _secrets(account: Account, intent: Intent) -> Iterable[Check]:
    if names := secret_names(intent.parameters):
        yield _later(checks_stack.secrets(names, account.stored_parameters(names)))


def _concurrency(account: Account, intent: Intent) -> Iterable[Check]:
    functions, limit = intent.kinds["AWS::Lambda::Function"], account.unreserved_concurrency()
    has_page = "AWS::Lambda::Url" in intent.kinds
    if has_page and intent.is_new and limit - int(intent.parameters["PageConcurrency"]) < _KEPT_UNRESERVED:
        finding = f"Lambda runs {limit} functions of this account at once, and lets nobody reserve any of the last 10."
        yield failed("concurrency", finding, "deliverywatch deploy --set PageConcurrency=0")
        return
    if limit >= functions:
        yield ok("concurrency", f"Lambda runs {limit} functions at once here.")
        return
    yield warning(
        "concurrency",
        f"Lambda runs {limit} functions of this account at once, and the stack has {functions}: runs can be throttled.",
        _MORE_CONCURRENCY,
    )


def _quotas(account: Account, intent: Intent) -> Iterable[Check]:
    if not intent.is_new:
        return
    roles, quota = account.roles()
    yield _within("quota-roles", "IAM roles", roles + intent.kinds["AWS::IAM::Role"], quota, "iam", "L-FE177D64")
    alarms = account.alarm_count() + intent.kinds["AWS::CloudWatch::Alarm"]
    if alarms > _ALARMS_QUOTA:
        finding = f"This makes {alarms:,} alarms here; unless it was raised, the quota is {_ALARMS_QUOTA:,}."
        yield warning("quota-alarms", finding, "See Service Quotas > Amazon CloudWatch in the console.")
    dashboards = account.dashboard_count()
    if intent.kinds["AWS::CloudWatch::Dashboard"] and dashboards >= _FREE_DASHBOARDS:
        finding = f"There are {dashboards} dashboards: three are free, and each more costs 3 USD a month."
        yield warning("dashboards", finding, "deliverywatch deploy --set CreateDashboard=false")


def _within(name: str, what: str, count: int, quota: int, service: str, code: str) -> Check:
    if count <= quota:
        return ok(name, f"{count} of {quota} {what}.")
    return failed(
        name,
        f"This would make {count} {what}, and the account may have {quota}.",
        f"aws service-quotas request-service-quota-increase --service-code {service} --quota-code {code} "
        f"--desired-value {count}",
    )


def _later(check: Check) -> Check:
    """Return a check of a deployed stack for one that is to be: it keeps mails from leaving, not the deployment."""
    return replace(check, verdict=Verdict.WARNING) if check.verdict is Verdict.FAILED else check


LOOKS: tuple[tuple[str, Callable[[Account, Intent], Iterable[Check]]], ...] = (
    ("region", _region),
    ("artifacts", _artifacts),
    ("bucket-names", _buckets),
    ("schedule-group", _schedule_group),
    ("environment", _environment),
    ("rights", _rights),
    ("lake-formation", _lake_formation),
    ("sender", _sender),
    ("sandbox", _sandbox),
    ("config-set", _configuration_sets),
    ("clicksend-stored", _credentials),
    ("secrets", _secrets),
    ("concurrency", _concurrency),
    ("quotas", _quotas),
)
