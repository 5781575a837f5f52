"""A region -> its partition, and where the AWS console of that partition is.

AWS does not document the addresses of the console's pages; they are what the browser's address bar shows.
"""

from urllib.parse import quote

_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov", "eusc": "aws-eusc"}
DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}


def partition(region: str) -> str:
    """Return what the ARNs of a region begin with after `arn:`."""
    return next((name for begin, name in _PARTITIONS.items() if region.startswith(f"{begin}-")), "aws")


def console(region: str) -> str:
    """Return the address of a region's console."""
    return f"https://{region}.{DOMAINS[partition(region)]}"


def log_url(region: str, group: str, stream: str = "") -> str:
    """Return the address of a log group, or of one of its streams; the console escapes names twice, with $ for %."""
    group, stream = (quote(quote(name, safe=""), safe="").replace("%", "$") for name in (group, stream))
    url = f"{console(region)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"
    return f"{url}/log-events/{stream}" if stream else url
