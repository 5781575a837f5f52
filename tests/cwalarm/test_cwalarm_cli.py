"""`cwalarm`, as somebody meets it who has a template, a file of datapoints, and nothing of the product."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cwalarm.cli.main import VERBS, main

TEMPLATE = """
Resources:
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: errors
      Namespace: AWS/Lambda
      MetricName: Errors
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 3
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
      AlarmActions: [arn:aws:sns:us-east-1:123456789012:support]
  Slow:
    Type: AWS::CloudWatch::Alarm
    Properties: {AlarmName: slow, Namespace: AWS/Lambda, MetricName: Duration, Statistic: Maximum, Period: 60,
                 EvaluationPeriods: 1, Threshold: 900, ComparisonOperator: GreaterThanThreshold}
  Both:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties: {AlarmName: both, AlarmRule: ALARM(errors) AND ALARM(slow)}
"""
HISTORY = "time,Errors\n" + "".join(f"2026-11-21T12:{minute:02}:00Z,{4 * (minute == 5)}\n" for minute in range(9))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "history.csv").write_text(HISTORY)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(main, [str(argument) for argument in arguments])


def backtest(folder: Path, *more: str) -> Result:
    return run("backtest", "--template", folder / "template.yaml", "--history", folder / "history.csv", *more)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_fits_80_columns(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.output.splitlines())


def test_a_backtest_says_what_each_alarm_did_and_which_the_history_says_nothing_of(folder: Path) -> None:
    answer = json.loads(backtest(folder, "--json").output)
    assert answer["left_out"] == ["both", "slow"]
    assert answer["alarms"] == [
        {
            "alarm": "errors",
            "alarm_count": 1,
            "first": "2026-11-21T12:06:00Z",
            "minutes_in_alarm": 1,
            "longest_minutes": 1,
            "action_count": 1,
            "last_state": "OK",
        }
    ]
    assert answer["actions"] == [
        {"time": "2026-11-21T12:06:00Z", "alarm": "errors", "state": "ALARM", "is_replay": False}
    ]


def test_its_table_fits_80_columns_and_lists_the_changes(folder: Path) -> None:
    output = backtest(folder).output
    assert "2026-11-21 12:06  errors: OK -> ALARM" in output
    assert "lacks what they watch: both, slow." in output
    assert all(len(line) <= 80 for line in output.splitlines())


def test_a_history_that_no_alarm_watches_is_refused_in_one_sentence(folder: Path) -> None:
    (folder / "history.csv").write_text("time,Other\n2026-11-21T12:00:00Z,1\n")
    result = backtest(folder)
    assert result.exit_code == 2
    assert "No alarm of the template watches only what is in history.csv." in result.output


def test_a_case_that_expects_mails_is_refused_since_alarms_know_none(folder: Path) -> None:
    (folder / "cases.toml").write_text(
        '[[case]]\nname = "one"\nseries = { Errors = "4" }\nmails = [{ event = "OPENED" }]\n'
    )
    result = run("check", folder / "cases.toml", "--template", folder / "template.yaml")
    assert result.exit_code == 2
    assert 'Case "one": it expects mails. Leave `mails` out' in result.output


@pytest.mark.parametrize(("state", "code"), [("ALARM", 0), ("OK", 3)])
def test_a_check_ends_with_3_if_an_alarm_does_not_do_what_was_written_down(folder: Path, state: str, code: int) -> None:
    states = f'[{{ at = "2m", alarm = "errors", state = "{state}" }}]'
    (folder / "cases.toml").write_text(f'[[case]]\nname = "x"\nseries = {{ Errors = "0 4" }}\nstates = {states}\n')
    assert run("check", folder / "cases.toml", "--template", folder / "template.yaml").exit_code == code


def test_explain_takes_the_end_of_a_name(folder: Path) -> None:
    assert "errors" in run("explain", "errors", "--template", folder / "template.yaml").output


MORE = """
  {id}:
    Type: AWS::CloudWatch::Alarm
    {condition}
    Properties: {{AlarmName: {name}, Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1,
                 Threshold: {threshold}, ComparisonOperator: GreaterThanThreshold}}
"""
CONDITIONAL = """
Parameters: {Stage: {Type: String, Default: CODE}, Limit: {Type: Number}, Other: {Type: Number}}
Conditions: {IsProd: !Equals [!Ref Stage, PROD]}
Resources:
""" + "".join(
    MORE.format(id=name.capitalize(), name=name, condition=condition, threshold=threshold)
    for name, condition, threshold in (
        ("prod", "Condition: IsProd", "1"),
        ("fine", "", "1"),
        ("needs", "", "!Ref Limit"),
        ("wants", "", "!Ref Other"),
    )
)


@pytest.fixture
def conditional(tmp_path: Path) -> Path:
    path = tmp_path / "conditional.yaml"
    path.write_text(CONDITIONAL)
    return path


def test_explain_lists_what_is_not_in_the_stack_and_what_cannot_be_read_behind_the_rest(conditional: Path) -> None:
    result = run("explain", "--template", conditional, "--json")
    assert result.exit_code == 2
    statuses = {one["alarm"]: one["status"] for one in json.loads(result.stdout)}
    assert statuses == {"fine": "defined", "prod": "absent", "needs": "refused", "wants": "refused"}
    texts = " ".join(run("explain", "--template", conditional).stdout.split())
    assert "prod: not in the stack, because its condition IsProd does not hold while Stage is CODE. --set" in texts
    assert "--set Limit=... --set Other=..." in result.stderr


def test_explain_of_one_alarm_needs_nothing_that_another_needs(conditional: Path) -> None:
    assert run("explain", "fine", "--template", conditional).exit_code == 0
    absent = run("explain", "prod", "--template", conditional)
    assert absent.exit_code == 2
    assert absent.stderr.endswith("does not hold while Stage is CODE. --set Stage=PROD puts it there.\n")
    assert run("explain", "prod", "--template", conditional, "--set", "Stage=PROD").exit_code == 0


@pytest.mark.parametrize(
    ("alarm", "code", "words"),
    [
        ("fine", 0, "1 as expected"),
        ("prod", 2, "--set Stage=PROD"),
        ("needs", 2, "needs parameter Limit"),
        ("none", 2, "none is not an alarm"),
    ],
)
def test_a_case_that_names_an_alarm_that_is_not_there_is_told_why(
    conditional: Path, alarm: str, code: int, words: str
) -> None:
    cases = conditional.with_name("cases.toml")
    states = f'[{{ at = "5m", alarm = "{alarm}", state = "ALARM" }}]'
    cases.write_text(f'[[case]]\nname = "x"\nseries = {{ M = "5x6" }}\nstates = {states}\n')
    result = run("check", cases, "--template", conditional)
    assert result.exit_code == code
    assert words in result.output


@pytest.mark.parametrize(
    "verb",
    [
        ["explain", "--template", "limited.yaml"],
        ["lint", "limited.yaml"],
        ["check", "cases.toml", "--template", "limited.yaml"],
        ["backtest", "--history", "history.csv", "--template", "limited.yaml"],
    ],
)
def test_every_verb_refuses_a_value_with_which_there_would_be_no_stack(folder: Path, verb: list[str]) -> None:
    (folder / "cases.toml").write_text('[[case]]\nname = "x"\nseries = { Errors = "5x6" }\nstates = []\n')
    (folder / "limited.yaml").write_text("Parameters: {Stage: {Type: String, AllowedValues: [CODE, PROD]}}" + TEMPLATE)
    names = [str(folder / part) if "." in part else part for part in verb]
    assert run(*names, "--set", "Stage=PROD").exit_code != 2
    refused = run(*names, "--set", "Stage=TEST")
    assert refused.exit_code == 2
    assert "CloudFormation refuses Stage=TEST, which must be one of CODE, PROD." in refused.stderr


@pytest.mark.parametrize("verb", [["explain"], ["check", "cases.toml"], ["backtest", "--history", "history.csv"]])
def test_a_template_without_alarms_says_so_where_alarms_are_wanted(folder: Path, verb: list[str]) -> None:
    (folder / "cases.toml").write_text('[[case]]\nname = "x"\nseries = { M = "5x6" }\nstates = []\n')
    (folder / "none.yaml").write_text("Resources: {Q: {Type: AWS::SQS::Queue}}")
    names = [str(folder / part) if "." in part else part for part in verb]
    result = run(*names, "--template", folder / "none.yaml")
    assert result.exit_code == 2
    assert "none.yaml has no alarm." in result.stderr


def test_a_backtest_names_the_alarms_that_are_replayed_step_by_step_and_why(folder: Path) -> None:
    assert "step by step" not in backtest(folder).output
    template = folder / "template.yaml"
    template.write_text(TEMPLATE.replace("Period: 60", "Period: 10"))
    words = " ".join(backtest(folder).output.split())
    assert "errors is replayed step by step, which is slow: Its period is shorter than a minute." in words
    assert "slow is replayed" not in words


def test_a_backtest_names_mute_rules_that_never_mute_and_those_that_aws_may_refuse(folder: Path) -> None:
    schedule = '{Expression: "cron(0 22-2 30 2 *)", Duration: PT1H}'
    rule = f"{{Name: nightly, Rule: {{Schedule: {schedule}}}, MuteTargets: {{AlarmNames: [errors]}}}}"
    with (folder / "template.yaml").open("a") as template:
        template.write(f"  Nightly:\n    Type: AWS::CloudWatch::AlarmMuteRule\n    Properties: {rule}\n")
    words = " ".join(backtest(folder).output.split())
    assert "Assumed of nightly: AWS does not say whether it takes a range that wraps in its hour, '22-2'" in words
    assert "Assumed of nightly: It never mutes: there is no such time." in words


def test_a_backtest_names_the_alarms_that_are_not_in_the_stack(folder: Path) -> None:
    template = folder / "template.yaml"
    template.write_text(
        TEMPLATE.replace("  Slow:\n", "  Slow:\n    Condition: Never\n") + "Conditions: {Never: !Equals [a, b]}\n"
    )
    assert json.loads(backtest(folder, "--json").output)["absent"] == [
        {
            "alarm": "slow",
            "reason": "its condition Never does not hold",
            "next_step": "The condition depends on no parameter.",
        }
    ]
    assert "slow is not in the stack, because its condition Never does not hold." in backtest(folder).output


def test_explain_names_nested_stacks_and_gives_the_terminal_no_orders(folder: Path) -> None:
    template = folder / "template.yaml"
    named = TEMPLATE.replace("AlarmName: errors", 'AlarmName: "err\\e[2Jors"')
    template.write_text(named + "  Inner: {Type: AWS::CloudFormation::Stack}\n")
    output = run("explain", "--template", template).output
    assert "Its nested stacks have templates of their own: Inner." in output
    assert "err?[2Jors: Watches" in output
