"""Names of AWS resources -> URLs of their console pages."""

import re
from datetime import datetime
from urllib.parse import quote

from deliverywatch.messages.console import console

# A region comes from a message and goes into the host of a link, where nothing else may go.
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")


def region_of(arn: str) -> str:
    """Return the region of an alarm's ARN; empty if it has none."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 and _REGION.fullmatch(parts[3]) else ""


def alarm_url(region: str, name: str) -> str:
    """Return the URL of an alarm."""
    return f"{console(region)}/cloudwatch/home?region={region}#alarmsV2:alarm/{quote(name, safe='')}"


def dashboard_url(region: str, name: str, start: datetime, end: datetime) -> str:
    """Return the URL of a dashboard at an absolute time, which shows the same a week later; empty for none."""
    if not name:
        return ""
    times = f"start={start:%Y-%m-%dT%H:%M:%S}.000Z&end={end:%Y-%m-%dT%H:%M:%S}.000Z"
    return f"{console(region)}/cloudwatch/home?region={region}#dashboards/dashboard/{quote(name, safe='')}?{times}"


def saved_queries_url(region: str, workgroup: str) -> str:
    """Return the URL of an Athena workgroup's saved queries; empty for none."""
    if not workgroup:
        return ""
    page = f"#/query-editor/saved-queries?workgroup={quote(workgroup, safe='')}"
    return f"{console(region)}/athena/home?region={region}{page}"
