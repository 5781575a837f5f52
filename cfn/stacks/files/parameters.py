"""The parameters of the file intake."""

from troposphere import Equals, Or, Ref

from blocks.buckets import ENCODED
from blocks.parameters import Parameter, given, one_of, text, whole_number, whole_numbers
from deliverywatch import thresholds

# What EventBridge takes in a wildcard as it is, and `encoded_key` writes as S3 wants it. Not !'(): S3's guide calls
# them safe in a filter, but S3 encodes them in the keys of its events.
_PART_OF_KEY = rf"^[A-Za-z0-9_./{''.join(ENCODED)}-]{{0,200}}$"
_PART_SENTENCE = "must be at most 200 letters, digits and _./=+@,:- or spaces."


CONDITIONS = {
    "MakesFilesBucket": Equals(Ref("FilesBucketName"), ""),
    "HasFilesBucket": given("FilesBucketName"),
    "HasFilesPrefix": given("FilesPrefix"),
    "HasFilesSuffix": given("FilesSuffix"),
    "HasFilesFilter": Or(given("FilesPrefix"), given("FilesSuffix")),
}


def parameters(*, with_pusher: bool) -> dict[str, list[Parameter]]:
    """Return the parameters, by the heading under which the console shows them."""
    return {
        "Files": [*_SOURCE, *(_FILTERS if with_pusher else []), *_TABLE],
        "Files: when to raise an alarm": _LIMITS,
    }


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
        "FilesBatchSize",
        "Messages per run",
        (1, 10, 100, 1000, 10000),
        thresholds.FILE_BATCH_COUNT,
        "Most messages that one run of the processor gets; more cost less and wait no longer than a second.",
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
