"""All figures, or those of the modules that are named: `scripts/bench ingest cold_start email`."""

import os
import platform
import sys

import cold_start
import compact
import email_events
import ingest
import run
import zips

import engine
import files
import pipeline
import queries

MODULES = {
    "ingest": ingest,
    "cold_start": cold_start,
    "engine": engine,
    "run": run,
    "compact": compact,
    "zips": zips,
    "files": files,
    "queries": queries,
    "email": email_events,
    "pipeline": pipeline,
}


def main(names: list[str]) -> None:
    """Print the figures of these modules, as each is measured."""
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}. There is: {', '.join(MODULES)}.")
    machine = f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}"
    print(f"{machine}; ratio is ours to the reference")
    for name in names or MODULES:
        for line in MODULES[name].figures():
            print(f"{line.figure:50} | {line.ours:>12} | {line.ratio:6.2f} | {line.reference}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
