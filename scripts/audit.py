#!/usr/bin/env python3
"""Audits every system's template with checkov and the locked packages with pip-audit; prints what is wrong.

Run by scripts/check with the Python of .venv. Both tools need packages that ours cannot live with, so they have a lock
of their own, .ci/audit, and an environment of their own, .venv/audit.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environment

ROOT = Path(__file__).parents[1]
LOCK = ROOT / ".ci/audit/requirements.lock"
TOOLS = ROOT / ".venv/audit"
_EXCEPTION = re.compile(r"^ *- (CKV\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What checkov says of one resource."""

    check: str
    name: str
    resource: str


def install() -> bool:
    """Make .venv/audit with the locked tools; return whether they are there."""
    stamp, lock = TOOLS / "packages", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8").split() == [lock]:
        return True
    print("Installing the audit's locked packages into .venv/audit (about a minute, once) ...", file=sys.stderr)
    try:
        environment.make(TOOLS)
        environment.install(TOOLS, [LOCK])
    except environment.NotInstalled as reason:
        print(reason, file=sys.stderr)
        return False
    stamp.write_text(lock, encoding="utf-8")
    return True


def exceptions(config: str) -> set[str]:
    """Return the checks that .checkov.yaml leaves out."""
    return set(_EXCEPTION.findall(config))


def findings(report: Any) -> list[Finding]:
    """Return what failed, from checkov's JSON: one report, or a list of them."""
    reports = report if isinstance(report, list) else [report]
    failed = [check for one in reports for check in one.get("results", {}).get("failed_checks", ())]
    return [Finding(check["check_id"], check["check_name"], check["resource"]) for check in failed]


def problems_of(findings: Sequence[Finding], excepted: set[str]) -> list[str]:
    """Return findings that nobody excepted, and exceptions that nothing needs."""
    lines = {f"{each.check} {each.resource}: {each.name}" for each in findings if each.check not in excepted}
    stale = excepted - {each.check for each in findings}
    return [
        *sorted(lines),
        *(f"{check} is excepted in .checkov.yaml, and nothing needs it." for check in sorted(stale)),
    ]


def checkov() -> list[str]:
    """Return what is wrong with the templates of all systems."""
    sys.path[:0] = [str(ROOT / "cfn")]
    import stacks
    from blocks.extras import Extra
    from bundling import build

    with tempfile.TemporaryDirectory() as folder:
        for system in stacks.SYSTEMS:
            build.build([system], "none", Path(folder) / system, [*Extra])
        options = ["--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "--output", "json"]
        command = [TOOLS / "bin/checkov", "--directory", folder, *options]
        # Without the configuration of the repository: what it leaves out must be found.
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, encoding="utf-8")
    if done.returncode not in (0, 1) or not done.stdout.strip():
        return [f"checkov failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"]
    return problems_of(
        findings(json.loads(done.stdout)), exceptions((ROOT / ".checkov.yaml").read_text(encoding="utf-8"))
    )


def vulnerable(report: dict[str, Any]) -> tuple[list[str], int, int]:
    """Return the known vulnerabilities, and how many packages of how many could not be looked up."""
    packages = report["dependencies"]
    lines = [
        f"{each['name']} {each['version']}: {vuln['id']}, fixed in {', '.join(vuln['fix_versions']) or 'none yet'}"
        for each in packages
        for vuln in each.get("vulns", ())
    ]
    return lines, sum("skip_reason" in package for package in packages), len(packages)


def pip_audit() -> list[str]:
    """Return the known vulnerabilities of the locked packages; says so where they cannot be looked up."""
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    locks = [part for lock in (environment.LOCK, environment.TESTS_LOCK) for part in ("--requirement", ROOT / lock)]
    command = [TOOLS / "bin/pip-audit", *locks, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    try:
        lines, unknown_count, count = vulnerable(json.loads(done.stdout))
    except ValueError:
        lines, unknown_count, count = [], 1, 1
    if unknown_count:
        share = f"{unknown_count} of {count} packages" if count > 1 else "the packages"
        print(f"Not audited: the advisories on {share} cannot be read from here.", file=sys.stderr)
    return lines


def main() -> None:
    """Print what is wrong and end with 1, or print nothing."""
    if not install():
        sentence = "The audit was left out: its packages cannot be had."
        print(f"{sentence} Run scripts/check again where the package index is.", file=sys.stderr)
        return
    problems = [*checkov(), *pip_audit()]
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
