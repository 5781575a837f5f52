"""The parameters of scheduled queries."""

from troposphere import And, Condition, Equals, Or, Ref

from blocks.parameters import given, one_of, text, whole_numbers
from deliverywatch import thresholds

CONDITIONS = {
    "QueriesFromGit": Equals(Ref("QueriesConfigSource"), "git"),
    "QueriesFromS3": Equals(Ref("QueriesConfigSource"), "s3"),
    "QueriesFromPackage": Equals(Ref("QueriesConfigSource"), "packaged"),
    "QueriesHasToken": And(Condition("QueriesFromGit"), given("QueriesTokenParameter")),
    "HasQueriesGroupName": given("QueriesGroupName"),
    "QueriesMakesGroup": Equals(Ref("QueriesGroup"), "made"),
    "QueriesHasDatabase": given("QueriesDatabase"),
    "QueriesHasDataBucket": given("QueriesDataBucket"),
}

RULES = {
    "QueriesFileHasAnAddress": {
        "Assertions": [
            {
                "Assert": Or(Equals(Ref("QueriesConfigSource"), "packaged"), given("QueriesConfigUrl")),
                "AssertDescription": "QueriesConfigUrl must say where the file is, if QueriesConfigSource is git or "
                "s3.",
            }
        ]
    },
    "QueriesGroupToAdoptHasAName": {
        "Assertions": [
            {
                "Assert": Or(Equals(Ref("QueriesGroup"), "made"), given("QueriesGroupName")),
                "AssertDescription": "QueriesGroupName must name the schedule group that is adopted.",
            }
        ]
    },
}

_SCHEDULING = whole_numbers(
    ("QueriesDeleteCount", "Most deletions at once", (1, 10_000), thresholds.QUERIES_DELETE_COUNT,
     "Most schedules that are deleted at once; more wait for queries apply --allow-deletes."),
    ("QueriesDeletePercent", "Most deletions at once (%)", (1, 100), thresholds.QUERIES_DELETE_PERCENT,
     "The same as a share of all schedules, in percent; one alone may always go."),
    ("QueriesSpreadMinutes", "Spread starts over (minutes)", (0, 60), 0,
     "Starts within so many minutes, so that hourly queries do not all meet in one minute; 0 for none."),
)  # fmt: skip

_LIMITS = whole_numbers(
    ("QueriesTimeoutSeconds", "Stop a query after (seconds)", (10, 840), thresholds.QUERIES_TIMEOUT_SECONDS,
     "A query that runs longer is stopped, so that it is not billed on, and counts as failed."),
    ("QueriesFailedCount", "Failed runs in an hour", (1, 10_000), thresholds.QUERIES_FAILED_COUNT,
     "Failed runs within an hour that open an incident beside those of the queries themselves."),
    ("QueriesUnmeasuredRuns", "Unmeasured runs in a row", (1, 10_000), thresholds.QUERIES_UNMEASURED_RUNS,
     "Runs in a row in which an alert meets NULL, no row or no number, before that is an incident of its own."),
    ("QueriesSlowSeconds", "A query is slow over (seconds)", (5, 840), thresholds.QUERIES_SLOW_SECONDS,
     "A query that takes longer opens an incident."),
    ("QueriesDearUsd", "A day of queries is dear over (USD)", (1, 10_000), thresholds.QUERIES_DEAR_USD,
     "Queries that cost more in 24 hours, at Athena's list price, open an incident.",
     "must be a whole number of USD from 1 to 10000."),
)  # fmt: skip

PARAMETERS = {
    "Scheduled queries: their file": [
        one_of(
            "QueriesConfigSource",
            "Where the file is",
            ("packaged", "git", "s3"),
            "packaged",
            "Where the file is: cfn/schedules.json as it was built in, or git or s3, read with every round.",
        ),
        text(
            "QueriesConfigUrl",
            "Its address",
            r"^(|https://\S{1,1000}|s3://[a-z0-9.-]{3,63}/\S{1,900})$",
            "Raw URL of the file in GitHub, GitLab or Bitbucket, on a branch (a commit never changes), or s3://...",
            "must be empty, an https URL, or s3://bucket/key.",
        ),
        text(
            "QueriesTokenParameter",
            "SSM parameter of the token",
            r"^(|/[A-Za-z0-9_.\-/]{1,900})$",
            "Name of the SecureString with a token that may read the repository; empty for a public one.",
            "must be empty or the name of an SSM parameter, such as /deliverywatch/prod/queries/git.",
        ),
    ],
    "Scheduled queries: their schedules": [
        text(
            "QueriesProject",
            "What names begin with",
            r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,19}$",
            "Schedules are called {this}-{query id}; nothing else in their group is ever touched.",
            "must be 1 to 20 letters, digits, dots, dashes and underscores, and start with a letter or digit.",
            default="deliverywatch",
        ),
        text(
            "QueriesGroupName",
            "Their schedule group",
            r"^(|[0-9A-Za-z_.-]{1,64})$",
            "Name of the schedule group; empty for one that is named as the stack's other parts.",
            "must be empty, or 1 to 64 letters, digits, dots, dashes and underscores.",
        ),
        one_of(
            "QueriesGroup",
            "The group is",
            ("made", "adopted"),
            "made",
            "The stack makes the group and deletes it with itself (made), or uses one that exists (adopted).",
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
        ),
        *_SCHEDULING,
    ],
    "Scheduled queries: when to raise an alarm": _LIMITS,
    "Scheduled queries: further data": [
        text(
            "QueriesDatabase",
            "Another Glue database",
            r"^(|[a-z0-9_]{1,128})$",
            "A database that queries may read beside the lake's own, as database.table or as their `database`.",
            "must be empty or the name of a Glue database.",
        ),
        text(
            "QueriesDataBucket",
            "The bucket of its data",
            r"^(|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$",
            "The bucket in which the data of that database lies.",
            "must be empty or the name of a bucket.",
        ),
    ],
}
