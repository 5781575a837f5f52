"""The account of the environment's credentials -> its CloudWatch."""

from cwalarm import aws
from deliverywatch.errors import CloudRefused, ConfigurationError
from deliverywatch.operate.account.aws import connect


def cloudwatch() -> aws.CloudWatch:
    """Return the CloudWatch of the credentials and the region that boto3 finds, or raise ConfigurationError."""
    try:
        return aws.CloudWatch(connect().client("cloudwatch"))
    except CloudRefused as error:
        raise ConfigurationError(
            f"AWS cannot be asked: {str(error).rstrip('.')}.",
            next_step="Set AWS_REGION and AWS_PROFILE, or name a lake or a file.",
        ) from error
