"""A region -> its partition, and where the AWS console of that partition is.

AWS does not document the addresses of the console's pages; they are what the browser's address bar shows.
"""

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
