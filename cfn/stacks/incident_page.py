"""The page behind the links of mails, built only if asked for: a function with a URL, and its alarm.

It is off even then unless a key for the links is named.
"""

from typing import Any

from troposphere import Equals, GetAtt, If, Not, Ref, Sub, awslambda

from blocks.alarms import Alarm, Watch, function_metric
from blocks.parameters import Parameter, given, text, whole_number
from blocks.parts import NO_VALUE, PREFIX, Function, Statement, allow, arn, title
from blocks.stack import Stack
from deliverywatch import thresholds
from stacks.shared import MAY_LIST_LAKE, MAY_SET_ASIDE, may_read_secret, objects

_ON = "HasIncidentPage"
_KEY = "LinkKeyParameter"
_NAME = "operate-acknowledge"
_SECONDS = 300

# For the function that signs and the one that verifies.
_ABOUT_LINKS = {
    "DELIVERYWATCH_LINK_KEY_PARAMETER": Ref(_KEY),
    "DELIVERYWATCH_LINK_HOURS": Ref("LinkHours"),
    # What no two stacks share: a link of one is refused by all others.
    "DELIVERYWATCH_STACK_ID": Sub(arn("cloudformation", "stack/${AWS::StackName}")),
}


def part() -> Stack:
    """Return what is built of it, for the stack of the notifier."""
    return Stack(
        resources=_resources(),
        parameters={"Links in mails": _PARAMETERS},
        conditions={_ON: given(_KEY), "HasPageConcurrency": Not(Equals(Ref("PageConcurrency"), "0"))},
        functions=[_function()],
        watches=[_WATCH],
    )


def _function() -> Function:
    return Function(
        room="operate",
        verb="acknowledge",
        description="A signed link -> an incident on a page, and who takes it on or mutes it",
        timeout_seconds=30,
        packages=("jinja2", "tzdata"),
        environment={
            **_ABOUT_LINKS,
            "DELIVERYWATCH_PREFIX": Sub(PREFIX),
            "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
            "DELIVERYWATCH_TIME_ZONE": Ref("TimeZone"),
        },
        statements=_may(),
        condition=_ON,
        # Nothing but Lambda itself limits for free how often a URL that anybody may call runs.
        concurrency=If("HasPageConcurrency", Ref("PageConcurrency"), NO_VALUE),
    )


def about_links_of_mails() -> dict[str, Any]:
    """Return what the notifier makes links of; the URL of the page is empty while there is none."""
    url = If(_ON, GetAtt(f"{title(_NAME)}Url", "FunctionUrl"), "")
    return {**_ABOUT_LINKS, "DELIVERYWATCH_PAGE_URL": url}


def _resources() -> list[Any]:
    """Return the URL, and the permissions that let in everybody who has it: links are what it lets in by.

    Since October 2025 AWS asks for both (docs.aws.amazon.com/lambda/latest/dg/urls-auth.html).
    """
    target = GetAtt(title(_NAME), "Arn")
    anybody = {"FunctionName": target, "Principal": "*", "Condition": _ON}
    return [
        awslambda.Url(f"{title(_NAME)}Url", TargetFunctionArn=target, AuthType="NONE", Condition=_ON),
        awslambda.Permission(
            f"{title(_NAME)}UrlPermission",
            Action="lambda:InvokeFunctionUrl",
            FunctionUrlAuthType="NONE",
            **anybody,
        ),
        awslambda.Permission(
            f"{title(_NAME)}Permission", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **anybody
        ),
    ]


def may_sign() -> list[Any]:
    """Return what the notifier may do besides, where there is a page."""
    return [If(_ON, statement, NO_VALUE) for statement in may_read_secret(_KEY)]


def _may() -> list[Statement]:
    return [
        allow(["s3:GetObject", "s3:PutObject"], objects("incidents")),
        MAY_LIST_LAKE,
        MAY_SET_ASIDE,
        *may_read_secret(_KEY),
        # CloudWatch asks for it on the rule and on each alarm (AmazonCloudWatch/latest/APIReference/
        # API_PutAlarmMuteRule.html).
        allow(
            "cloudwatch:PutAlarmMuteRule",
            [Sub(arn("cloudwatch", f"{one}-*")) for one in (f"alarm-mute-rule:{PREFIX}-mute", f"alarm:{PREFIX}")],
        ),
    ]


_WATCH = Watch(
    _NAME,
    "The page of links in mails",
    [
        Alarm(
            f"{_NAME}-errors",
            "The page behind the links of mails answered with an error: S3, SSM or CloudWatch did not answer, or the "
            "key is missing. Incidents can be acknowledged with `deliverywatch ack` meanwhile.",
            # What the function itself raises is among them; it catches what it can, to answer with a page.
            function_metric("Url5xxCount", _NAME),
            period_seconds=_SECONDS,
            absence_proves="Nobody opened the page, and nothing of it failed.",
        )
    ],
    condition=_ON,
)

_PARAMETERS: list[Parameter] = [
    text(
        _KEY,
        "SSM parameter of the key of links",
        r"^(|/[A-Za-z0-9_.\-/]{1,900})$",
        "Name of a SecureString with 32 characters or more that nobody knows: mails then have links to acknowledge and "
        "to mute. Empty for none.",
        "must be empty or the name of an SSM parameter, such as /deliverywatch/prod/link-key.",
    ),
    whole_number(
        "LinkHours",
        "Hours that links are valid",
        (1, 168),
        thresholds.LINK_HOURS,
        "A link of a mail is worth nothing this long after it.",
        "must be a whole number of hours from 1 to 168.",
    ),
    whole_number(
        "PageConcurrency",
        "Requests at a time",
        (0, 10),
        thresholds.PAGE_CONCURRENCY,
        "Most requests that the page of links answers at a time, taken out of the account's concurrency; 0 for no "
        "limit of its own, which an account that may run only 10 at a time needs.",
        "must be a whole number from 0 to 10.",
    ),
]
