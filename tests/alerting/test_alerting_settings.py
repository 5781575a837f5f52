"""What the stack tells the notifier."""

import subprocess
import sys

import pytest

from deliverywatch.alerting.inputs.settings import from_environment
from deliverywatch.errors import ConfigurationError

ENVIRON = {
    "DELIVERYWATCH_ENVIRONMENT": "prod",
    "DELIVERYWATCH_SENDER": "alerts@example.com",
    "DELIVERYWATCH_RECIPIENTS": " a@example.com , b@example.com,",
}


def test_recipients_are_separated_by_commas() -> None:
    assert from_environment(ENVIRON).recipients == ("a@example.com", "b@example.com")


def test_what_is_not_said_has_a_default() -> None:
    settings = from_environment(ENVIRON)
    assert (settings.prefix, settings.time_zone, settings.dashboard) == ("deliverywatch-prod", "UTC", "")


@pytest.mark.parametrize("name", ENVIRON)
def test_what_must_be_there_is_named_when_it_is_missing(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        from_environment(ENVIRON | {name: " "})


@pytest.mark.parametrize("recipients", [",", ",".join(["a@example.com"] * 51)])
def test_no_recipient_or_more_than_ses_takes_is_refused(recipients: str) -> None:
    with pytest.raises(ConfigurationError, match="SES takes 1 to 50"):
        from_environment(ENVIRON | {"DELIVERYWATCH_RECIPIENTS": recipients})


def test_a_cold_start_loads_no_arrow_no_templates_and_no_mime() -> None:
    script = "import sys, deliverywatch.alerting.handle_notify; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert "boto3" in loaded
    assert not {"pyarrow", "numpy", "jinja2", "zoneinfo", "deliverywatch.alerting.mail.message"} & set(loaded)


def test_the_own_account_is_that_of_the_fallback_topic() -> None:
    topic = {"DELIVERYWATCH_FALLBACK_TOPIC": "arn:aws:sns:eu-west-1:111122223333:deliverywatch-prod-fallback"}
    assert (from_environment(ENVIRON | topic).account, from_environment(ENVIRON).account) == ("111122223333", "")
