"""Items -> what a function makes of them, by some processes at once.

Processes are forked, so that they share the datapoints they read; where a system cannot fork, one process does it all.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

# So many items are handed out at a time: neighbours share expressions, and one that takes long must not be the last.
_PIECE = 20

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# What a forked process works on: one function and its items, which cannot be sent to it.
_WORK: list[tuple[Callable[[Any], Any], Sequence[Any]]] = []


def computed(compute: Callable[[_Item], _Result], items: Sequence[_Item], processes: int) -> Iterator[_Result]:
    """Yield a result for each item, in their order; one process or few items are computed here."""
    count = min(processes, -(-len(items) // _PIECE))
    if count < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(compute, items)
        return
    with multiprocessing.get_context("fork").Pool(count, _start, (compute, items)) as pool:
        for results in pool.imap(_piece, range(0, len(items), _PIECE)):
            yield from results


def processors() -> int:
    """Return how many processes this machine runs at once."""
    return multiprocessing.cpu_count()


def _start(compute: Callable[[Any], Any], items: Sequence[Any]) -> None:
    _WORK[:] = [(compute, items)]


def _piece(start: int) -> list[Any]:
    ((compute, items),) = _WORK
    return [compute(item) for item in items[start : start + _PIECE]]
