"""The environment variables of the functions -> their settings.

Those of the reconciler keep the names that users of the pagopa/pn-infra scheduler know: CONFIG_GIT_URL,
QUERY_EXECUTOR_ARN, SCHEDULE_ROLE_ARN, SCHEDULE_GROUP_NAME, PROJECT_NAME.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deliverywatch.environment import required
from deliverywatch.errors import ConfigurationError
from deliverywatch.queries.config.query import Origin
from deliverywatch.queries.execute import Settings as Execution
from deliverywatch.queries.schedule.plan import ByHand, Rules
from deliverywatch.queries.schedule.specification import Wiring


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the reconciler works with; `url` is https, s3, or empty for the file that was built in.

    `databases` are those that the executor may read; empty if that is not known.
    """

    environment: str
    bucket: str
    group: str
    wiring: Wiring
    rules: Rules
    url: str = ""
    token_parameter: str = ""
    period_minutes: int = 5
    databases: tuple[str, ...] = ()

    @property
    def origin(self) -> Origin:
        """The group of our schedules, and what their names begin with."""
        return Origin(self.group, self.wiring.prefix)


def reconciliation(environ: Mapping[str, str]) -> Reconciliation:
    """Return the settings of the reconciler, or raise ConfigurationError if one is missing or not what it should be."""
    return Reconciliation(
        environment=required(environ, "DELIVERYWATCH_ENVIRONMENT"),
        bucket=required(environ, "DELIVERYWATCH_BUCKET"),
        group=required(environ, "SCHEDULE_GROUP_NAME"),
        wiring=Wiring(
            project=required(environ, "PROJECT_NAME"),
            executor_arn=required(environ, "QUERY_EXECUTOR_ARN"),
            role_arn=required(environ, "SCHEDULE_ROLE_ARN"),
            dead_letter_arn=environ.get("DEAD_LETTER_QUEUE_ARN", ""),
            window_minutes=int(_number(environ, "SPREAD_MINUTES", 0)),
        ),
        rules=Rules(
            by_hand=_by_hand(environ.get("DISABLED_BY_HAND", "")),
            delete_count=int(_number(environ, "DELETE_COUNT", Rules().delete_count)),
            delete_percent=_number(environ, "DELETE_PERCENT", Rules().delete_percent),
        ),
        url=environ.get("CONFIG_GIT_URL", ""),
        token_parameter=environ.get("CONFIG_TOKEN_PARAMETER", ""),
        period_minutes=int(_number(environ, "PERIOD_MINUTES", 5)),
        databases=tuple(filter(None, environ.get("DATABASES", "").split(","))),
    )


def execution(environ: Mapping[str, str]) -> Execution:
    """Return the settings of the executor, or raise ConfigurationError if one is missing or not what it should be."""
    return Execution(
        bucket=required(environ, "DELIVERYWATCH_BUCKET"),
        region=environ.get("AWS_REGION", ""),
        timeout_seconds=_number(environ, "TIMEOUT_SECONDS", Execution("", "").timeout_seconds),
        unmeasured_runs=int(_number(environ, "UNMEASURED_RUNS", Execution("", "").unmeasured_runs)),
    )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError as error:
        raise ConfigurationError(f"The environment variable {name} is not a number: '{environ[name]}'.") from error


def _by_hand(word: str) -> ByHand:
    try:
        return ByHand(word or ByHand.RESPECT)
    except ValueError as error:
        raise ConfigurationError(f"DISABLED_BY_HAND is '{word}'; it is one of {', '.join(ByHand)}.") from error
