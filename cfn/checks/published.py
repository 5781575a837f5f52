"""What our functions emit, for the lint of alarms: one on a metric that nobody emits, or emits otherwise, never fires.

CloudWatch never says that an alarm's dimensions match nothing; it waits for data for ever.
"""

from dataclasses import dataclass

from deliverywatch import thresholds
from deliverywatch.email.counts import NAMESPACE as EMAIL
from deliverywatch.operate.doctor.findings import METRIC as DOCTOR
from deliverywatch.operate.doctor.findings import NAMESPACE as OPERATE
from deliverywatch.pipeline.declaration.pipelines import NAMESPACE as PIPELINE
from deliverywatch.pipeline.outputs.metrics import PUBLISHED as PIPELINE_METRICS
from deliverywatch.queries.run.record import NAMESPACE as QUERIES
from deliverywatch.sms.counts import NAMESPACE as SMS


@dataclass(frozen=True, slots=True)
class Published:
    """A metric that our code emits.

    Attributes:
        dimensions: The names of its one set of dimensions.
        values: Of these dimensions the values that it is published with, where the code has them fixed.
        every_seconds: How often at least, while all is well; None where it comes only when something happens.
    """

    namespace: str
    name: str
    dimensions: frozenset[str]
    every_seconds: int | None = None
    values: tuple[tuple[str, frozenset[str]], ...] = ()


_ENVIRONMENT = frozenset({"Environment"})
_SLOT = thresholds.SLOT_MINUTES * 60
_ROUND = 900
_OF_A_PIPELINE = frozenset({"Environment", "Pipeline", "JobType"})


def _parts_of(metric: str) -> frozenset[str]:
    return frozenset(part.value for part, name in PIPELINE_METRICS if name == metric)


PUBLISHED = (
    *(Published(SMS, name, _ENVIRONMENT, _SLOT) for name in ("Total", "Failed", "Expected", "Runs", "OverduePercent")),
    Published(OPERATE, DOCTOR, _ENVIRONMENT, 86_400),
    *(Published(EMAIL, name, _ENVIRONMENT | {"Stream"}) for name in ("BouncePercent", "ComplaintPercent", "Sends")),
    *(Published(EMAIL, name, _ENVIRONMENT) for name in ("Refused", "Misfits")),
    *(
        Published(QUERIES, name, _ENVIRONMENT)
        for name in ("Executions", "ExecutionFailures", "ScannedBytes", "CostUsd", "Seconds")
    ),
    *(
        Published(QUERIES, name, _ENVIRONMENT, _ROUND)
        for name in ("Created", "Updated", "Deleted", "Unchanged", "Failed", "Withheld", "SourceFailed")
    ),
    *(
        # How often a run comes is declared, and so are the hours without one that the declaration is checked for.
        Published(PIPELINE, name, _OF_A_PIPELINE, values=(("JobType", _parts_of(name)),))
        for name in dict.fromkeys(name for _, name in PIPELINE_METRICS)
    ),
)  # fmt: skip

# What AWS publishes by itself, in which sets of dimensions.
AWS_DIMENSIONS = {
    "AWS/Lambda": ({"FunctionName"},),
    "AWS/States": ({"StateMachineArn"},),
    "AWS/SQS": ({"QueueName"},),
    "AWS/Scheduler": ({"ScheduleGroup"},),
    "AWS/Events": ({"RuleName"},),
    "AWS/DynamoDB": ({"TableName"}, {"TableName", "Operation"}),
    "AWS/Firehose": ({"DeliveryStreamName"},),
    # Sums by what was sent with, or those of the whole account.
    "AWS/SES": ({"ses:configuration-set"}, set()),
    # Not AWS/Glue; and Type is part of the identity.
    "Glue": ({"JobName", "JobRunId", "Type"},),
}
