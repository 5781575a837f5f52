"""Bad settings are refused by the template's own constraints and rules, before anything is made."""

from pathlib import Path
from typing import Any

import pytest

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play

GOOD = {"SenderAddress": "a@example.com", "AlertRecipients": "b@example.com", "FallbackAddress": "c@example.com"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("build")
    return play.build(folder), folder


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"WarningThresholdPercent": "0"}, "Parameter 'WarningThresholdPercent' value '0' is not in AllowedValues"),
        (
            {"WarningThresholdPercent": "20", "CriticalThresholdPercent": "20"},
            "WarningThresholdPercent must be less than",
        ),
        ({"WarningRecoveryPercent": "3"}, "WarningRecoveryPercent must be less than WarningThresholdPercent"),
        ({"CriticalRecoveryPercent": "25"}, "CriticalRecoveryPercent must be less than CriticalThresholdPercent"),
        ({"AlertRecipients": ""}, "Parameter 'AlertRecipients' must be 1 to 50 e-mail addresses"),
        ({"AlertRecipients": "not an address"}, "Parameter 'AlertRecipients' must be 1 to 50 e-mail addresses"),
        ({"TimeZone": "Mars/Olympus"}, "Parameter 'TimeZone' value 'Mars/Olympus' is not in AllowedValues"),
        ({"MinimumTotal": "0"}, "Parameter 'MinimumTotal' must be a whole number"),
    ],
)
def test_a_bad_setting_is_refused_with_a_sentence(
    cloud: LocalCloud, built: tuple[dict[str, Any], Path], parameters: dict[str, str], sentence: str
) -> None:
    template, folder = built
    with pytest.raises(ConfigurationError) as refused:
        cloud.deploy(template, GOOD | parameters, folder, name="refused")
    assert sentence in str(refused.value)
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert "refused" not in {each["StackName"] for each in stacks}


def test_without_recipients_there_is_no_stack(cloud: LocalCloud, built: tuple[dict[str, Any], Path]) -> None:
    template, folder = built
    with pytest.raises(ConfigurationError, match="'AlertRecipients' has no Default and was not provided"):
        cloud.deploy(
            template, {"SenderAddress": "a@example.com", "FallbackAddress": "c@example.com"}, folder, name="refused"
        )
