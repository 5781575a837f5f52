"""All figures, or those of the modules that are named: `scripts/bench ingest cold_start email`.

A line that misses its limit ends with MISSED, and the last line has their number. The exit code is 0 all the same: a
busy machine misses limits of time, and who reads the figures has to judge. A benchmark that cannot run, or whose two
sides disagree, ends with 1.
"""

import os
import platform
import sys

import causes
import cold_start
import compact
import email_events
import engine
import evidence
import file_worlds
import hostile
import ingest
import installation
import late
import machine
import notifier
import recommend
import run
import zips
from measure import summary

import files
import pipeline
import queries

MODULES = {
    "ingest": ingest,
    "hostile": hostile,
    "cold_start": cold_start,
    "engine": engine,
    "run": run,
    "compact": compact,
    "zips": zips,
    "files": files,
    "file_worlds": file_worlds,
    "queries": queries,
    "email": email_events,
    "pipeline": pipeline,
    "causes": causes,
    "evidence": evidence,
    "late": late,
    "installation": installation,
    "machine": machine,
    "notifier": notifier,
    "recommend": recommend,
}
# Only when they are named.
LONG = {"file_worlds", "installation", "machine", "notifier", "recommend"}


def main(names: list[str]) -> None:
    """Print the figures of these modules, as each is measured."""
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}. There is: {', '.join(MODULES)}.")
    machine = f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}"
    print(f"{machine}; ratio is ours to the reference")
    printed = []
    for name in names or [name for name in MODULES if name not in LONG]:
        for figure in MODULES[name].figures():
            print(figure.line(), flush=True)
            printed.append(figure)
    print(summary(printed))


if __name__ == "__main__":
    main(sys.argv[1:])
