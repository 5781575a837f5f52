"""The parameters of the file intake."""

from typing import Any

from troposphere import Equals, Ref

from blocks.parameters import Parameter, bucket_name, given, one_of, text, whole_number, whole_numbers
from deliverywatch import thresholds
from deliverywatch.files.records.layout import Layout

# Not * and \, which mean something in EventBridge's wildcards, nor characters that nobody sees.
_PART_OF_KEY = r"^[^*\\\x00-\x1f\x7f]{0,200}$"
_PART_SENTENCE = "must be at most 200 characters, without * and \\."


WINDOW_SECONDS = 1
_TIMEOUTS_SECONDS = (15, 30, 60, 120, 300, 600, 900)
# What AWS asks for, so that messages of a batch that is throttled are not delivered to a second run meanwhile
# (docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html). CloudFormation cannot multiply.
MAPPINGS = {
    "FilesTimeouts": {str(seconds): {"Visibility": 6 * seconds + WINDOW_SECONDS} for seconds in _TIMEOUTS_SECONDS}
}

_BUCKET, _QUEUE, _DEAD_LETTERS = "FilesUploadsBucketName", "FilesQueueName", "FilesDeadLettersName"
_FUNCTION_PATTERN = ("[A-Za-z0-9_-]{1,64}", "at most 64 letters, digits, _ and -")
_QUEUE_PATTERN = ("[A-Za-z0-9_-]{1,80}", "at most 80 letters, digits, _ and -")
# By parameter: what it names, the pattern, and the pattern in words.
_NAMES = {
    "FilesTableName": ("Table of items", "[A-Za-z0-9_.-]{3,255}", "3 to 255 letters, digits and _.-"),
    _QUEUE: ("Queue", *_QUEUE_PATTERN),
    _DEAD_LETTERS: ("Queue of dead letters", *_QUEUE_PATTERN),
    "FilesProcessName": ("Function that processes", *_FUNCTION_PATTERN),
}
_PUSH_NAME = {"FilesPushName": ("Function that pushes", *_FUNCTION_PATTERN)}


def names(*, with_pusher: bool) -> dict[str, tuple[str, str, str]]:
    """Return the parameters that name what the stack makes, its bucket apart."""
    return _NAMES | (_PUSH_NAME if with_pusher else {})


def conditions(*, with_pusher: bool) -> dict[str, Any]:
    """Return the conditions."""
    chosen = [*names(with_pusher=with_pusher)]
    return {
        "MakesFilesBucket": Equals(Ref("FilesBucketName"), ""),
        "HasFilesBucket": given("FilesBucketName"),
        "HasFilesTableByKey": Equals(Ref("FilesTableLayout"), str(Layout.S3_KEY)),
        **{f"Has{name}": given(name) for name in (_BUCKET, *chosen)},
    }


def parameters(*, with_pusher: bool) -> dict[str, list[Parameter]]:
    """Return the parameters, by the heading under which the console shows them."""
    return {
        "Files": [*_SOURCE, *(_FILTERS if with_pusher else []), *_TABLE],
        "Files: names of what is made": [
            bucket_name(_BUCKET, "Bucket, where the stack makes it"),
            *(_name(name, *row) for name, row in names(with_pusher=with_pusher).items()),
        ],
        "Files: when to raise an alarm": _LIMITS,
    }


def _name(name: str, label: str, pattern: str, words: str) -> Parameter:
    return text(
        name,
        label,
        f"^(|{pattern})$",
        "Its name; empty for one that begins as the stack's others do.",
        f"must be empty or {words}.",
    )


_SOURCE = [
    text(
        "FilesBucketName",
        "Bucket",
        r"^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$",
        "Bucket to watch; empty makes one. A bucket that is there must send its events to EventBridge.",
        "must be empty or the name of a bucket in this region.",
    ),
    text(
        "FilesPrefix",
        "Only keys that begin with",
        _PART_OF_KEY,
        "Only objects whose key begins so are processed; empty for all.",
        _PART_SENTENCE,
    ),
    text(
        "FilesSuffix",
        "Only keys that end with",
        _PART_OF_KEY,
        "Only objects whose key ends so are processed; empty for all.",
        _PART_SENTENCE,
    ),
]

_FILTERS = [
    text(
        "FilesContentTypes",
        "Only content types",
        r"^(|[a-z0-9.+-]+/([a-z0-9.+-]+|\*)(,[a-z0-9.+-]+/([a-z0-9.+-]+|\*))*)$",
        "Only objects of these types are processed, such as text/csv,image/*; empty for all.",
        "must be empty or content types in small letters, separated by commas without spaces.",
    ),
    whole_number(
        "FilesMaximumMegabytes",
        "Only up to (MB)",
        (0, 50_000_000),
        thresholds.FILE_MAXIMUM_MEGABYTES,
        "Larger objects are not processed; 0 for no limit.",
    ),
]

_DAYS = whole_numbers(
    ("FilesItemDays", "Days that items are kept", (0, 3650), thresholds.FILE_ITEM_DAYS,
     "Items are deleted this long after their file arrived; 0 keeps them for ever.",
     "must be a whole number of days from 0 (for ever) to 3650."),
    ("FilesTombstoneDays", "Days that removed files are remembered", (19, 3650), thresholds.FILE_TOMBSTONE_DAYS,
     "A late notification does not bring a removed file back for this long.",
     "must be a whole number of days from 19 (as long as a message can live) to 3650."),
)  # fmt: skip

_TABLE = [
    one_of(
        "FilesTableLayout",
        "Key of the table",
        [*map(str, Layout)],
        str(Layout.VERSIONS),
        "versions: an item per version of an object. s3_key: an item per key, which shows what is there now.",
    ),
    one_of(
        "FilesBatchSize",
        "Messages per run",
        (1, 10, 100, 1000, 10000),
        thresholds.FILE_BATCH_COUNT,
        "Most messages that one run of the processor gets; more cost less and wait no longer than a second.",
    ),
    one_of(
        "FilesTimeoutSeconds",
        "Time-out of a run (seconds)",
        _TIMEOUTS_SECONDS,
        thresholds.FILE_TIMEOUT_SECONDS,
        "A run of the processor is killed after it; its messages are delivered again after six times as long.",
    ),
    *_DAYS,
]

_LIMITS = whole_numbers(
    ("FilesGrowthCount", "Critical: new dead letters over, in 30 minutes", (0, 1_000_000), thresholds.FILE_GROWTH_COUNT,
     "One dead letter is a warning; more new ones than this within half an hour are critical."),
    ("FilesStalledMinutes", "Stalled: oldest message waits (minutes)", (15, 1440), thresholds.FILE_STALLED_MINUTES,
     "The intake is stalled when a message waits longer and no message is done.",
     "must be a whole number of minutes from 15 to 1440."),
    ("FilesErrorCount", "Errors: more than, in 5 minutes", (0, 1_000_000), thresholds.FILE_ERROR_COUNT,
     "Failed attempts in 5 minutes, twice in a row, that open an incident; most succeed when they are repeated."),
)  # fmt: skip
