"""The README tells the truth about e-mail: its parameters with their defaults, its queries, alarms and commands."""

import re
from pathlib import Path
from typing import Any

from email_values import of_type

import stacks
from blocks.extras import Extra
from deliverywatch import thresholds
from deliverywatch.cli.email import email
from deliverywatch.email.events.columns import COLUMNS

SECURITY = (Path(__file__).parents[2] / "cfn/README.md").read_text().partition("## Security\n")[2].partition("\n## ")[0]
SECTION = (Path(__file__).parents[2] / "src/deliverywatch/email/README.md").read_text()


def test_every_parameter_of_email_stands_in_its_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", SECTION, re.MULTILINE))
    asked = [
        parameter.definition
        for group in stacks.SYSTEMS["email"]([Extra.BUDGET]).parameters.values()
        for parameter in group
    ]
    assert rows == {each.title: each.Default or "none" for each in asked}


def test_what_is_counted_there_is_there(template: dict[str, Any]) -> None:
    queries = [each for each in of_type(template, "AWS::Athena::NamedQuery").values() if "email" in each["Name"]]
    alarms = [each for each in of_type(template, "AWS::CloudWatch::Alarm").values() if "-email-" in each["AlarmName"]]
    referred = sum(sum("MetricStat" in query for query in each.get("Metrics", ())) or 1 for each in alarms)
    assert len(queries) == 16
    assert "Sixteen saved queries" in SECTION
    assert len(COLUMNS) == 41
    assert "Forty-one columns" in SECTION
    assert f"{len(alarms)} alarms that refer to {referred} metrics" in SECTION


def test_every_alarm_is_described(template: dict[str, Any]) -> None:
    for each in of_type(template, "AWS::CloudWatch::Alarm").values():
        if "-email-" in each["AlarmName"]:
            ending = each["AlarmName"].rpartition("-")[2]
            assert ending in SECTION, each["AlarmName"]


def test_every_command_stands_there() -> None:
    assert set(re.findall(r"deliverywatch email (\w+)", SECTION)) == set(email.commands)


def test_the_notes_on_security_say_which_personal_data_the_lake_holds_and_how_long() -> None:
    told = SECURITY.partition("**Personal data of e-mail**")[2].partition("\n\n")[0]
    held = {"recipients": "addresses", "subject": "subjects", "ip_address": "IP address", "link": "link"}
    assert held.keys() <= {column.name for column in COLUMNS}
    assert all(word in told for word in held.values())
    assert f"`EmailRetentionDays`, its errors after {thresholds.EMAIL_ERROR_DAYS} days" in SECURITY
