"""`deliverywatch backtest --recommend` from the outside."""

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backtest.backtest_world import MIDNIGHT, SLOT, template
from backtest.recommend_world import DAY, WITHOUT, during, traffic, write, write_sms
from deliverywatch.backtest.search import exceeds
from deliverywatch.cli import main

INCIDENTS = {range(5 * DAY + 60, 5 * DAY + 75): 0.3, range(12 * DAY + 80, 12 * DAY + 100): 0.2}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["backtest", "--recommend", *map(str, arguments)], env={"COLUMNS": "80"})


def document(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


def setting(printed: dict[str, Any], role: str) -> dict[str, Any]:
    return next(one for one in printed["settings"] if one["role"] == role)


@pytest.fixture(scope="module")
def three_weeks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An account of which one per cent fails, with two incidents, and an alarm that is far too sensitive."""
    folder = tmp_path_factory.mktemp("weeks")
    history = write(folder, traffic(22, during(INCIDENTS)))
    path = template(folder)
    path.write_text(path.read_text().replace('"Default": "5"', '"Default": "3"'))
    return path, history


@pytest.fixture(scope="module")
def printed(three_weeks: tuple[Path, Path]) -> dict[str, Any]:
    path, history = three_weeks
    return document("--template", path, "--history", history)


def test_the_recommended_setting_misses_nothing_and_keeps_within_the_mails(printed: dict[str, Any]) -> None:
    recommended = setting(printed, "recommended")
    assert recommended["missed"] == []
    assert recommended["mails_a_week"] <= 2
    assert recommended["night_mails_a_week"] <= 1
    assert setting(printed, "today")["mails_a_week"] > 2


def test_a_history_in_which_nothing_was_sent_recommends_nothing(tmp_path: Path) -> None:
    printed = document("--template", template(tmp_path), "--history", write(tmp_path, [(0, 0)] * 8 * DAY))
    assert (printed["set"], len(printed["settings"])) == ({}, 1)
    assert printed["refusals"][0].startswith("Nothing was sent in this time")


def test_a_hold_out_without_incidents_does_not_say_that_they_are_seen(tmp_path: Path) -> None:
    early = {range(5 * DAY + 60, 5 * DAY + 75): 0.3}
    path, history = template(tmp_path), write(tmp_path, traffic(24, during(early)))
    assert "no incident tried it" in " ".join(run("--template", path, "--history", history).stdout.split())


def test_where_no_setting_does_what_is_wanted_today_s_is_not_called_the_recommended_one(tmp_path: Path) -> None:
    path, history, marks = template(tmp_path), write(tmp_path, [(50, 25)] * 8 * DAY), tmp_path / "marks.csv"
    marks.write_text("from,until\n")
    arguments = ("--template", path, "--history", history, "--set", "Limit=5,6", "--incidents", marks)
    printed = run(*arguments).stdout
    assert ("nothing to change" in printed, "today's comes nearest" in printed) == (False, True)


def test_an_account_that_never_fills_a_window_is_told_so(tmp_path: Path) -> None:
    expression = [{"Id": "value", "Expression": "IF(total >= 10, 100 * failed / total)"}]
    metrics = json.loads(template(tmp_path).read_text())["Resources"]["Orders"]["Properties"]["Metrics"][1:]
    path = template(tmp_path, Metrics=[*expression, *metrics])
    history = write(tmp_path, traffic(8, during({}), lambda slot: int(slot % 10 == 0)))
    assert any(
        "has no value in all this time" in note for note in document("--template", path, "--history", history)["notes"]
    )


def test_where_all_settings_mail_too_much_the_largest_that_misses_nothing_comes_nearest(tmp_path: Path) -> None:
    bursts = {range(24 * burst, 24 * burst + 8): 0.1 if burst % 6 else 0.2 for burst in range(48)}
    path, history = template(tmp_path), write(tmp_path, traffic(8, during(bursts)))
    marks = tmp_path / "marks.csv"
    marks.write_text("2026-11-21T00:00Z,2026-11-21T01:00Z\n")
    printed = document("--template", path, "--history", history, "--incidents", marks, "--mails-a-week", 1)
    assert setting(printed, "recommended")["missed"] == []
    assert float(setting(printed, "recommended")["parameters"]["Limit"]) > 5


@pytest.mark.parametrize(
    ("rate", "true_rate", "is_too_much"),
    [(3, 1, True), (2, 1, False), (5, 4, False), (7, 4, True), (3, 0, True), (2, 0, False)],
)
def test_incidents_excuse_their_own_mails_only_where_they_alone_exceed_the_limit(
    rate: float, true_rate: float, is_too_much: bool
) -> None:
    assert exceeds(rate, true_rate, limit=2) is is_too_much


def test_an_incident_that_is_marked_three_times_is_missed_once_at_most(
    three_weeks: tuple[Path, Path], tmp_path: Path
) -> None:
    path, history = three_weeks
    marks = tmp_path / "marks.csv"
    marks.write_text("2026-11-25T10:00Z,2026-11-25T12:00Z\n" * 2 + "2026-11-25T11:00Z,2026-11-25T12:30Z\n")
    judged = document("--template", path, "--history", history, "--incidents", marks)["incidents"]["judged"]
    assert [(one["from"], one["until"]) for one in judged] == [("2026-11-25T10:00:00Z", "2026-11-25T12:30:00Z")]


def test_the_next_smaller_setting_does_not(printed: dict[str, Any]) -> None:
    smaller = setting(printed, "smaller")
    assert smaller["missed"] or smaller["mails_a_week"] > 2 or smaller["night_mails_a_week"] > 1
    assert any(reason.startswith(f"Not Limit={smaller['parameters']['Limit']}: ") for reason in printed["reasons"])


def test_what_it_says_of_the_recommended_setting_is_what_a_back_test_of_it_says(
    printed: dict[str, Any], three_weeks: tuple[Path, Path]
) -> None:
    limit, (path, history) = printed["set"]["Limit"], three_weeks
    arguments = ["--template", path, "--history", history, "--set", f"Limit={limit}", "--json"]
    replayed = json.loads(CliRunner().invoke(main, ["backtest", *map(str, arguments)]).stdout)["variants"][0]
    assert replayed["figures"]["mails_count"] == setting(printed, "recommended")["mails_count"]
    subjects = {mail["time"]: mail["subject"] for mail in replayed["mails"]}
    assert len(printed["mails"]) == 3
    assert all(subjects[mail["time"]] == mail["subject"] for mail in printed["mails"])


def test_both_incidents_are_detected_where_they_were(printed: dict[str, Any]) -> None:
    times = [(one["from"], one["until"]) for one in printed["incidents"]["judged"]]
    assert times == [
        ("2026-11-25T09:50:00Z", "2026-11-25T12:30:00Z"),
        ("2026-12-02T13:20:00Z", "2026-12-02T16:40:00Z"),
    ]
    assert "cumulative sum" in printed["incidents"]["how"][0]


def test_the_command_deploys_it(printed: dict[str, Any]) -> None:
    assert printed["deploy"] == f"deliverywatch deploy --set Limit={printed['set']['Limit']}"


def test_a_part_that_it_had_not_seen_checks_it(printed: dict[str, Any]) -> None:
    assert printed["hold_out"]["split"] == "2026-12-04T00:00:00Z"
    assert printed["hold_out"]["missed"] == []


def test_mails_are_counted_by_weekday_and_hour(printed: dict[str, Any]) -> None:
    today = setting(printed, "today")
    assert (len(today["by_weekday"]), len(today["by_hour"])) == (7, 24)
    assert sum(today["by_weekday"]) == sum(today["by_hour"]) == today["mails_count"]


def test_the_terminal_shows_all_of_it_in_80_columns(three_weeks: tuple[Path, Path]) -> None:
    path, history = three_weeks
    result = run("--template", path, "--history", history)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    # Links in mails are as long as they are.
    assert max(len(line) for line in lines if not line.startswith("  |")) <= 80
    for words in (
        "100.0 % of the history can be judged",
        "2 incidents detected",
        "one smaller",
        "Set it:",
        "Hold-out:",
    ):
        assert words in result.stdout


@pytest.mark.parametrize("left_out", [range(3 * DAY, 6 * DAY), range(0, 22 * DAY, 7)])
def test_a_history_with_gaps_is_no_ground_for_a_recommendation(tmp_path: Path, left_out: range) -> None:
    history = write(tmp_path, traffic(22, during(INCIDENTS)), left_out=left_out)
    printed = document("--template", template(tmp_path), "--history", history)
    assert printed["coverage"]["percent"] < 90
    assert printed["refusals"][0].startswith("Only 8")
    assert [one["role"] for one in printed["settings"]] == ["today"]
    assert (printed["set"], printed["deploy"]) == ({}, "")


def test_gaps_are_named_with_their_dates(tmp_path: Path) -> None:
    history = write(tmp_path, traffic(9, during({})), left_out={*range(100, 103), 500})
    printed = document("--template", template(tmp_path), "--history", history)
    assert printed["coverage"]["gaps"] == [
        {"from": "2026-11-20T16:40:00Z", "until": "2026-11-20T17:10:00Z"},
        {"from": "2026-11-23T11:20:00Z", "until": "2026-11-23T11:30:00Z"},
    ]
    assert printed["coverage"]["expected_count"] == 9 * DAY
    assert printed["refusals"] == []
    shown = run("--template", template(tmp_path), "--history", history).stdout
    assert "2026-11-20 16:40 to 17:10; 2026-11-23 11:20 to 11:30" in " ".join(shown.split())


def test_less_than_a_week_recommends_nothing_and_says_nothing_of_a_month(tmp_path: Path) -> None:
    history = write(tmp_path, traffic(4, during({range(200, 210): 0.4})))
    arguments = ("--template", template(tmp_path), "--history", history)
    printed = document(*arguments)
    assert "4.0 days are less than 7" in printed["refusals"][0]
    assert setting(printed, "today")["mails_a_month"] is None
    assert "month" not in run(*arguments).stdout.replace("recommend", "")


def test_an_account_without_incidents_gets_a_recommendation_by_noise_alone(tmp_path: Path) -> None:
    history = write(tmp_path, traffic(8, during({}, usual=0.02)))
    printed = document("--template", template(tmp_path), "--history", history)
    assert printed["incidents"]["judged"] == []
    assert any("by noise alone" in note for note in printed["notes"])
    assert setting(printed, "recommended")["mails_a_week"] <= 2
    assert any(note.startswith("No hold-out") for note in printed["notes"])


def test_a_history_that_is_all_incident_says_so(tmp_path: Path) -> None:
    history = write(tmp_path, traffic(7, lambda _: 0.4))
    printed = document("--template", template(tmp_path), "--history", history)
    assert any("the whole history is one incident" in note for note in printed["notes"])


def test_a_history_of_two_halves_does_not_know_which_is_usual(tmp_path: Path) -> None:
    history = write(tmp_path, traffic(8, lambda slot: 0.01 if slot < 3 * DAY else 0.5))
    printed = document("--template", template(tmp_path), "--history", history)
    assert any("nobody can say what is usual" in sentence for sentence in printed["refusals"])


def test_incidents_that_take_all_the_mails_leave_the_rest_of_them_within_bounds(tmp_path: Path) -> None:
    incidents = {range(day * DAY + 70, day * DAY + 76): 0.5 for day in range(9)}
    history = write(tmp_path, traffic(9, during(incidents)))
    arguments = ("--template", template(tmp_path), "--history", history)
    # The same hour each day would be usual at that hour.
    marks = tmp_path / "marks.csv"
    marks.write_text(
        "\n".join(["from,until", *(f"2026-11-{20 + day}T11:40Z,2026-11-{20 + day}T12:40Z" for day in range(9))])
    )
    printed = document(*arguments, "--incidents", marks)
    recommended = setting(printed, "recommended")
    assert recommended["missed"] == []
    assert recommended["noise_count"] <= 2
    assert "the incidents themselves take" in printed["reasons"][0]


def test_marked_incidents_are_judged_where_there_are_data(tmp_path: Path) -> None:
    history = write(tmp_path, traffic(9, during({range(700, 710): 0.3})), left_out=range(300, 320))
    marks = tmp_path / "marks.csv"
    marks.write_text(
        "from,until,name\n2026-11-24T20:40+00:00,2026-11-24T22:20Z,carrier\n2026-11-22T02:10,2026-11-22T05:00,night\n"
        "2027-01-01,2027-01-02,later\nyesterday,today,words\n2026-11-25T10:00,2026-11-25T09:00,swapped\n"
    )
    printed = document("--template", template(tmp_path), "--history", history, "--incidents", marks)
    assert [one["name"] for one in printed["incidents"]["judged"]] == ["carrier"]
    assert [one["name"] for one in printed["incidents"]["unjudged"]] == ["night", "later"]
    sentences = [note for note in printed["notes"] if note.startswith("Row ")]
    assert [sentence[:5] for sentence in sentences] == ["Row 5", "Row 6"]
    assert "'yesterday' in the column from is not a time" in sentences[0]


def test_what_was_detected_can_be_corrected_and_read_again(three_weeks: tuple[Path, Path], tmp_path: Path) -> None:
    path, history = three_weeks
    arguments = ("--template", path, "--history", history)
    written = tmp_path / "incidents.csv"
    detected = document(*arguments, "--write-incidents", written)
    again = document(*arguments, "--incidents", written)
    assert again["incidents"]["judged"] == [one | {"usual_percent": None} for one in detected["incidents"]["judged"]]
    assert again["settings"] == detected["settings"]
    refused = run(*arguments, "--write-incidents", written)
    assert (refused.exit_code, "incidents.csv exists." in refused.stderr) == (2, True)


def test_several_values_of_a_setting_are_those_that_are_tried(three_weeks: tuple[Path, Path]) -> None:
    path, history = three_weeks
    printed = document("--template", path, "--history", history, "--set", "Limit=3,7,9,50")
    assert printed["set"] == {"Limit": "7"}
    assert [one["parameters"]["Limit"] for one in printed["settings"]] == ["3", "3", "7", "9"]


def test_a_threshold_that_no_parameter_chooses_is_recommended_as_a_number(tmp_path: Path) -> None:
    history = write(tmp_path, traffic(8, during({range(700, 710): 0.3}, usual=0.02)))
    printed = document("--template", template(tmp_path, Threshold=2), "--history", history)
    assert list(printed["set"]) == ["threshold of orders"]
    assert printed["deploy"] == ""


def test_an_alarm_of_values_is_recommended_for_as_well(tmp_path: Path) -> None:
    queue = {"MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": "Age"}, "Period": 600, "Stat": "Maximum"}}
    metrics = [{"Id": "age", "ReturnData": True, **queue}]
    counts = [(30 + slot * 7 % 11 + 400 * (700 <= slot < 712), 0) for slot in range(8 * DAY)]
    history = write(tmp_path, counts, names="Age,Other")
    printed = document("--template", template(tmp_path, Metrics=metrics), "--history", history, "--set", "Limit=30")
    assert [one["from"] for one in printed["incidents"]["judged"]] == ["2026-11-24T20:40:00Z"]
    assert 40 <= float(printed["set"]["Limit"]) < 400
    assert setting(printed, "recommended")["missed"] == []


def test_of_an_alarm_that_calls_below_the_largest_threshold_is_the_most_sensitive(tmp_path: Path) -> None:
    stat = {"Metric": {"Namespace": "Shop", "MetricName": "Total"}, "Period": 600, "Stat": "Sum"}
    below = {
        "ComparisonOperator": "LessThanThreshold",
        "Metrics": [{"Id": "m", "ReturnData": True, "MetricStat": stat}],
    }
    counts = [(0 if 700 <= slot < 712 else 40 + slot * 7 % 13, 0) for slot in range(8 * DAY)]
    history, path = write(tmp_path, counts), template(tmp_path, **below)
    printed = document("--template", path, "--history", history, "--set", "Limit=45,60,30,10")
    assert [one["from"] for one in printed["incidents"]["judged"]] == ["2026-11-24T20:40:00Z"]
    assert printed["set"] == {"Limit": "30"}
    assert [one["parameters"]["Limit"] for one in printed["settings"]] == ["5", "45", "30", "10"]


def test_the_mails_of_a_lake_are_as_they_would_have_been_and_a_day_recommends_nothing(
    deployed: Path, lake: Path, tmp_path: Path
) -> None:
    printed = document("--template", deployed, "--history", lake, "--render-to", tmp_path / "mails")
    assert "1.0 days are less than 7" in printed["refusals"][0]
    assert printed["mails"][0]["subject"] == "[WARNING] SMS failures 3.2% - prod - INC-1120-1123"
    assert len(list((tmp_path / "mails").iterdir())) == 3


def test_a_threshold_is_either_turned_or_recommended(tmp_path: Path) -> None:
    result = run("--template", template(tmp_path), "--history", write(tmp_path, traffic(1, during({}))), "--sweep")
    assert (result.exit_code, "Give one of them." in result.stderr) == (2, True)


def test_one_of_several_alarms_has_to_be_named(tmp_path: Path) -> None:
    path = template(tmp_path, Metrics=[{"Id": "m", "ReturnData": True, "MetricStat": {
        "Metric": {"Namespace": "Shop", "MetricName": "Total"}, "Period": 600, "Stat": "Sum"}}])  # fmt: skip
    edited = json.loads(path.read_text())
    edited["Resources"]["Too"] = json.loads(json.dumps(edited["Resources"]["Orders"]))
    edited["Resources"]["Too"]["Properties"]["AlarmName"] = "too"
    path.write_text(json.dumps(edited))
    history = write(tmp_path, traffic(8, during({}), lambda slot: slot % 7))
    result = run("--template", path, "--history", history)
    assert (result.exit_code, "Name one with --alarm. There is: orders, too." in result.stderr) == (2, True)
    assert document("--template", path, "--history", history, "--alarm", "too")["alarm"] == "too"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (("--night", "late"), "'late' is not hours of the day such as 22-6."),
        (("--mails-a-week", "-1"), "-1"),
        (("--incidents", "nowhere.csv"), "nowhere.csv cannot be read"),
    ],
)
def test_a_bad_option_is_one_sentence(tmp_path: Path, option: tuple[str, str], sentence: str) -> None:
    history = write(tmp_path, traffic(1, during({})))
    result = run("--template", template(tmp_path), "--history", history, *option)
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_nothing_is_recommended_that_the_rules_of_the_template_refuse(deployed: Path, tmp_path: Path) -> None:
    history = write_sms(tmp_path, traffic(8, during({range(700, 712): 0.6}, usual=0.02)))
    arguments = ("--template", deployed, "--history", history, *WITHOUT, "--set", "CriticalThresholdPercent=5")
    tried = ("--set", "WarningThresholdPercent=3,4,6,8", "--set", "CriticalRecoveryPercent=3")
    fixed = ("--set", "MinimumFailed=3,5", "--set", "MinimumTotal=10,50", "--set", "WindowMinutes=30,60")
    printed = document(*arguments, *tried, *fixed)
    assert float(setting(printed, "recommended")["parameters"]["WarningThresholdPercent"]) < 5


LIMITS = [2, 3, 4, 5, 6, 8, 12, 20]
BUDGET = ("--mails-a-week", 9, "--night-mails-a-week", 5)


@pytest.mark.parametrize("seed", range(3))
def test_of_any_history_it_recommends_the_first_threshold_that_keeps_all_that_is_wanted(
    tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    begin = dice.randrange(7 * DAY)
    incident = range(begin, begin + dice.randrange(4, 40))
    share = during({incident: dice.uniform(0.1, 0.7)}, usual=dice.uniform(0.005, 0.02))
    history, path = write(tmp_path, traffic(8, share, seed=seed)), template(tmp_path)
    marks = tmp_path / "marks.csv"
    marks.write_text(",".join(f"{MIDNIGHT + slot * SLOT:%Y-%m-%dT%H:%M}" for slot in (incident.start, incident.stop)))
    arguments = ("--template", path, "--history", history, "--set", f"Limit={','.join(map(str, LIMITS))}")
    printed = document(*arguments, *BUDGET, "--incidents", marks)
    variants = json.loads(CliRunner().invoke(main, ["backtest", *map(str, arguments), "--json"]).stdout)["variants"]
    keeping = [limit for limit in LIMITS if keeps(variants, str(limit), (incident.start, incident.stop + 1.5))]
    assert keeping[0] == int(setting(printed, "recommended")["parameters"]["Limit"])


def keeps(variants: list[dict[str, Any]], limit: str, incident: tuple[float, float]) -> bool:
    """Whether a back-test of a threshold has few mails, and an open incident in a time, in slots."""
    (variant,) = (one for one in variants if one["parameters"]["Limit"] == limit)
    spans = [[slot_of(one[end]) for end in ("from", "to")] for one in variant["incidents"]]
    is_met = any(begin < incident[1] and incident[0] < until for begin, until in spans)
    night = sum(time.hour >= 22 or time.hour < 6 for time in (moment(mail["time"]) for mail in variant["mails"]))
    return is_met and len(variant["mails"]) <= 9 * 8 / 7 and night <= 5 * 8 / 7


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def slot_of(text: str) -> float:
    return (moment(text) - MIDNIGHT) / SLOT


def test_the_watch_of_sms_failures_is_tuned_by_threshold_and_guard(deployed: Path, tmp_path: Path) -> None:
    history = write_sms(tmp_path, traffic(15, during(INCIDENTS)))
    printed = document("--template", deployed, "--history", history, *WITHOUT, "--mails-a-week", 4)
    recommended = setting(printed, "recommended")
    assert {"WarningThresholdPercent", "MinimumFailed", "MinimumTotal"} <= set(recommended["parameters"])
    assert (recommended["missed"], recommended["mails_a_week"] <= 4) == ([], True)
    assert printed["watch"] == "sms-failures"
    assert [one["from"] for one in printed["incidents"]["judged"]] == ["2026-11-25T09:50:00Z", "2026-12-02T13:20:00Z"]
