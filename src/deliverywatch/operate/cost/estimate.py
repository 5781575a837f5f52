"""A built template, its parameters and a volume -> what a month of it costs, line by line, at list price.

Whatever the template holds is counted, whichever systems it was built of: alarms by the metrics they refer to, runs by
the schedules that start them. What is billed by use and not known here is named, not left out in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deliverywatch.operate.cost import usage_assumptions
from deliverywatch.operate.cost.billed import Billed, custom_metrics, read, referred
from deliverywatch.operate.cost.prices import prices
from deliverywatch.operate.cost.usage_assumptions import RUNS, UNMEASURED, Run

_SMS = "DeliveryWatch/Sms"
DAYS_PER_MONTH = usage_assumptions.HOURS_PER_MONTH / 24


@dataclass(frozen=True, slots=True)
class Volume:
    """How much the stack has to do; every number is one that an operator knows or can count.

    What belongs to a system that the template has not costs nothing.
    """

    messages_per_day: int = 14_000
    mails_per_month: int = 100
    recipients_per_mail: int = 3
    queries_per_month: int = 20
    emails_per_day: int = 14_000
    files_per_day: int = 1_000

    @property
    def messages_per_month(self) -> float:
        """Messages in 730 hours."""
        return self.messages_per_day * DAYS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the estimate; `free_usd` is what is left to pay within the allowance that every account has."""

    item: str
    how: str
    usd: float
    free_usd: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a month costs.

    Attributes:
        further_value_usd: What one more value of a dimension would add, with metrics and alarms as the others have.
        uncounted: Kinds of resource that are billed by use and are not in the lines.
    """

    lines: tuple[Line, ...]
    further_value_usd: float
    further_value: str
    uncounted: tuple[str, ...] = ()

    @property
    def usd(self) -> float:
        """The sum at list price."""
        return sum(line.usd for line in self.lines)

    @property
    def free_usd(self) -> float:
        """The sum within the always-free allowance, in an account that uses it for nothing else."""
        return sum(line.free_usd for line in self.lines)


def monthly(template: Mapping[str, Any], parameters: Mapping[str, str], volume: Volume | None = None) -> Estimate:
    """Return the estimate of a template; a parameter without a default that is left out costs nothing."""
    usage = volume or Volume()
    billed = read(template, parameters)
    lines = [
        _metrics(billed),
        _alarms(billed),
        *_composites(billed),
        _calls(billed, usage),
        _functions(billed, usage),
        _requests(billed, usage),
        _storage(usage),
        _logs(billed, usage),
        _starts(billed),
        _mails(usage),
        _queries(usage),
        *_firehose(billed, usage),
        *_files(billed, usage),
        *_dashboards(billed),
    ]
    usd, how = _further_value(billed)
    return Estimate(tuple(lines), usd, how, billed.uncounted)


def _over(used: float, allowance: str) -> float:
    return max(0.0, used - prices().always_free[allowance])


def _metrics(billed: Billed) -> Line:
    """A metric is billed for the hours in which it is emitted: all, or those of the few runs that emit it."""
    count, price = len(custom_metrics(billed)), prices().usd["metric"]
    by_the_hour = sum(starts * _run(billed, name).metrics for name, starts in billed.starts.items())
    used = count + by_the_hour / usage_assumptions.HOURS_PER_MONTH
    rare = f", and one for {by_the_hour:,.0f} hours" if by_the_hour else ""
    how = f"{count} custom metrics at {price:.2f}{rare}"
    return Line("metrics", how, used * price, _over(used, "metrics") * price)


def _calls(billed: Billed, volume: Volume) -> Line:
    count = sum(count * run.cloudwatch_calls for count, run in _all_runs(billed, volume))
    price = prices().usd["thousand_cloudwatch_calls"] / 1e3
    how = f"{count:,.0f} requests: every sweep looks at all alarms"
    return Line("CloudWatch", how, count * price, _over(count, "cloudwatch_calls") * price)


def _alarms(billed: Billed) -> Line:
    count, price = sum(len(referred(alarm)) for alarm in billed.alarms), prices().usd["alarm_metric"]
    how = f"{len(billed.alarms)} alarms that refer to {count} metrics, at {price:.2f} each"
    return Line("alarms", how, count * price, _over(count, "alarm_metrics") * price)


def _composites(billed: Billed) -> list[Line]:
    price, count = prices().usd["composite_alarm"], billed.composites
    cost = count * price
    return [Line("composite alarms", f"{count} at {price:.2f}", cost, cost)] if count else []


def _run(billed: Billed, function: str) -> Run:
    return RUNS.get(billed.verbs.get(function, ""), UNMEASURED)


def _all_starts(billed: Billed, volume: Volume) -> dict[str, float]:
    """By function, how often its schedules or the files start it in a month."""
    of_files = [name for name, verb in billed.verbs.items() if verb in ("files-process", "files-push")]
    return {**billed.starts, **dict.fromkeys(of_files, volume.files_per_day * DAYS_PER_MONTH)}


def _functions(billed: Billed, volume: Volume) -> Line:
    usd = prices().usd
    runs, arm, x86 = float(volume.mails_per_month), 0.0, 0.0
    all_starts = _all_starts(billed, volume)
    for made in billed.functions:
        name = str(made["FunctionName"])
        starts = all_starts.get(name, 0)
        seconds = starts * _run(billed, name).seconds
        if billed.verbs[name] == "alerting-notify":
            seconds += volume.mails_per_month * usage_assumptions.PER_MAIL.seconds
        gigabyte_seconds = seconds * float(made["MemorySize"]) / 1024
        is_arm = made.get("Architectures") == ["arm64"]
        runs, arm, x86 = runs + starts, arm + gigabyte_seconds * is_arm, x86 + gigabyte_seconds * (not is_arm)
    requests = usd["lambda_million_requests"] / 1e6
    cost = arm * usd["lambda_gigabyte_second_arm64"] + x86 * usd["lambda_gigabyte_second_x86_64"]
    left = _over(arm + x86, "lambda_gigabyte_seconds") / (arm + x86) if arm + x86 else 0
    how = f"{runs:,.0f} runs, {arm + x86:,.0f} GB-seconds"
    return Line("Lambda", how, runs * requests + cost, _over(runs, "lambda_requests") * requests + cost * left)


def _all_runs(billed: Billed, volume: Volume) -> list[tuple[float, Run]]:
    started = [(starts, _run(billed, name)) for name, starts in _all_starts(billed, volume).items()]
    return [*started, (volume.mails_per_month, usage_assumptions.PER_MAIL)]


def _requests(billed: Billed, volume: Volume) -> Line:
    runs = _all_runs(billed, volume)
    writes = sum(count * run.s3_writes for count, run in runs)
    reads = sum(count * run.s3_reads for count, run in runs)
    cost = writes / 1e3 * prices().usd["s3_thousand_writes"] + reads / 1e3 * prices().usd["s3_thousand_reads"]
    return Line("S3 requests", f"{writes:,.0f} PUT and LIST, {reads:,.0f} GET and HEAD", cost, cost)


def _storage(volume: Volume) -> Line:
    gigabytes = volume.messages_per_day * usage_assumptions.DAYS_KEPT * usage_assumptions.BYTES_PER_MESSAGE / 1e9
    cost = gigabytes * prices().usd["s3_gigabyte_month"]
    how = f"{gigabytes:.2f} GB: a year of history, compressed, with 7 days of old versions"
    return Line("S3 storage", how, cost, cost)


def _logs(billed: Billed, volume: Volume) -> Line:
    gigabytes = sum(count * run.log_bytes for count, run in _all_runs(billed, volume)) / 1e9
    price = prices().usd["log_gigabyte"] + prices().usd["log_gigabyte_month"]
    how = f"{gigabytes * 1000:,.0f} MB, the metrics' lines among them"
    return Line("logs", how, gigabytes * price, _over(gigabytes, "log_gigabytes") * price)


def _starts(billed: Billed) -> Line:
    count, price = sum(billed.starts.values()), prices().usd["scheduler_million_starts"] / 1e6
    return Line("Scheduler", f"{count:,.0f} starts", count * price, _over(count, "scheduler_starts") * price)


def _mails(volume: Volume) -> Line:
    usd, count = prices().usd, volume.mails_per_month
    sent = count * volume.recipients_per_mail
    gigabytes = sent * usage_assumptions.BYTES_PER_MAIL / 1e9
    cost = sent / 1e3 * usd["ses_thousand_recipients"] + gigabytes * usd["ses_gigabyte"]
    cost += count / 1e3 * usd["thousand_pictures"]
    cost += count * usage_assumptions.METRICS_READ_PER_MAIL / 1e3 * usd["thousand_metrics_read"]
    how = f"{count:,} to {volume.recipients_per_mail} people each, with chart and figures from CloudWatch"
    return Line("mails", how, cost, cost)


def _queries(volume: Volume) -> Line:
    cost = volume.queries_per_month * usage_assumptions.ATHENA_MINIMUM_BYTES / 1e12 * prices().usd["athena_terabyte"]
    return Line("Athena", f"{volume.queries_per_month} queries of at most 10 MB, by hand", cost, cost)


def _firehose(billed: Billed, volume: Volume) -> list[Line]:
    """Each event is billed as 5 KB, however small it is."""
    if "AWS::KinesisFirehose::DeliveryStream" not in billed.kinds:
        return []
    events = volume.emails_per_day * DAYS_PER_MONTH * usage_assumptions.EVENTS_PER_EMAIL
    cost = events * usage_assumptions.FIREHOSE_MINIMUM_BYTES / 1e9 * prices().usd["firehose_gigabyte"]
    return [Line("Firehose", f"{events:,.0f} events of {volume.emails_per_day:,} e-mails a day", cost, cost)]


def _files(billed: Billed, volume: Volume) -> list[Line]:
    if "files-process" not in billed.verbs.values():
        return []
    files, usd = volume.files_per_day * DAYS_PER_MONTH, prices().usd
    writes = files * usage_assumptions.WRITES_PER_FILE / 1e6 * usd["dynamodb_million_writes"]
    polls, price = usage_assumptions.POLLS_PER_MONTH, usd["sqs_million_requests"]
    requests = files * usage_assumptions.SQS_REQUESTS_PER_FILE + polls
    how = f"{requests:,.0f} requests, {polls:,.0f} of them Lambda's looks for messages"
    return [
        Line("DynamoDB", f"{files:,.0f} files of {volume.files_per_day:,} a day, a write each", writes, writes),
        Line("SQS", how, requests / 1e6 * price, _over(requests, "sqs_requests") / 1e6 * price),
    ]


def _dashboards(billed: Billed) -> list[Line]:
    count, free, price = len(billed.dashboards), prices().always_free["dashboards"], prices().usd["dashboard"]
    if not count:
        return []
    how = f"{count}; {free:.0f} are free in every account, a further one costs {price:.2f}"
    return [Line("dashboards", how, _over(count, "dashboards") * price, _over(count, "dashboards") * price)]


def _further_value(billed: Billed) -> tuple[float, str]:
    """Return what one carrier or country more would cost: the metrics of one system's ratio alarms, and such alarms.

    Of several systems it is SMS, or else the first by name: a carrier is not a dimension of an e-mail.
    """
    ratios = [
        alarm for alarm in billed.alarms if {"failed", "total"} <= {metric["Id"] for metric in alarm.get("Metrics", ())}
    ]
    if not ratios:
        return 0.0, ""
    systems = sorted({referred(alarm)[0].split()[0] for alarm in ratios}, key=lambda name: (name != _SMS, name))
    ours = [alarm for alarm in ratios if referred(alarm)[0].startswith(f"{systems[0]} ")]
    names = [name for alarm in ours for name in referred(alarm)]
    metrics_usd = len(set(names)) * prices().usd["metric"]
    alarms_usd = len(names) * prices().usd["alarm_metric"]
    how = f"{metrics_usd:.2f} for {len(set(names))} metrics and {alarms_usd:.2f} for {len(ours)} alarms on them"
    return metrics_usd + alarms_usd, how
