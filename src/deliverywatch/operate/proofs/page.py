"""The table of behaviours -> .github/PROOFS.md."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from deliverywatch.operate.proofs.behaviour import Evidence

if TYPE_CHECKING:
    from deliverywatch.operate.proofs.behaviour import Behaviour

_HEAD = """# What we rely on of AWS, and how we know it

Made of `src/deliverywatch/operate/proofs/behaviours.py` by its test
(`DELIVERYWATCH_UPDATE_GOLDEN=1 .venv/bin/pytest tests/operate/test_operate_behaviours.py`). This was built without an
account: what AWS documents and what others recorded on theirs is cited, the rest is said to be believed. The local
cloud behaves as each line says, which the named tests pin. Lines with a proof are tried on your account by

```sh
deliverywatch smoke
```

in at most 41 minutes, for less than a cent. It says before what it will make, asks, takes everything away
again, and prints each line as proven, wrong or open (exit code 3 if one is wrong).
"""
_COLUMNS = "| behaviour | source | relied on by | played locally by | pinned by | proof |"
_TITLES = {
    Evidence.BELIEVED: "Believed: concluded from what is known, written down by nobody",
    Evidence.RECORDED: "Recorded: seen by others on real accounts",
    Evidence.DOCUMENTED: "Documented by AWS",
}


def page(behaviours: Collection[Behaviour], proofs: Iterable[tuple[str, Collection[str]]]) -> str:
    """Return the page; `proofs` are the names of proofs, with the behaviours that each tries."""
    proven_by = {name: proof for proof, names in proofs for name in names}
    parts = [_HEAD]
    for evidence, title in _TITLES.items():
        rows = [_row(one, proven_by.get(one.name, "")) for one in behaviours if one.evidence is evidence]
        parts.append(f"## {title}\n\n{_COLUMNS}\n|---|---|---|---|---|---|")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(one: Behaviour, proof: str) -> str:
    tests = "<br>".join(f"`{test}`" for test in one.tests)
    smoke = f"`smoke --only {proof}`" if proof else ""
    local = f"`{one.local}`" if one.local else "MiniStack"
    says = one.says.replace("<", "&lt;")
    return f"| **{one.service}**: {says} (`{one.name}`) | {one.source} | `{one.code}` | {local} | {tests} | {smoke} |"
