"""What can go wrong, and whether trying again helps.

    DeliveryWatchError
    ├── Retryable             the same call may succeed later
    │   ├── SourceUnavailable     ClickSend is down, slow, answers HTML, or its pages shift while they are read
    │   ├── SourceThrottled       ClickSend answered 429 for longer than the run may wait
    │   ├── StoreConflict         another writer kept winning the conditional write
    │   ├── StoreUnavailable      S3 could not be reached, or refuses
    │   ├── TableUnavailable      DynamoDB could not be reached, or refuses
    │   ├── QueueUnavailable      SQS could not be reached, or refuses
    │   ├── MetricsUnavailable    CloudWatch could not be queried
    │   ├── ServiceBusy           Scheduler or Athena throttles, or another change of the same object is under way
    │   ├── CloudUnavailable      AWS does not answer an operator's command
    │   ├── ChannelUnavailable    the secret of a channel beside mail cannot be read
    │   └── MailUnavailable       a mail could not be handed over
    └── Rejected              only a person can fix it
        ├── SourceRefused         ClickSend refuses the key (401) or the access (403)
        ├── SourceMalformed       ClickSend answered something that is not a page of history
        ├── ServiceRefused        Scheduler or Athena refuses a request as it is
        ├── CloudRefused          AWS refuses an operator's command: no stack, no credentials, no right
        ├── MessageMalformed      a message in a queue is not in the format that it should have
        ├── ConfigurationError    a setting is missing or contradicts another
        └── InputError            a file, event or argument given by the user cannot be used
            └── ObjectDamaged         an object of the lake is not a Parquet file, or lacks columns

Every error carries a `kind` (a stable word for state and metrics) and a `next_step` (one sentence for a person).
"""

from cwalarm.errors import ConfigurationError, CwalarmError, InputError, MetricsUnavailable, Rejected, Retryable

# The root of the tree, and the classes that `cwalarm` raises too: it stands alone and cannot import these.
DeliveryWatchError = CwalarmError

__all__ = [
    "ChannelUnavailable",
    "CloudRefused",
    "CloudUnavailable",
    "ConfigurationError",
    "DeliveryWatchError",
    "InputError",
    "MailUnavailable",
    "MessageMalformed",
    "MetricsUnavailable",
    "ObjectDamaged",
    "QueueUnavailable",
    "Rejected",
    "Retryable",
    "ServiceBusy",
    "ServiceRefused",
    "SourceMalformed",
    "SourceRefused",
    "SourceThrottled",
    "SourceUnavailable",
    "StoreConflict",
    "StoreUnavailable",
    "TableUnavailable",
    "error_code",
]


def error_code(error: Exception) -> str:
    """Return AWS's code for an error of boto3, or the name of an error on the way to AWS."""
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)


class SourceUnavailable(Retryable):
    """ClickSend is down, slow, answers HTML, or its pages shifted twice while they were read."""

    kind = "unavailable"


class SourceThrottled(Retryable):
    """ClickSend answered 429 for longer than the run may wait."""

    kind = "throttled"
    next_step = "If it persists, look for other clients of this ClickSend account that poll its API."


class StoreConflict(Retryable):
    """Another writer kept winning the conditional write."""

    kind = "conflict"


class StoreUnavailable(Retryable):
    """S3 could not be reached, or refuses."""

    kind = "store"
    next_step = "If it persists, check the right to read and write the bucket, and the state of S3 in this region."


class TableUnavailable(Retryable):
    """DynamoDB could not be reached, throttles, or refuses."""

    kind = "table"
    next_step = "If it persists, check the function's access to the table, and whether DynamoDB throttles it."


class QueueUnavailable(Retryable):
    """SQS could not be reached, or refuses."""

    kind = "queue"
    next_step = "If it persists, check the access to the queue and the state of SQS in this region."


class ServiceBusy(Retryable):
    """Scheduler or Athena throttles or fails, or another change of the same object is under way."""

    kind = "busy"
    next_step = "Nothing to do now: the next run tries again."


class ChannelUnavailable(Retryable):
    """The secret of a channel beside mail cannot be read."""

    kind = "channel"
    next_step = "Check that the SSM parameter exists, is a SecureString, and that the notifier may read and decrypt it."


class MailUnavailable(Retryable):
    """A mail could not be handed over to SES, or a text to the fallback topic."""

    kind = "mail"
    next_step = "Check in SES that the sender is verified and that the account is out of the sandbox and not paused."


class CloudUnavailable(Retryable):
    """AWS does not answer an operator's command."""

    kind = "cloud"
    next_step = "Check the network and health.aws.amazon.com, and run the command again."


class SourceRefused(Rejected):
    """ClickSend refuses the key (401) or the access (403)."""

    kind = "unauthorized"
    next_step = "Check the ClickSend user name and API key in the two SSM parameters, and the account's API access."


class SourceMalformed(Rejected):
    """ClickSend answered something that is not a page of message history."""

    kind = "malformed"
    next_step = "Compare the answer with ClickSend's API documentation: its format may have changed."


class CloudRefused(Rejected):
    """AWS refuses an operator's command: there is no such stack, no credentials, or no right."""

    kind = "refused"
    next_step = "Correct what AWS names and run the command again."


class MessageMalformed(Rejected):
    """A message in a queue is not in the format that it should have."""

    kind = "malformed"
    next_step = "Find out who sends such messages to the queue; then delete the message, it will never be processed."


class ServiceRefused(Rejected):
    """Scheduler or Athena refuses a request as it is: trying again gives the same answer."""

    kind = "refused"
    next_step = "Correct what the service names, in the file of queries or in the role of the function."


class ObjectDamaged(InputError):
    """An object of the lake is not a Parquet file, or lacks columns; it is left as it is."""

    kind = "damaged"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not an object of a DeliveryWatch lake, or it is damaged.",
            next_step="Nothing was changed. Restore an older version of it (S3 keeps them for 7 days), or move it away "
            "and read the time again: deliverywatch backfill --since ...",
        )


def with_extra(extra: str) -> str:
    """Return the next step of somebody who lacks an extra; the bare name of the project may be another's package."""
    return f"Install the wheel with its extra, pip install 'PATH/deliverywatch-VERSION-py3-none-any.whl[{extra}]'."
