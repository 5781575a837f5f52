"""The parameters of e-mail, and the rules that refuse those which contradict each other."""

from typing import Any

from troposphere import Equals, If, Not, Ref, Sub

from blocks.parameters import (
    below,
    bucket_name,
    distinct,
    given,
    one_of,
    percentages,
    switch,
    text,
    whole_number,
    whole_numbers,
)
from deliverywatch import thresholds
from deliverywatch.email.events.streams import DAY_PATHS, EVENTS_FOLDERS, Stream

_SET_PARAMETERS = {stream: f"{stream.value.capitalize()}ConfigurationSet" for stream in Stream}


# By the parameter that names it: what lies in it.
_BUCKETS = {"EmailBucketName": "Bucket of the events", "EmailResultsBucketName": "Bucket of query results"}
_BOUNCES = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15)
_COMPLAINTS = (0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1)

_REPUTATION = percentages(
    ("EmailReputationWarningPercent", "SES's count: warning from (% of its review limit)", (20, 30, 40, 50, 60, 70),
     thresholds.EMAIL_REPUTATION_WARNING_PERCENT,
     "SES reviews accounts at 5 % bounces or 0.1 % complaints: 40 is 2 % or 0.04 % by its own count."),
    ("EmailReputationCriticalPercent", "SES's count: critical from (% of its review limit)", (50, 60, 70, 80, 90, 100),
     thresholds.EMAIL_REPUTATION_CRITICAL_PERCENT, "80 is 4 % bounces or 0.08 % complaints by SES's own count."),
)  # fmt: skip
REPUTATION_WARNING, REPUTATION_CRITICAL = _REPUTATION
_SHARES = percentages(
    ("EmailBounceWarningPercent", "Bounces: warning over (%)", _BOUNCES, thresholds.EMAIL_BOUNCE_WARNING_PERCENT,
     "Permanent bounces of what a stream sent within 6 hours; at 5 % SES puts the account under review."),
    ("EmailBounceCriticalPercent", "Bounces: critical over (%)", _BOUNCES, thresholds.EMAIL_BOUNCE_CRITICAL_PERCENT,
     "At 10 % SES may pause sending."),
    ("EmailBounceRecoveryPercent", "Bounces: incident stays open over (%)", (1, 2, 3, 4, 5, 6, 7, 8, 9),
     thresholds.EMAIL_BOUNCE_RECOVERY_PERCENT,
     "An open incident ends when the share is down to this; less than the warning threshold."),
    ("EmailComplaintWarningPercent", "Complaints: warning over (%)", _COMPLAINTS,
     thresholds.EMAIL_COMPLAINT_WARNING_PERCENT,
     "Complaints about what a stream sent within 24 hours; at 0.1 % SES puts the account under review."),
    ("EmailComplaintCriticalPercent", "Complaints: critical over (%)", _COMPLAINTS,
     thresholds.EMAIL_COMPLAINT_CRITICAL_PERCENT,
     "At 0.5 % SES may pause sending."),
    ("EmailComplaintRecoveryPercent", "Complaints: incident stays open over (%)",
     (0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4), thresholds.EMAIL_COMPLAINT_RECOVERY_PERCENT,
     "An open incident ends when the share is down to this; less than the warning threshold."),
    ("EmailDelayWarningPercent", "Delays: warning over (%)", (15, 20, 25, 30, 40, 50, 60, 75),
     thresholds.EMAIL_DELAY_WARNING_PERCENT,
     "Mails to one receiving domain that were delayed and are not delivered; SES tries again for 14 hours."),
)  # fmt: skip
BOUNCE_WARNING, BOUNCE_CRITICAL, BOUNCE_RECOVERY, COMPLAINT_WARNING, COMPLAINT_CRITICAL, COMPLAINT_RECOVERY = _SHARES[
    :6
]
RETENTION = one_of(
    "EmailRetentionDays",
    "Days that events are kept",
    (90, 180, 365, 730, 1095, 1825, 3650),
    thresholds.EMAIL_RETENTION_DAYS,
    "Events are deleted after this many days; they hold e-mail addresses.",
)
STANDARD_IA = one_of(
    "EmailStandardIaDays",
    "Days until Standard-IA",
    (0, 30, 60, 90, 180, 365),
    thresholds.EMAIL_STANDARD_IA_DAYS,
    "0 for never. Moves objects of 128 KB and more only: smaller ones would cost more there than here.",
)


# What stands above the folders of the streams, in texts with references.
EVENTS = "${EmailEventsFolder}"


def configuration_set(stream: Stream) -> Any:
    """Return the name of a stream's configuration set."""
    return If(
        f"Has{_SET_PARAMETERS[stream]}",
        Ref(_SET_PARAMETERS[stream]),
        Sub(f"daily-system-design-{stream.value}-${{Environment}}"),
    )


RULES = {
    **below(BOUNCE_WARNING, BOUNCE_CRITICAL),
    **below(BOUNCE_RECOVERY, BOUNCE_WARNING, ", or an incident could never end"),
    **below(COMPLAINT_WARNING, COMPLAINT_CRITICAL),
    **below(REPUTATION_WARNING, REPUTATION_CRITICAL),
    **below(COMPLAINT_RECOVERY, COMPLAINT_WARNING, ", or an incident could never end"),
    # SES takes an event destination's name once per configuration set: the second stream's would be refused.
    "EmailStreamsHaveTheirOwnSets": distinct(
        _SET_PARAMETERS.values(),
        "NewsletterConfigurationSet and TransactionalConfigurationSet must be two sets: "
        "each event belongs to one stream.",
    ),
    # The second of two buckets with one name would fail, and take the stack with it.
    "EmailBucketsHaveTheirOwnNames": distinct(
        _BUCKETS, "EmailBucketName and EmailResultsBucketName must be two names."
    ),
    **below(STANDARD_IA, RETENTION),
}

CONDITIONS = {
    **{f"Has{name}": given(name) for name in (*_SET_PARAMETERS.values(), *_BUCKETS)},
    "HasEmailDays": Equals(Ref("EmailPartitions"), "day"),
    "HasEmailStandardIa": Not(Equals(Ref("EmailStandardIaDays"), "0")),
    "HasEmailCrawler": Equals(Ref("EmailCrawler"), "true"),
}
BUDGET_CONDITIONS = {"HasEmailBudget": Not(Equals(Ref("EmailBudgetDollars"), "0"))}

_BUFFERS = whole_numbers(
    ("EmailBufferSeconds", "Firehose: seconds until events are written", (60, 900), thresholds.EMAIL_BUFFER_SECONDS,
     "Less shows events sooner, in more and smaller objects.",
     "must be a whole number from 60 to 900, which is Firehose's limit."),
    ("EmailBufferMegabytes", "Firehose: megabytes until events are written", (64, 128),
     thresholds.EMAIL_BUFFER_MEGABYTES, "Whichever comes first, this or the seconds.",
     "must be a whole number from 64 to 128: what Firehose takes when it writes Parquet."),
)  # fmt: skip

_LIMITS = whole_numbers(
    ("EmailMinimumSent", "At least so many mails", (1, 1_000_000), thresholds.EMAIL_MINIMUM_SENT_COUNT,
     "Below this volume a share says nothing: it opens no incident, and ends none. Of a receiving domain as well."),
    ("EmailMinimumBounced", "At least so many bounces", (1, 1_000_000), thresholds.EMAIL_MINIMUM_BOUNCED_COUNT,
     "Fewer bounces than this never raise an alarm."),
    ("EmailMinimumComplained", "At least so many complaints", (1, 1_000_000), thresholds.EMAIL_MINIMUM_COMPLAINED_COUNT,
     "Fewer complaints than this never raise an alarm."),
    ("EmailMinimumDelayed", "At least so many mails that wait", (1, 1_000_000), thresholds.EMAIL_MINIMUM_DELAYED_COUNT,
     "Fewer mails than this that wait at a receiving domain never raise an alarm."),
    ("EmailMissingPercent", "Silence: mails without an event over (%)", (1, 99), thresholds.EMAIL_MISSING_PERCENT,
     "Of the mails that SES says it sent, in an hour or a day, so many have no event: their fate is not seen."),
    ("EmailMissingMinimum", "At least so many mails without an event", (1, 1_000_000), thresholds.EMAIL_MISSING_COUNT,
     "Fewer missing events than this never raise an alarm."),
    ("EmailSilenceMinutes", "Silence: minutes until events are missing", (5, 55), thresholds.EMAIL_SILENCE_MINUTES,
     "Events may come so much later than their mails; SES, Firehose and the function take about three minutes."),
    ("EmailFreshnessSeconds", "Events are stuck after (s)", (1200, 86_400), thresholds.EMAIL_FRESHNESS_SECONDS,
     "Firehose may hold events for EmailBufferSeconds; older than this they do not reach the bucket."),
)  # fmt: skip

PARAMETERS = {
    "Where e-mail events are kept": [
        *(bucket_name(name, label) for name, label in _BUCKETS.items()),
        one_of(
            "EmailEventsFolder",
            "Folder above the streams",
            EVENTS_FOLDERS,
            EVENTS_FOLDERS[0],
            "events/ for events/newsletter/...; empty for newsletter/... at the top of the bucket.",
            "must be events/ or empty.",
        ),
        one_of(
            "EmailPartitions",
            "Folders of a day",
            [*DAY_PATHS],
            "day",
            "day is dt=YYYY-MM-DD/; year-month-day is year=/month=/day=, for those who have it already.",
        ),
        RETENTION,
        STANDARD_IA,
    ],
    "E-mail events": [
        *(
            text(
                name,
                f"Configuration set of the {stream.value} stream",
                "^[A-Za-z0-9_-]{0,64}$",
                f"The existing configuration set; empty for daily-system-design-{stream.value}-<Environment>.",
                "must be the name of a configuration set: at most 64 letters, digits, - and _.",
            )
            for stream, name in _SET_PARAMETERS.items()
        ),
        text(
            "EmailCampaignTag",
            "Message tag of the campaign",
            "^[A-Za-z0-9_-]{1,256}$",
            "Name of the message tag that says which newsletter or campaign a mail belongs to.",
            "must be the name of a message tag: letters, digits, - and _.",
            default="campaign",
        ),
        text(
            "EmailUnsubscribeLinks",
            "Links by which people unsubscribe",
            r"^[A-Za-z0-9:/?#&=._~%+@,-]*$",
            "How such links begin, with commas between: https://example.com/unsubscribe. Top links leave them out.",
            "must be the beginnings of links, with commas and no spaces between.",
        ),
        text(
            "EmailTrackingParameters",
            "Parameters of your links that only track",
            "^[A-Za-z0-9_,-]*$",
            "With commas between, such as one that holds the recipient; utm_source, fbclid and the like are known.",
            "must be names of letters, digits, _ and -, with commas and no spaces between.",
        ),
        *_BUFFERS,
        one_of(
            "EmailCompression",
            "Compression inside Parquet",
            ("GZIP", "SNAPPY"),
            "GZIP",
            "GZIP is smaller, SNAPPY a little faster to read.",
        ),
    ],
    "E-mail cost": [
        switch(
            "EmailCrawler",
            "Weekly crawler",
            "Not needed: partitions are computed. It looks at the tables once a week and only logs what it finds; a "
            "run costs about 0.15 USD.",
            default=False,
        ),
    ],
    "When e-mail raises an alarm": [*_SHARES, *_REPUTATION, *_LIMITS],
}

BUDGET = {
    "E-mail budget": [
        whole_number(
            "EmailBudgetDollars",
            "Monthly budget (USD)",
            (0, 1_000_000),
            thresholds.EMAIL_BUDGET_DOLLARS,
            "For all that this stack's tag is on. Mails go to FallbackAddress at 80 % spent and if more than all is "
            "forecast. 0 for no budget. Activate the tag aws:cloudformation:stack-name in Billing, or it sees nothing.",
            "must be a whole number of dollars; 0 for no budget.",
        ),
    ]
}
