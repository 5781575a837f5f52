"""MiniStack in a thread of this process: started on loopback with a clean environment, stopped leaving nothing behind.

In the process, not beside it: the bridges replace functions inside it and the caller drives its clock. Its Lambda
functions are processes of their own, started with this interpreter.
"""

import asyncio
import logging
import os
import shutil
import socket
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.emulator import hooks

HOST = "127.0.0.1"
ACCOUNT = "111122223333"
SECRET = "local"  # noqa: S105 - of an account that exists on this machine only
REGION = "us-east-1"
START_SECONDS = 30
STOP_SECONDS = 10

# Nothing of the caller's own AWS or ClickSend account may reach the emulator or the functions it runs.
_CALLERS_PREFIXES = ("AWS_", "CLICKSEND_", "DELIVERYWATCH_", "LOCALSTACK_", "MINISTACK_")

# Some of MiniStack's modules read the port when they are imported: one process keeps the port it was first given.
_first_port: list[int] = []


class Emulator:
    """One MiniStack per process, between `start` and `stop`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="deliverywatch-cloud-"))
        self._environment = dict(os.environ)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self.endpoint = ""

    def start(self, install: Callable[[], None]) -> None:
        """Serve on a free port of loopback and return when requests are answered.

        `install` puts the bridges into MiniStack when it is loaded and before it serves.

        Raises:
            ConfigurationError: MiniStack is not the one we know, the port is taken, or it does not answer.
        """
        listener = _listen()
        port = listener.getsockname()[1]
        self.endpoint = f"http://{HOST}:{port}"
        self._enter_environment(port)
        hooks.check_version()
        self._quieten()
        hooks.check_names()
        install()
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="local-cloud", daemon=True)
        self._thread.start()
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop serving, end the functions' processes, forget all state and give the environment back."""
        if self._thread and self._loop and self._stopping:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOP_SECONDS)
            hooks.inside("core.lambda_runtime", "reset")()
            hooks.inside("app", "_reset_all_state")()
        os.environ.clear()
        os.environ.update(self._environment)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _enter_environment(self, port: int) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_CALLERS_PREFIXES)}
        os.environ.clear()
        os.environ.update(kept)
        os.environ.update(_environment(port, self._folder))

    def _quieten(self) -> None:
        """Send MiniStack's log to nowhere: what went wrong reaches the caller as an error, with its reason."""
        root = logging.getLogger()
        before = list(root.handlers)
        hooks.module("app")
        for handler in [handler for handler in root.handlers if handler not in before]:
            root.removeHandler(handler)
        for name in hooks.NAMES:
            logging.getLogger(name.rsplit(".", 1)[-1]).setLevel(logging.CRITICAL)

    def _serve(self, listener: socket.socket) -> None:
        asyncio.run(self._serve_until_stopped(listener))

    async def _serve_until_stopped(self, listener: socket.socket) -> None:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.graceful_timeout = 0.2
        config.keep_alive_timeout = 75
        config.errorlog = None
        application: Any = hooks.inside("app", "app")
        await serve(application, config, shutdown_trigger=self._stopping.wait)

    def _wait_until_ready(self) -> None:
        for _ in range(START_SECONDS * 50):
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1).close()  # noqa: S310 - loopback
            except (urllib.error.URLError, OSError):
                threading.Event().wait(0.02)
            else:
                return
        raise ConfigurationError(f"The local cloud did not answer on {self.endpoint} within {START_SECONDS} seconds.")


def _listen() -> socket.socket:
    """Bind a port of loopback before anything else is started, so that a taken one is one clear sentence."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    wanted = _first_port[0] if _first_port else 0
    try:
        listener.bind((HOST, wanted))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"The local cloud cannot listen on {HOST}:{wanted}, because the port is in use.",
            next_step="Stop the program that uses the port, or start again in a new process.",
        ) from error
    _first_port[:] = [listener.getsockname()[1]]
    return listener


def _environment(port: int, folder: Path) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        **dict.fromkeys(("IOT_MTLS_ENABLED", "SFTP_ENABLED", "PERSIST_STATE", "S3_PERSIST"), "0"),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "ATHENA_DATA_DIR": str(folder / "athena"),
        "LOG_LEVEL": "CRITICAL",
        # A socket that does not exist: MiniStack would otherwise sweep containers of a Docker engine it finds.
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        # As in Lambda and in Athena's sessions.
        "TZ": "UTC",
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST, "localhost"])),
        "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy"), HOST, "localhost"])),
    }
