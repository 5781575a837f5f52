"""What an operator may choose about scheduled queries."""

from __future__ import annotations

from typing import Any

from troposphere import And, Condition, Equals, Not, Ref

from blocks.parameters import Choice, one_of, text, whole_number
from deliverywatch import thresholds

_PROJECT_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,19}$"


def choices() -> dict[str, list[Choice]]:
    """Return the parameters of scheduled queries, by the heading under which the console shows them."""
    return {
        "Scheduled queries: their file": _file(),
        "Scheduled queries: their schedules": _schedules(),
        "Scheduled queries: when to raise an alarm": _limits(),
        "Scheduled queries: further data": _data(),
    }


def conditions() -> dict[str, Any]:
    """Return what depends on the choices."""
    return {
        "QueriesFromGit": Equals(Ref("QueriesConfigSource"), "git"),
        "QueriesFromS3": Equals(Ref("QueriesConfigSource"), "s3"),
        "QueriesFromPackage": Equals(Ref("QueriesConfigSource"), "packaged"),
        "QueriesHasToken": And(Condition("QueriesFromGit"), Not(Equals(Ref("QueriesTokenParameter"), ""))),
        "QueriesHasDatabase": Not(Equals(Ref("QueriesDatabase"), "")),
        "QueriesHasDataBucket": Not(Equals(Ref("QueriesDataBucket"), "")),
    }


def rules() -> dict[str, Any]:
    """Return the rule that refuses a source without an address."""
    is_named = {"Fn::Not": [{"Fn::Equals": [Ref("QueriesConfigUrl"), ""]}]}
    is_packaged = {"Fn::Equals": [Ref("QueriesConfigSource"), "packaged"]}
    sentence = "QueriesConfigUrl must say where the file is, if QueriesConfigSource is git or s3."
    assertion = {"Assert": {"Fn::Or": [is_packaged, is_named]}, "AssertDescription": sentence}
    return {"QueriesFileHasAnAddress": {"Assertions": [assertion]}}


def _file() -> list[Choice]:
    return [
        one_of(
            "QueriesConfigSource",
            "Where the file is",
            ("packaged", "git", "s3"),
            "packaged",
            "Where the file is: cfn/schedules.json as it was built in, or git or s3, read with every round.",
            "must be packaged, git or s3.",
        ),
        text(
            "QueriesConfigUrl",
            "Its address",
            r"^(|https://\S{1,1000}|s3://[a-z0-9.-]{3,63}/\S{1,900})$",
            "Raw URL of the file in GitHub, GitLab or Bitbucket, on a branch (a commit never changes), or s3://...",
            "must be empty, an https URL, or s3://bucket/key.",
            default="",
        ),
        text(
            "QueriesTokenParameter",
            "SSM parameter of the token",
            r"^(|/[A-Za-z0-9_.\-/]{1,900})$",
            "Name of the SecureString with a token that may read the repository; empty for a public one.",
            "must be empty or the name of an SSM parameter, such as /deliverywatch/prod/queries/git.",
            default="",
        ),
    ]


def _schedules() -> list[Choice]:
    return [
        text(
            "QueriesProject",
            "What names begin with",
            _PROJECT_PATTERN,
            "Schedules are called {this}-{query id}; nothing else in their group is ever touched.",
            "must be 1 to 20 letters, digits, dots, dashes and underscores, and start with a letter or digit.",
            default="deliverywatch",
        ),
        one_of(
            "QueriesReconcileMinutes",
            "Reconcile every (minutes)",
            (1, 2, 5, 10),
            thresholds.QUERIES_RECONCILE_MINUTES,
            "How often the file is read and the schedules are brought to it.",
            "must be 1, 2, 5 or 10 minutes.",
        ),
        one_of(
            "QueriesDisabledByHand",
            "A schedule switched off by hand",
            ("respect", "enable"),
            "respect",
            "A schedule switched off by hand stays off and is reported (respect), or is switched on again (enable).",
            "must be respect or enable.",
        ),
        whole_number(
            "QueriesDeleteCount",
            "Most deletions at once",
            (1, 10_000),
            thresholds.QUERIES_DELETE_COUNT,
            "Most schedules that are deleted at once; more wait for queries apply --allow-deletes.",
            "must be a whole number from 1 to 10000.",
        ),
        whole_number(
            "QueriesDeletePercent",
            "Most deletions at once (%)",
            (1, 100),
            thresholds.QUERIES_DELETE_PERCENT,
            "The same as a share of all schedules, in percent; one alone may always go.",
            "must be a whole number from 1 to 100.",
        ),
        whole_number(
            "QueriesSpreadMinutes",
            "Spread starts over (minutes)",
            (0, 60),
            0,
            "Starts within so many minutes, so that hourly queries do not all meet in one minute; 0 for none.",
            "must be a whole number from 0 to 60.",
        ),
    ]


def _limits() -> list[Choice]:
    return [
        whole_number(
            "QueriesTimeoutSeconds",
            "Stop a query after (seconds)",
            (10, 840),
            thresholds.QUERIES_TIMEOUT_SECONDS,
            "A query that runs longer is stopped, so that it is not billed on, and counts as failed.",
            "must be a whole number from 10 to 840.",
        ),
        whole_number(
            "QueriesFailedCount",
            "Failed runs in an hour",
            (1, 10_000),
            thresholds.QUERIES_FAILED_COUNT,
            "Failed runs within an hour that open an incident beside those of the queries themselves.",
            "must be a whole number from 1 to 10000.",
        ),
        whole_number(
            "QueriesSlowSeconds",
            "A query is slow over (seconds)",
            (5, 840),
            thresholds.QUERIES_SLOW_SECONDS,
            "A query that takes longer opens an incident.",
            "must be a whole number from 5 to 840.",
        ),
        whole_number(
            "QueriesDearUsd",
            "A day of queries is dear over (USD)",
            (1, 10_000),
            thresholds.QUERIES_DEAR_USD,
            "Queries that cost more in 24 hours, at Athena's list price, open an incident.",
            "must be a whole number of USD from 1 to 10000.",
        ),
    ]


def _data() -> list[Choice]:
    return [
        text(
            "QueriesDatabase",
            "Another Glue database",
            r"^(|[a-z0-9_]{1,128})$",
            "A database that queries may read beside the lake's own; they write database.table.",
            "must be empty or the name of a Glue database.",
            default="",
        ),
        text(
            "QueriesDataBucket",
            "The bucket of its data",
            r"^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$",
            "The bucket in which the data of that database lies.",
            "must be empty or the name of a bucket.",
            default="",
        ),
    ]
