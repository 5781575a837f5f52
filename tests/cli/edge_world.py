"""A machine at its edge: without credentials, network, build or home, in a folder of others, and with a full disk."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.config import Config

from deliverywatch.operate.account import aws
from deliverywatch.sms.clicksend import client as clicksend

# Rights of root to go past permissions (linux/capability.h): DAC_OVERRIDE and DAC_READ_SEARCH.
_PAST_PERMISSIONS = 0b110
_VERSION_3 = 0x20080522


@contextmanager
def no_credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "CLICKSEND_", "DELIVERYWATCH_"))]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@contextmanager
def no_network() -> Iterator[None]:
    """Credentials are there; no name can be resolved."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with no_credentials(), pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CLICKSEND_USERNAME", "CLICKSEND_API_KEY"):
            patch.setenv(name, "of-nobody")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setattr(socket, "getaddrinfo", unknown)
        # A person waits through five attempts; a test need not.
        patch.setattr(aws.Cloud.__init__, "__defaults__", (Config(retries={"total_max_attempts": 1}),))
        patch.setattr(aws.connect, "__defaults__", (None, None, Config(retries={"total_max_attempts": 1})))
        patch.setitem(clicksend.ClickSend.__init__.__kwdefaults__, "sleep", lambda _seconds: None)
        yield


@contextmanager
def no_home() -> Iterator[None]:
    """As a container runs for a user whose number is in no list."""

    def unknown(_user: object) -> None:
        raise KeyError("getpwuid(): uid not found")

    with no_credentials(), pytest.MonkeyPatch.context() as patch:
        patch.delenv("HOME", raising=False)
        patch.setattr(pwd, "getpwuid", unknown)
        patch.setattr(pwd, "getpwnam", unknown)
        yield


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """All folders below one take nothing, not even of root."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    with no_credentials(), _no_way_past_permissions():
        for path in folders:
            path.chmod(0o555)
        try:
            yield
        finally:
            for path in folders:
                path.chmod(0o755)


@contextmanager
def full_disk() -> Iterator[None]:
    """Not a byte can be written into a file; folders can be made."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with no_credentials():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def _no_way_past_permissions() -> Iterator[None]:
    if os.geteuid():
        yield
        return
    system, header, data = ctypes.CDLL(None), _Header(_VERSION_3, 0), (_Data * 2)()
    system.capget(ctypes.byref(header), data)
    before = data[0].effective
    data[0].effective &= ~_PAST_PERMISSIONS
    system.capset(ctypes.byref(header), data)
    try:
        yield
    finally:
        data[0].effective = before
        system.capset(ctypes.byref(header), data)
