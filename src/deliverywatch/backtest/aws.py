"""The account of the environment's credentials -> its CloudWatch."""

import boto3
from botocore.exceptions import BotoCoreError

from cwalarm import aws
from deliverywatch.errors import ConfigurationError
from deliverywatch.sdk import sendable


def cloudwatch() -> aws.CloudWatch:
    """Return the CloudWatch of the credentials and the region that boto3 finds, or raise ConfigurationError."""
    try:
        with sendable(ConfigurationError):
            return aws.CloudWatch(boto3.client("cloudwatch"))
    except BotoCoreError as error:
        raise ConfigurationError(
            f"AWS cannot be asked: {str(error).rstrip('.')}.",
            next_step="Set AWS_REGION and AWS_PROFILE, or name a lake or a file.",
        ) from error
