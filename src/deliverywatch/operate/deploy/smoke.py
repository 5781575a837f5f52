"""A stack that was just deployed -> does it work: all that `doctor` looks at, and one run of the ingest function.

Nothing is sent. The run is one as every ten minutes, so that it changes nothing that the next one would not; it is left
out where the credentials are missing, because it could only fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from deliverywatch.operate.account.aws import invoke
from deliverywatch.operate.doctor.check import Check, Verdict, failed, ok

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

INGEST = "sms-ingest"


def look(checks: Iterable[Check], cloud: Cloud, function: str) -> Iterator[Check]:
    """Yield the checks of `doctor` and a run of the ingest function; an empty name if the stack has none."""
    is_able = False
    for check in checks:
        is_able |= check.name == "clicksend-key" and check.verdict is Verdict.OK
        # Metrics of a run that was just done show after a minute or two.
        if check.name != "heartbeat":
            yield check
    if function and is_able:
        yield _run(cloud, function)


def _run(cloud: Cloud, function: str) -> Check:
    returned, problem = invoke(cloud, function, {})
    if problem:
        return failed("run", f"A run failed: {problem}", f"aws logs tail /aws/lambda/{function} --since 15m")
    count = returned.get("read_count", 0) if isinstance(returned, dict) else 0
    return ok("run", f"A run read {count:,} rows of ClickSend's history.")
