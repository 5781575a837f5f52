"""The parameters of SMS, and the rules that refuse thresholds which contradict each other."""

from blocks.parameters import below, merged, one_of, percentages, switch, text, whole_numbers
from deliverywatch import thresholds

WARNING, CRITICAL, WARNING_RECOVERY, CRITICAL_RECOVERY = percentages(
    ("WarningThresholdPercent", "Warning over (%)", (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20),
     thresholds.WARNING_PERCENT,
     "Failed share of the SMS of 30 minutes that opens an incident; an incident mails once per change."),
    ("CriticalThresholdPercent", "Critical over (%)", (5, 8, 10, 12, 15, 20, 25, 30, 35, 40, 50, 60, 75, 90),
     thresholds.CRITICAL_PERCENT,
     "Failed share of the SMS of 30 minutes that makes an incident critical."),
    ("WarningRecoveryPercent", "Incident stays open over (%)", (0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15),
     thresholds.WARNING_RECOVERY_PERCENT,
     "An open incident ends when the share is down to this; less than the warning threshold."),
    ("CriticalRecoveryPercent", "Incident stays critical over (%)", (3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50),
     thresholds.CRITICAL_RECOVERY_PERCENT,
     "A critical incident becomes a warning again when the share is down to this; less than the critical threshold."),
)  # fmt: skip

RULES = merged(
    below(WARNING, CRITICAL),
    below(WARNING_RECOVERY, WARNING, ", or an incident could never end"),
    below(CRITICAL_RECOVERY, CRITICAL, ", or an incident would stay critical"),
)

_LIMITS = whole_numbers(
    ("MinimumTotal", "At least so many SMS in 30 minutes", (1, 1_000_000), thresholds.MINIMUM_TOTAL_COUNT,
     "Below this volume the share of 30 minutes says nothing, and a longer time is looked at."),
    ("MinimumFailed", "At least so many failures", (1, 1_000_000), thresholds.MINIMUM_FAILED_COUNT,
     "Fewer failures than this never raise an alarm."),
    ("TricklePercent", "Trickle: over (%)", (1, 99), thresholds.TRICKLE_PERCENT,
     "Failed share of the newest SMS that opens an incident where 30 minutes hold too few."),
    ("OutagePercent", "Outage: at least (%)", (50, 100), thresholds.OUTAGE_PERCENT,
     "Failed share of the newest SMS of a small account that is critical, however few there are."),
    ("OutageMinimumFailed", "Outage: at least so many failures", (2, 1_000_000),
     thresholds.OUTAGE_MINIMUM_FAILED_COUNT, "Fewer failures than this are never an outage."),
    ("QuietMinutes", "Quiet after minutes without an SMS", (10, 1_440), thresholds.QUIET_MINUTES,
     "An open incident stays open without traffic; after so many minutes one mail says so."),
    ("CreditWarningHours", "Credit: warning under (hours)", (12, 336), thresholds.CREDIT_WARNING_HOURS,
     "The credit that ends sooner, at the pace of the last day or week, is mailed; 72 leaves 48 hours to top it up."),
    ("UnknownPercent", "Unknown: over (%)", (1, 99), thresholds.UNKNOWN_PERCENT,
     "Share of the SMS of some hours whose status no rule covers, so that nobody knows whether they arrive."),
    ("SilencePercent", "Silence: under (%) of the usual", (1, 50), thresholds.SILENCE_PERCENT,
     "Fewer SMS in 30 minutes, of what is usual at this time, are silence."),
    ("SilenceRecoveryPercent", "Silence is over from (%) of the usual", (1, 100), thresholds.SILENCE_RECOVERY_PERCENT,
     "An open incident ends when at least so many SMS are sent again; more than the percentage that opens it."),
    ("SilenceMinimumDaily", "Silence: at least so many SMS a day", (1, 1_000_000),
     thresholds.SILENCE_MINIMUM_DAILY_COUNT, "Smaller accounts are not watched for silence: it may be chance."),
    ("SilenceMinimumExpected", "Silence: at least so many usual SMS", (1, 1_000_000),
     thresholds.SILENCE_MINIMUM_EXPECTED_COUNT, "Where fewer are usual in 30 minutes, their absence says nothing."),
    ("OverduePercent", "Late: over (points)", (1, 99), thresholds.OVERDUE_PERCENT,
     "Share of the SMS sent 5 to 20 minutes ago that have no outcome, in points above the account's usual share."),
)  # fmt: skip

_WINDOW = one_of(
    "WindowMinutes",
    "Share of the last minutes",
    thresholds.WINDOW_MINUTES_OFFERED,
    thresholds.WINDOW_SECONDS // 60,
    "Over so many minutes the failed share is taken; a longer time is calmer, and says it later.",
)

PARAMETERS = {
    "ClickSend": [
        text(
            "ClickSendCredentials",
            "Credentials",
            r"^(|(/[A-Za-z0-9_.-]+)+)$",
            "Path of the SSM SecureStrings `username` and `api_key`; empty for /deliverywatch/{environment}/clicksend.",
            "must be empty or a path of SSM parameters such as /clicksend/prod, without a slash at its end.",
        ),
        text(
            "ClickSendUrl",
            "Address of the API",
            r"^https?://[A-Za-z0-9.-]+(:\d+)?(/v3)?/?$",
            "Where ClickSend's REST API is; change it only to test against another server.",
            "must be an address such as https://rest.clicksend.com, without a path other than /v3.",
            default="https://rest.clicksend.com",
        ),
        one_of(
            "SlotMinutes",
            "Minutes between runs",
            (1, 2, 5, 10),
            thresholds.SLOT_MINUTES,
            "ClickSend is read this often; 10 costs the least.",
        ),
        switch(
            "CountRecipientFaults",
            "Count dead numbers",
            "false leaves failures out that are the recipient's own, such as a number that does not exist.",
            default=True,
        ),
        one_of(
            "RecipientNumbers",
            "Phone numbers in the lake",
            ("hashed", "plain"),
            "hashed",
            "hashed keeps a keyed hash and the last three digits; plain keeps the whole number.",
        ),
        switch(
            "CompactLake",
            "One object per day",
            "Joins the hours of the lake, once 72 hours old, into one object per day: queries open 24 times fewer.",
            default=True,
        ),
        switch(
            "SilenceWatch",
            "Watch for silence",
            "Mails when far fewer SMS are sent than usual at this time; it learns for two weeks.",
            default=True,
        ),
        switch(
            "CreditWatch",
            "Watch the credit",
            "Reads the account's balance once an hour, with the same key, and mails before the credit ends.",
            default=True,
        ),
    ],
    "When to raise an alarm": [
        *(WARNING, CRITICAL, WARNING_RECOVERY, CRITICAL_RECOVERY, _WINDOW),
        switch(
            "KeepOneClientAtWarning",
            "One client is no emergency",
            "true keeps failures at warning while they are of one sender, subaccount or list and all others are well.",
            default=False,
        ),
        *_LIMITS,
    ],
}
