"""What an operator may choose about the file intake."""

from __future__ import annotations

from typing import Any

from troposphere import Equals, Not, Or, Ref

from blocks.parameters import Choice, one_of, text, whole_number
from deliverywatch import thresholds

# What S3 takes in a filter and EventBridge in a wildcard without escaping.
_PART_OF_KEY = r"^[A-Za-z0-9!_.'()/ =+@,:-]{0,200}$"
_PART_SENTENCE = "must be at most 200 letters, digits and !_.'()/=+@,:- or spaces."


def choices(*, with_pusher: bool) -> dict[str, list[Choice]]:
    """Return the parameters of files, by the heading under which the console shows them."""
    return {
        "Files": [*_source(), *(_filters() if with_pusher else []), *_table()],
        "Files: when to raise an alarm": _alarms(),
    }


def conditions() -> dict[str, Any]:
    """Return the conditions that follow from them."""
    return {
        "MakesFilesBucket": Equals(Ref("FilesBucketName"), ""),
        "HasFilesBucket": Not(Equals(Ref("FilesBucketName"), "")),
        "HasFilesPrefix": Not(Equals(Ref("FilesPrefix"), "")),
        "HasFilesSuffix": Not(Equals(Ref("FilesSuffix"), "")),
        "HasFilesFilter": Or(Not(Equals(Ref("FilesPrefix"), "")), Not(Equals(Ref("FilesSuffix"), ""))),
    }


def _source() -> list[Choice]:
    return [
        text(
            "FilesBucketName",
            "Bucket",
            r"^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$",
            "Bucket to watch; empty makes one. A bucket that is there must send its events to EventBridge.",
            "must be empty or the name of a bucket in this region.",
            default="",
        ),
        text(
            "FilesPrefix",
            "Only keys that begin with",
            _PART_OF_KEY,
            "Only objects whose key begins so are processed; empty for all.",
            _PART_SENTENCE,
            default="",
        ),
        text(
            "FilesSuffix",
            "Only keys that end with",
            _PART_OF_KEY,
            "Only objects whose key ends so are processed; empty for all.",
            _PART_SENTENCE,
            default="",
        ),
    ]


def _filters() -> list[Choice]:
    return [
        text(
            "FilesContentTypes",
            "Only content types",
            r"^(|[a-z0-9.+-]+/([a-z0-9.+-]+|\*)(,[a-z0-9.+-]+/([a-z0-9.+-]+|\*))*)$",
            "Only objects of these types are processed, such as text/csv,image/*; empty for all.",
            "must be empty or content types in small letters, separated by commas without spaces.",
            default="",
        ),
        whole_number(
            "FilesMaximumMegabytes",
            "Only up to (MB)",
            (0, 50_000_000),
            thresholds.FILE_MAXIMUM_MEGABYTES,
            "Larger objects are not processed; 0 for no limit.",
            "must be a whole number from 0 to 50000000.",
        ),
    ]


def _table() -> list[Choice]:
    return [
        one_of(
            "FilesBatchSize",
            "Messages per run",
            (1, 10, 100, 1000, 10000),
            thresholds.FILE_BATCH_COUNT,
            "Most messages that one run of the processor gets; more cost less and wait no longer than a second.",
            "must be 1, 10, 100, 1000 or 10000.",
        ),
        whole_number(
            "FilesItemDays",
            "Days that items are kept",
            (0, 3650),
            thresholds.FILE_ITEM_DAYS,
            "Items are deleted this long after their file arrived; 0 keeps them for ever.",
            "must be a whole number of days from 0 (for ever) to 3650.",
        ),
        whole_number(
            "FilesTombstoneDays",
            "Days that removed files are remembered",
            (19, 3650),
            thresholds.FILE_TOMBSTONE_DAYS,
            "A late notification does not bring a removed file back for this long.",
            "must be a whole number of days from 19 (as long as a message can live) to 3650.",
        ),
    ]


def _alarms() -> list[Choice]:
    return [
        whole_number(
            "FilesGrowthCount",
            "Critical: new dead letters over, in 30 minutes",
            (0, 1_000_000),
            thresholds.FILE_GROWTH_COUNT,
            "One dead letter is a warning; more new ones than this within half an hour are critical.",
            "must be a whole number from 0 to 1000000.",
        ),
        whole_number(
            "FilesStalledMinutes",
            "Stalled: oldest message waits (minutes)",
            (15, 1440),
            thresholds.FILE_STALLED_MINUTES,
            "The intake is stalled when a message waits longer and no message is done.",
            "must be a whole number of minutes from 15 to 1440.",
        ),
        whole_number(
            "FilesErrorCount",
            "Errors: more than, in 5 minutes",
            (0, 1_000_000),
            thresholds.FILE_ERROR_COUNT,
            "Failed attempts in 5 minutes, twice in a row, that open an incident; most succeed when they are repeated.",
            "must be a whole number from 0 to 1000000.",
        ),
    ]
