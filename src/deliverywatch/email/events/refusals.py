"""The results of a record, in Firehose's words, and why it cannot become a row: a stable word and a sentence."""

from enum import StrEnum

OK, DROPPED, FAILED = "Ok", "Dropped", "ProcessingFailed"


class Reason(StrEnum):
    """What is wrong with a record; earlier releases wrote `bad_time` and `header_injection` too."""

    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NO_EVENT = "no_event"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"


class RefusedError(Exception):
    """A record cannot become a row; it is kept under the error prefix, byte for byte."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
