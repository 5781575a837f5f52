"""The most memory that this process ever held; small, because processes that are measured import it."""

import resource
from pathlib import Path


def peak_bytes() -> int:
    """Return the peak so far."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    # Not ru_maxrss: on Linux that starts with what the parent held when it started us. This one begins at 0 with each
    # program that is started.
    (line,) = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
