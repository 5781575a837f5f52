"""What can go wrong, and whether trying again helps.

    CwalarmError
    ├── Retryable             the same call may succeed later
    │   └── MetricsUnavailable    CloudWatch could not be queried
    └── Rejected              only a person can fix it
        ├── ConfigurationError    a setting is missing or contradicts another
        └── InputError            a file, event or argument given by the user cannot be used

Every error carries a `kind` (a stable word for state and metrics) and a `next_step` (one sentence for a person).
"""


class CwalarmError(Exception):
    """A failure with a stable kind and a next step; its text is one sentence that says what happened and why.

    Attributes:
        kind: A stable lower-case word for stored state and logs, such as `unauthorized`.
        next_step: One sentence that tells a person what to do.
    """

    kind = "error"
    next_step = "Read the function's log for the first error of this run."

    def __init__(self, message: str, *, kind: str | None = None, next_step: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or self.kind
        self.next_step = next_step or self.next_step

    def as_fields(self) -> dict[str, str]:
        """Return the fields of a function's log line."""
        return {"error": self.kind, "problem": str(self), "next_step": self.next_step}


class Retryable(CwalarmError):
    """The same call may succeed later."""

    kind = "retryable"
    next_step = "Nothing to do now: the next run tries again and misses no message."


class MetricsUnavailable(Retryable):
    """CloudWatch could not be queried for alarms, metrics or a picture of them."""

    kind = "metrics"
    next_step = "If it persists, check the function's right to read CloudWatch alarms and metrics."


class Rejected(CwalarmError):
    """Only a person can fix it; trying again gives the same answer."""

    kind = "rejected"


class ConfigurationError(Rejected):
    """A setting is missing or contradicts another."""

    kind = "configuration"
    next_step = "Correct the setting that the message names and deploy again."


class InputError(Rejected):
    """A file, event or argument given by the user cannot be used."""

    kind = "input"
    next_step = "Correct the input that the message names and run the command again."
