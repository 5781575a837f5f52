"""The simulated time inside a deployed function: its `datetime.now()` reads a file that each invocation rewrites.

A function judges by the time whether what it reads is fresh: by the machine's clock, a day that is played is stale.
Only our own modules see it: boto3 signs its requests by the machine's clock, and `time.time()` measures durations.
"""

import tempfile
from datetime import datetime
from pathlib import Path

from deliverywatch.errors import ConfigurationError

# Where the emulator's worker has imported the handler, and what follows there. Whatever the class makes is a plain
# datetime, and every datetime is of it.
_ANCHOR = "        handler_fn = getattr(mod, handler_name)\n"
_SCRIPT = """\
        from datetime import datetime as _plain

        class _Any(type):
            def __instancecheck__(cls, value):
                return isinstance(value, _plain)

        class _Simulated(_plain, metaclass=_Any):
            def __new__(cls, *args, **kwargs):
                return _plain(*args, **kwargs)

            @classmethod
            def now(cls, tz=None):
                with open({path!r}) as file:
                    return _plain.fromtimestamp(float(file.read()), tz)

        for _name, _module in list(sys.modules.items()):
            if _name.startswith("deliverywatch.") and getattr(_module, "datetime", None) is _plain:
                _module.datetime = _Simulated
"""


class WorkerClock:
    """A file with the simulated time, and the lines that let a worker read it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="deliverywatch-clock-")
        self._path = Path(self._folder.name) / "now"

    def set(self, now: datetime) -> None:
        """Let every function see this time."""
        fresh = self._path.with_suffix(".fresh")
        fresh.write_text(str(now.timestamp()), encoding="utf-8")
        fresh.replace(self._path)

    def added_to(self, script: str) -> str:
        """Return the worker's script with these lines, or raise ConfigurationError if it is another one."""
        if _ANCHOR not in script:
            raise ConfigurationError("The emulator imports functions in a way that the local cloud does not know.")
        return script.replace(_ANCHOR, _ANCHOR + _SCRIPT.format(path=str(self._path)))

    def close(self) -> None:
        """Remove the file."""
        self._folder.cleanup()
