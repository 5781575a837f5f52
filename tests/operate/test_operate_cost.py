"""What a month costs: counted from the template that is built, and never over what is promised."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

import stacks
from blocks.extras import Extra
from deliverywatch.errors import InputError
from deliverywatch.operate.cost import bill, billed
from deliverywatch.operate.cost.aws_cost import month_to_date
from deliverywatch.operate.cost.baseline import monthly_lines
from deliverywatch.operate.cost.estimate import Estimate, Line, Volume, monthly
from deliverywatch.operate.cost.prices import prices
from deliverywatch.operate.cost.usage_assumptions import RUNS, starts_per_month

README = (Path(__file__).parents[2] / "src/deliverywatch/operate/README.md").read_text()
TEMPLATE: dict[str, Any] = stacks.template(stacks.chosen(["sms"]), "arm64", "0").to_dict()
_PAGE = [Extra.INCIDENT_PAGE]
WITH_PAGE: dict[str, Any] = stacks.template(stacks.chosen(["sms"], _PAGE), "arm64", "0", _PAGE).to_dict()
LINKS = {"LinkKeyParameter": "/deliverywatch/prod/link-key"}


def estimate(volume: Volume | None = None, **parameters: str) -> Estimate:
    return monthly(TEMPLATE, parameters, volume)


def line(found: Estimate, item: str) -> Line:
    return next(each for each in found.lines if each.item == item)


def test_the_stack_of_sms_stays_under_three_dollars_at_list_price() -> None:
    assert 2.0 < estimate().usd < 3.0


def test_the_always_free_allowance_leaves_less_than_a_dollar() -> None:
    assert 0 < estimate().free_usd < 1.0


def test_metrics_and_alarms_are_counted_in_the_template() -> None:
    found = estimate()
    assert line(found, "metrics") == Line(
        "metrics", "5 custom metrics at 0.30, and one for 30 hours", pytest.approx(1.5125), 0
    )
    assert line(found, "alarms").how == "7 alarms that refer to 10 metrics, at 0.10 each"


@pytest.mark.parametrize("system", stacks.SYSTEMS)
def test_every_function_of_a_system_has_an_assumption_about_its_runs(system: str) -> None:
    """A new function must not be counted as any other: say what a run of it takes, or that nobody measured it."""
    document = stacks.template(stacks.chosen([system], [*Extra]), "arm64", "0").to_dict()
    names = {*billed.read(document, {}).verbs.values()}
    assert names
    assert names - set(RUNS) == set()


def test_a_metric_that_is_emitted_once_a_night_is_billed_for_that_hour() -> None:
    """Custom metrics are billed for each hour in which they are emitted: 30 of 730 hours."""
    nightly, never = estimate(), estimate(NightlyDoctor="false")
    assert line(nightly, "metrics").usd - line(never, "metrics").usd == pytest.approx(0.30 * 365 / 12 / 730, rel=0.01)
    assert "hours" not in line(never, "metrics").how


def test_every_sweep_asks_cloudwatch_once() -> None:
    """Within the million requests that every account has free."""
    found = line(estimate(), "CloudWatch")
    assert (0.043 < found.usd < 0.06, found.free_usd) == (True, 0)


def test_without_its_dearest_watch_the_stack_costs_half_a_dollar_less() -> None:
    assert estimate().usd - estimate(SilenceWatch="false").usd == pytest.approx(0.50)


def test_links_in_mails_cost_an_alarm_and_nothing_while_they_are_off() -> None:
    off, on = monthly(WITH_PAGE, {}), monthly(WITH_PAGE, LINKS)
    assert off.usd == pytest.approx(estimate().usd, abs=0.005)
    assert on.usd - off.usd == pytest.approx(0.10, abs=0.005)


def test_an_alarm_on_a_new_metric_adds_its_metric_and_itself() -> None:
    grown = deepcopy(TEMPLATE)
    alarm = grown["Resources"]["SmsOverdue"]
    grown["Resources"]["Another"] = {**alarm, "Properties": {**alarm["Properties"], "MetricName": "Another"}}
    assert monthly(grown, {}).usd - estimate().usd == pytest.approx(0.40)


def test_what_is_made_on_condition_is_counted_when_it_is_made() -> None:
    assert not [each for each in estimate(CreateDashboard="false").lines if each.item == "dashboards"]


def test_composite_alarms_have_a_price_of_their_own() -> None:
    grown = deepcopy(TEMPLATE)
    grown["Resources"]["Any"] = {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": "TRUE"}}
    assert line(monthly(grown, {}), "composite alarms").usd == 0.5


def test_every_system_is_counted_and_a_carrier_costs_what_it_costs_among_sms() -> None:
    everything = stacks.template(stacks.chosen(["sms", "email", "files"]), "arm64", "0").to_dict()
    found = monthly(everything, {})
    assert {"Firehose", "DynamoDB"} <= {each.item for each in found.lines}
    assert found.further_value_usd == estimate().further_value_usd
    assert found.uncounted == ()
    more = monthly(everything, {}, Volume(emails_per_day=100_000))
    assert line(more, "Firehose").usd > line(found, "Firehose").usd


def files(per_day: int) -> Estimate:
    """What the intake of so many files a day costs, through the pusher."""
    alone = stacks.template(stacks.chosen(["files-pusher"]), "arm64", "0").to_dict()
    return monthly(alone, {}, Volume(files_per_day=per_day))


def test_a_file_costs_a_write_three_requests_and_its_runs() -> None:
    none, million = files(0), files(round(1e6 * 12 / 365))
    grown = {each.item: each.usd - line(none, each.item).usd for each in million.lines}
    assert grown["DynamoDB"] == pytest.approx(0.625, rel=0.01)
    assert grown["SQS"] == pytest.approx(3 * 0.40, rel=0.01)
    assert grown["S3 requests"] == pytest.approx(1000 * 0.0004, rel=0.01)
    assert all(grown[item] > 0.1 for item in ("Lambda", "logs"))


def test_a_file_costs_the_same_whatever_its_functions_are_called() -> None:
    alone = stacks.template(stacks.chosen(["files-pusher"]), "arm64", "0").to_dict()
    other = {"FilesProcessName": "sqs-processor-lambda", "FilesPushName": "s3-pusher"}
    assert monthly(alone, other, Volume(files_per_day=9_000)) == files(9_000)


def test_an_intake_without_files_is_looked_at_all_the_same_within_the_free_requests() -> None:
    told = line(files(0), "SQS")
    assert (told.usd, told.free_usd) == (pytest.approx(0.263, rel=0.01), 0)


def test_a_stack_without_files_has_no_line_for_them() -> None:
    assert not {"DynamoDB", "SQS"} & {each.item for each in estimate().lines}


def test_a_stack_without_shares_of_failures_has_no_dimensions_to_add() -> None:
    alone = stacks.template(stacks.chosen(["files"]), "arm64", "0").to_dict()
    found = monthly(alone, {})
    assert (found.further_value_usd, len(bill.sentences(found, Volume()))) == (0, 1)


def test_what_is_not_known_is_named() -> None:
    grown = deepcopy(TEMPLATE)
    grown["Resources"]["Gateway"] = {"Type": "AWS::EC2::NatGateway", "Properties": {}}
    found = monthly(grown, {})
    assert found.uncounted == ("AWS::EC2::NatGateway",)
    assert "AWS::EC2::NatGateway" in bill.sentences(found, Volume())[-1]


def test_one_more_value_of_a_dimension_is_named_with_its_price() -> None:
    found = estimate()
    assert found.further_value_usd == pytest.approx(2 * 0.30 + 4 * 0.10)
    assert "1.00" in " ".join(bill.sentences(found, Volume()))


@pytest.mark.parametrize(
    ("expression", "starts"),
    [
        ("cron(0/10 * * * ? *)", 4380),
        ("cron(5/10 * * * ? *)", 4380),
        ("cron(0 6 ? * MON *)", 730 / 168),
        ("cron(0/30 20-2 ? * MON-FRI *)", 730 * 14 / 24 * 5 / 7),
        ("cron(0 21 LW * ? *)", 1),
        ("rate(1 hour)", 730),
        ("rate(1 hours)", 730),
        ("rate(2600000 days)", 0),
        ("cron(0 0 30 2 ? *)", 0),
        ("rate(5 minutes)", 8760),
        ("at(2026-11-21T12:00:00)", 0),
    ],
)
def test_schedules_are_counted_over_a_month_of_730_hours(expression: str, starts: float) -> None:
    assert starts_per_month(expression) == pytest.approx(starts, rel=0.01, abs=0.001)


def test_reading_more_often_costs_more_runs_and_nothing_else() -> None:
    often, seldom = estimate(SlotMinutes="1"), estimate(SlotMinutes="10")
    changed = {one.item for one, other in zip(often.lines, seldom.lines, strict=True) if one.usd != other.usd}
    assert changed == {"Lambda", "S3 requests", "logs", "Scheduler"}
    assert often.usd > seldom.usd


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.integers(1, 50))
def test_more_to_do_never_costs_less_and_the_allowance_never_costs_more(messages: int, mails: int, people: int) -> None:
    less, more = Volume(messages, mails, people), Volume(messages + 1000, mails + 10, people)
    assert estimate(less).usd <= estimate(more).usd
    assert all(0 <= each.free_usd <= each.usd + 1e-12 for each in estimate(more).lines)


def test_the_baseline_is_priced_from_the_same_inputs() -> None:
    # facts of a design review: 2.15 with daily partitions, 284 without, at 14,000 messages a day
    partitioned, whole = (sum(each.usd for each in lines) for lines in bill.baselines(Volume()))
    assert partitioned == pytest.approx(2.15, abs=0.15)
    assert whole == pytest.approx(284, abs=10)


def test_without_partitions_the_requests_are_what_grows() -> None:
    grown = {each.item: each.usd for each in monthly_lines(Volume(), 4380, days_read=365)}
    assert max(grown, key=lambda item: grown[item]) == "S3 requests of Athena"


def test_a_parameter_that_the_template_has_not_is_refused() -> None:
    with pytest.raises(InputError, match="no parameter Nonsense"):
        estimate(Nonsense="1")


def test_the_price_list_says_where_and_when_it_comes_from() -> None:
    listed = prices()
    assert (listed.region, listed.as_of[:2]) == ("us-east-1", "20")
    assert "aws.amazon.com" in listed.source


def test_readme_shows_what_the_command_prints() -> None:
    table = README.partition("## What it costs")[2].partition("\n## ")[0]
    expected = [f"| {item} | {how} | {usd} | {free} |" for item, how, usd, free in bill.rows(estimate())[:-1]]
    total = bill.rows(estimate())[-1]
    expected.append(f"| **{total[0]}** | | **{total[2]}** | **{total[3]}** |")
    rows = [row for row in table.splitlines() if row.startswith("| ") and not row.startswith("| item")]
    assert rows == expected


@pytest.fixture
def built(tmp_path: Path) -> Path:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(TEMPLATE))
    return path


def test_the_command_prints_a_table_that_fits(run: Callable[..., Result], built: Path) -> None:
    printed = run("cost", "--template", built)
    assert printed.exit_code == 0
    assert max(map(len, printed.stdout.splitlines())) <= 80
    assert re.search(rf"^together +{estimate().usd:.2f} +{estimate().free_usd:.2f}", printed.stdout, re.MULTILINE)
    assert "An Athena query every 10 minutes" in printed.stdout


def test_the_volume_of_each_system_can_be_given(run: Callable[..., Result], built: Path) -> None:
    told = json.loads(run("cost", "--template", built, "--emails-per-day", 5, "--files-per-day", 7, "--json").stdout)
    assert (told["volume"]["emails_per_day"], told["volume"]["files_per_day"]) == (5, 7)


def test_the_command_prints_json_with_every_line(run: Callable[..., Result], built: Path) -> None:
    told = json.loads(run("cost", "--template", built, "--messages-per-day", 500, "--json").stdout)
    assert told["volume"]["messages_per_day"] == 500
    assert told["usd"] == pytest.approx(sum(each["usd"] for each in told["lines"]), abs=1e-3)
    assert set(told["original"]) == {"partitioned", "unpartitioned_after_a_year"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--template", "none.json"], "cannot be read"),
        (["--template", "x.json", "--deployed"], "contradict"),
        (["--template", "T", "--parameter", "SlotMinutes"], "Write it like --parameter SlotMinutes=5"),
        (["--deployed", "--parameter", "A=b"], "--parameter needs a --template"),
    ],
)
def test_wrong_usage_is_told(run: Callable[..., Result], built: Path, arguments: list[str], sentence: str) -> None:
    told = run("cost", *(str(built) if each == "T" else each for each in arguments))
    assert told.exit_code == 2
    assert sentence in told.stderr


@pytest.mark.usefixtures("cloud")
def test_the_deployed_stack_is_priced_with_its_own_parameters(run: Callable[..., Result]) -> None:
    told = json.loads(run("cost", "--deployed", "--json").stdout)
    # The play has switched the links in mails on.
    assert told["usd"] == pytest.approx(monthly(WITH_PAGE, LINKS).usd, abs=1e-3)


@pytest.mark.usefixtures("cloud")
def test_without_cost_explorer_the_estimate_comes_all_the_same(run: Callable[..., Result]) -> None:
    told = run("cost", "--deployed", "--month-to-date")
    assert told.exit_code == 0
    assert "Month to date: not known." in told.stdout
    assert "together" in told.stdout


def test_an_account_that_shows_its_bill_is_told_by_service() -> None:
    class CostExplorer:
        def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
            assert request["TimePeriod"] == {"Start": "2026-11-01", "End": "2026-11-22"}
            assert request["Filter"]["Tags"]["Values"] == ["deliverywatch-prod"]
            groups = [{"Keys": ["AmazonCloudWatch"], "Metrics": {"UnblendedCost": {"Amount": "1.84", "Unit": "USD"}}}]
            return {"ResultsByTime": [{"Groups": groups}]}

    class Account:
        def client(self, service: str, region: str) -> CostExplorer:
            assert (service, region) == ("ce", "us-east-1")
            return CostExplorer()

    assert month_to_date(Account(), "deliverywatch-prod", date(2026, 11, 21)) == {"AmazonCloudWatch": 1.84}
