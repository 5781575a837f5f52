"""CloudWatch's mute rules, as the page makes them."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import MetricsUnavailable, error_code
from deliverywatch.sdk import sendable

# Somebody waits for the page.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=3)


class MuteRules:
    """CloudWatch's mute rules."""

    def put(self, request: Mapping[str, Any]) -> None:
        """Make a rule, or raise MetricsUnavailable."""
        try:
            with sendable(MetricsUnavailable):
                boto3.client("cloudwatch", config=_CONFIG).put_alarm_mute_rule(**request)
        except (ClientError, BotoCoreError) as error:
            # It is shown on the page: AWS's own sentence names the account and the role.
            raise MetricsUnavailable(f"CloudWatch took no mute rule: {error_code(error)}.") from error
