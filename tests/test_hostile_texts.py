"""No regular expression of the product takes more than linear time, whatever text it is given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostile_texts import Expression, expressions, hostile, texts, use

# A megabyte takes each expression seconds at most, and one of quadratic time hours: any time between tells them apart.
HANG_SECONDS = 900


def test_every_expression_gets_through_a_megabyte_of_its_worst_texts() -> None:
    script = Path(__file__).with_name("hostile_texts.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            [sys.executable, str(script)],
            capture_output=True, text=True, check=False, timeout=HANG_SECONDS, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as hung:
        last = (hung.stdout or b"").decode().splitlines()[-1:]
        pytest.fail(f"this expression does not come to an end: {last}")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(expressions())


def test_all_expressions_are_collected_with_the_way_they_are_used() -> None:
    collected = {(one.place.rpartition(":")[0], one.method) for one in expressions()}
    assert ("deliverywatch/sms/clicksend/redaction.py", "search") in collected
    assert ("deliverywatch/operate/incidents/route.py", "fullmatch") in collected
    assert len(collected) > 50


BAD = {
    r"\S+@\S+": "search",
    r"\s*(?:x|y)": "search",
    r"[^@]+@[^@]+\.[^@]+": "fullmatch",
    r"/\*.*?\*/": "search",
    r"^\[([A-Z]+)[^\]]*\]": "match",
    r"\$\{([^}]*)\}": "search",
}
PROGRAM = """
from hostile_texts import Expression, hostile, use
expression = Expression({pattern!r}, 0, {method!r}, "")
for text in hostile(expression, 1_000_000, trial_length=500):
    use(expression, text)
"""


def test_the_texts_bring_what_takes_quadratic_time_to_a_stop() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    programs = [PROGRAM.format(pattern=pattern, method=method) for pattern, method in BAD.items()]
    tries = [subprocess.Popen([sys.executable, "-c", program], env=environment) for program in programs]
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            tries[0].wait(10)
        assert [each.poll() for each in tries] == [None] * len(BAD)
    finally:
        for each in tries:
            each.kill()
            each.wait()


def test_texts_are_made_of_the_expressions_own_pieces() -> None:
    made = texts(r"key=(\d+);", 0, 12)
    assert {"000000000000", "k" * 12, "key=key=key="} <= set(made)
    use(Expression(r"key=(\d+);", 0, "search", ""), hostile(Expression(r"key=(\d+);", 0, "search", ""), 100)[0])
