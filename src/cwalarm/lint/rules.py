"""Every rule of the lint: how bad what it finds is, why that is so, what to write instead, and AWS's page about it."""

from dataclasses import dataclass
from enum import StrEnum

_GUIDE = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring"
_API = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference"

MISSING = f"{_GUIDE}/alarms-and-missing-data.html"
EVALUATION = f"{_GUIDE}/alarm-evaluation.html"
MATH = f"{_GUIDE}/using-metric-math.html"
STATISTICS = f"{_GUIDE}/Statistics-definitions.html"
CONCEPTS = f"{_GUIDE}/cloudwatch_concepts.html"
ACTIONS = f"{_GUIDE}/alarm-actions.html"
FILTERS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html"
SERVICES = f"{_GUIDE}/aws-services-cloudwatch-metrics.html"
DEAD_LETTERS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"
)
COMPOSITES = f"{_GUIDE}/alarm-combining.html"
BANDS = f"{_GUIDE}/CloudWatch_Anomaly_Detection.html"
RESOURCES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html"
PUT_ALARM = f"{_API}/API_PutMetricAlarm.html"
ENCRYPTED = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html"


class Level(StrEnum):
    """How bad a finding is, in SARIF's words: an error cannot do its work, a note is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `title` is a sentence about an alarm that breaks it."""

    name: str
    level: Level
    title: str
    why: str
    instead: str
    page: str


def _rule(name: str, level: Level, title: str, why: str, instead: str, page: str) -> tuple[str, Rule]:
    return name, Rule(name, level, title, why, instead, page)


RULES: dict[str, Rule] = dict((
    _rule("refused-definition", Level.ERROR, "AWS refuses the definition.",
          "The stack fails when it is deployed, or the alarm stays as it was.",
          "Correct the member that the finding names.", PUT_ALARM),
    _rule("not-judged", Level.NOTE, "The alarm cannot be read or evaluated without AWS.",
          "Nothing else in this report speaks of it.",
          "Check it by hand, or give the parameters that it needs with --set.", PUT_ALARM),
    _rule("never-fires", Level.ERROR, "No data can put it into ALARM.",
          "Every value that its expression can have is on the good side of the threshold.",
          "Compare with a threshold that the value can cross.", EVALUATION),
    _rule("never-recovers", Level.ERROR, "No value can make it OK.",
          "Every value that its expression can have breaches the threshold, so it is in ALARM while data comes.",
          "Compare with a threshold that a healthy value does not breach.", EVALUATION),
    _rule("not-decided", Level.NOTE, "Whether it can fire, or recover, was not decided.",
          "No data that was played to it did it, and that it is impossible could not be proven.",
          "Write a case with data that raises it and run it with cwalarm check.", EVALUATION),
    _rule("fires-only-below-zero", Level.WARNING, "Only values below zero put it into ALARM, or make it OK again.",
          "Counts, sizes and durations are never below zero.",
          "Turn the comparison round, or move the threshold.", EVALUATION),
    _rule("single-datapoint", Level.NOTE, "One bad datapoint puts it into ALARM.",
          "A single outlier, or a single failed call, wakes somebody.",
          "Set EvaluationPeriods 3 and DatapointsToAlarm 2, unless one is bad enough.", EVALUATION),
    _rule("fires-on-one-in-gaps", Level.NOTE, "It wants several bad datapoints, and one alone is enough among gaps.",
          "A lone bad datapoint in an empty evaluation range raises the alarm once it is M periods old.",
          "Publish zeros, fill gaps with FILL(m, 0), or set TreatMissingData to notBreaching.", MISSING),
    _rule("blind-without-data", Level.WARNING, "It does not notice that data stops, though it watches for too little.",
          "When nothing is published any more, which is the worst of too little, it does not go into ALARM.",
          "Set TreatMissingData to breaching, or compare FILL(m, 0).", MISSING),
    _rule("silent-without-data", Level.NOTE, "Nobody hears when its data stops.",
          "It keeps its state, or changes to one without an action, so an outage of the publisher looks like health.",
          "Add a second alarm on a metric that is always published, or InsufficientDataActions.", MISSING),
    _rule("recovers-without-data", Level.NOTE, "Its ALARM ends when data stops.",
          "Missing data counts as good: what fails so badly that it publishes nothing is reported as recovered.",
          "Set TreatMissingData to ignore, so that only good data ends an ALARM.", MISSING),
    _rule("late-to-notice-silence", Level.NOTE, "It notices that data stops much later than it reads.",
          "CloudWatch looks at more periods than EvaluationPeriods before it takes data as missing.",
          "Use a shorter period with more of them, or compare FILL(m, 0).", MISSING),
    _rule("alarms-when-quiet", Level.WARNING, "It goes into ALARM when there is no traffic.",
          "The metric is published only while something happens, and missing data counts as breaching.",
          "Set TreatMissingData to notBreaching.", MISSING),
    _rule("sparse-goes-insufficient", Level.WARNING, "It alternates between ALARM, OK and INSUFFICIENT_DATA.",
          "The metric is published only when something happens, and gaps are taken as missing.",
          "Set TreatMissingData to notBreaching, or give the metric filter DefaultValue: 0.", MISSING),
    _rule("stuck-while-silent", Level.WARNING, "Once in ALARM it stays there until the next event.",
          "The metric is published only when something happens, and missing data is ignored: nothing ends it.",
          "Give the metric filter DefaultValue: 0, or set TreatMissingData to notBreaching.", MISSING),
    _rule("fill-of-late-data", Level.WARNING, "FILL fills the newest period before its data is there.",
          "Metrics come some minutes late, so the newest datapoint is always the filled one and decides the state.",
          "Use a period of at least 5 minutes, or M of N with M smaller than N.", MATH),
    _rule("depends-on-range", Level.WARNING, "Its value depends on how many periods CloudWatch happens to fetch.",
          "Alarms fetch more datapoints than EvaluationPeriods, how many is not documented; AWS advises against it.",
          "Compare the series itself, or let the period do the aggregation.", MATH),
    _rule("unit-nobody-publishes", Level.ERROR, "It counts only values of a Unit that nobody publishes.",
          "A Unit chooses values; values of another unit, or of none, are not seen, and it stays in INSUFFICIENT_DATA.",
          "Leave Unit out.", PUT_ALARM),
    _rule("unit-narrows", Level.NOTE, "It counts only values of one Unit.",
          "Whether the publisher writes that unit cannot be seen in the template.",
          "Leave Unit out.", PUT_ALARM),
    _rule("dimensions-nobody-publishes", Level.ERROR, "It asks for a set of dimensions that nobody publishes.",
          "A metric is its name and its exact set of dimensions: one more, or one fewer, is another metric.",
          "Give exactly the dimensions that the publisher gives.", CONCEPTS),
    _rule("metric-nobody-publishes", Level.WARNING, "Nobody is seen to publish a metric of that name.",
          "It looks like a name that was misspelt: the alarm never gets data.",
          "Use the name that the metric filter, the EMF document or the service gives.", CONCEPTS),
    _rule("dead-letters-not-counted", Level.ERROR, "It counts what is sent to a dead-letter queue.",
          "Messages that SQS moves there by itself, after failed attempts, are not in NumberOfMessagesSent.",
          "Use the maximum of ApproximateNumberOfMessagesVisible.", DEAD_LETTERS),
    _rule("reference-is-no-name", Level.ERROR, "A dimension has a reference that does not return the name.",
          "The metric is published by the name, so nothing matches and the alarm never gets data.",
          "Use the reference that the finding names.", SERVICES),
    _rule("m-of-n-unreachable", Level.ERROR, "So many datapoints as it wants never come together.",
          "The metric is published less often than the periods follow one another.",
          "Use a period as long as the publishing interval.", SERVICES),
    _rule("high-resolution-of-standard", Level.ERROR, "Its period is shorter than the metric's resolution.",
          "AWS publishes its metrics once a minute: periods of 10, 20 and 30 seconds see gaps, at the price of high "
          "resolution.",
          "Use a period of 60 seconds.", CONCEPTS),
    _rule("beyond-retention", Level.ERROR, "It looks back further than the data is kept.",
          "Datapoints with a period of less than a minute are kept for 3 hours.",
          "Use a period of at least 60 seconds.", CONCEPTS),
    _rule("few-samples", Level.NOTE, "Its percentile means little with few values.",
          "With fewer values in a period than the percentile needs, it is close to the largest single value.",
          "Set EvaluateLowSampleCountPercentile to ignore, use a longer period, or a lower percentile.", STATISTICS),
    _rule("percent-scale", Level.WARNING, "The threshold is on another scale than the value.",
          "A percentage lies between 0 and 100, a share between 0 and 1; times and sizes have the unit that AWS says.",
          "Multiply the expression by 100, or move the threshold.", MATH),
    _rule("gauge-summed", Level.WARNING, "It sums up a metric that is a level, not a count.",
          "The sum grows with the number of times that the level was published in the period.",
          "Use Maximum or Average.", STATISTICS),
    _rule("count-averaged", Level.WARNING, "It takes an average or an extreme of a count.",
          "Each request publishes a 0 or a 1, so the result is at most 1, whatever the number of failures.",
          "Use Sum.", STATISTICS),
    _rule("publications-counted", Level.WARNING, "It counts how often the metric was published, not what it says.",
          "SampleCount is the same whether the values are 0 or 1,000.",
          "Use Sum.", STATISTICS),
    _rule("first-event-not-enough", Level.NOTE, "The first event does not raise it.",
          "The metric filter counts 1 per event, and 1 is not greater than 1.",
          "Use GreaterThanOrEqualToThreshold, or the threshold 0.", EVALUATION),
    _rule("no-action", Level.WARNING, "Nobody hears of its ALARM.",
          "It has no action, and no composite, deployment or rule of the template refers to it.",
          "Add AlarmActions, such as an SNS topic.", ACTIONS),
    _rule("no-alarm-action", Level.WARNING, "It acts on other states, but not on ALARM.",
          "Whoever gets its OK was never notified of the ALARM.",
          "Add AlarmActions.", ACTIONS),
    _rule("action-is-no-arn", Level.ERROR, "An action of it is not an ARN.",
          "CloudWatch refuses the alarm, and the stack fails when it is deployed.",
          "Use the ARN of a topic or of a function.", PUT_ALARM),
    _rule("actions-disabled", Level.WARNING, "Its actions are switched off.",
          "ActionsEnabled is false, and its state changes without a word.",
          "Leave ActionsEnabled out.", ACTIONS),
    _rule("topic-closed-to-cloudwatch", Level.WARNING, "Its topic is encrypted with a key that CloudWatch may not use.",
          "The state changes, and the notification is lost; only the alarm's history shows it.",
          "Use a key whose policy lets cloudwatch.amazonaws.com kms:Decrypt and kms:GenerateDataKey*.", ENCRYPTED),
    _rule("composite-child-unknown", Level.WARNING, "Its rule names an alarm that is not in the template.",
          "CloudWatch refuses a rule with an alarm that does not exist at that moment.",
          "Name an alarm of the template, or make sure that the other exists before.", COMPOSITES),
    _rule("composite-never-fires", Level.ERROR, "No states of its children make its rule true.",
          "All combinations of the children's states were tried.",
          "Correct the rule.", COMPOSITES),
    _rule("composite-never-recovers", Level.ERROR, "All states of its children make its rule true.",
          "All combinations of the children's states were tried.",
          "Correct the rule.", COMPOSITES),
    _rule("band-missing", Level.ERROR, "It compares with an anomaly detection band that it does not have.",
          "ThresholdMetricId must be the id of an entry with ANOMALY_DETECTION_BAND, and Threshold must be left out.",
          "Add the entry with ANOMALY_DETECTION_BAND and name its id.", BANDS),
    _rule("repeated-logical-id", Level.WARNING, "A resource before it has the same logical id.",
          "CloudFormation takes the last one of a name without a word: what stands before it is not in the stack.",
          "Give each resource a logical id of its own.", RESOURCES),
    _rule("warm-up-not-replayed", Level.NOTE, "It warms up once it is created.",
          "What is played to it here takes it as created long before.",
          "Nothing to correct.", EVALUATION),
    _rule("not-evaluated", Level.NOTE, "A member of it cannot be evaluated from datapoints.",
          "What it changes in CloudWatch is not seen in answers, checks and replays.",
          "Keep it in mind where you read them.", PUT_ALARM),
    _rule("unused-acceptance", Level.WARNING, "It accepts a finding that there is not, or gives no reason.",
          "What once was accepted stays accepted when it comes back in another form.",
          "Remove the acceptance, or write the reason.", f"{_GUIDE}/Best-Practice-Alarms.html"),
))  # fmt: skip
