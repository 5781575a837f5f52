"""Actors over one store that go on step by step, in an order that the test chooses; each can be killed anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sms_world import Killed, Memory

if TYPE_CHECKING:
    from deliverywatch.storage.store import Stored


class Actor:
    """One process: it stops before each operation on the store until it is let on."""

    def __init__(self, memory: Memory, act: Callable[[SteppedStore], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_over = False
        self._is_killed = False
        self._may_go, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(act, SteppedStore(memory, self)), daemon=True)
        self._thread.start()
        self._waits.acquire()

    def step(self) -> None:
        """Let it do one operation and all that it does up to the next one."""
        self._may_go.release()
        self._waits.acquire()

    def kill(self) -> None:
        """End it before its next operation."""
        self._is_killed = True
        while not self.is_over:
            self.step()

    def stop_before(self) -> None:
        """Called in the actor's own thread."""
        self._waits.release()
        self._may_go.acquire()
        if self._is_killed:
            raise Killed

    def _run(self, act: Callable[[SteppedStore], Any], store: SteppedStore) -> None:
        try:
            self.result = act(store)
        except BaseException as error:
            self.error = error
        self.is_over = True
        self._waits.release()


class SteppedStore:
    """The store as an actor sees it."""

    def __init__(self, memory: Memory, actor: Actor) -> None:
        self._memory, self._actor = memory, actor

    def read(self, key: str) -> Stored | None:
        self._actor.stop_before()
        return self._memory.read(key)

    def metadata(self, key: str) -> Mapping[str, str] | None:
        self._actor.stop_before()
        return self._memory.metadata(key)

    def write(self, key: str, body: bytes) -> None:
        self._actor.stop_before()
        self._memory.write(key, body)

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        self._actor.stop_before()
        self._memory.write_if_unchanged(key, body, etag, metadata)

    def keys(self, prefix: str) -> list[str]:
        self._actor.stop_before()
        return self._memory.keys(prefix)

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        self._actor.stop_before()
        return self._memory.sizes(prefix)

    def delete(self, key: str) -> None:
        self._actor.stop_before()
        self._memory.delete(key)

    def delete_if_unchanged(self, key: str, etag: str) -> None:
        self._actor.stop_before()
        self._memory.delete_if_unchanged(key, etag)
