"""The local cloud starts on loopback with nothing of the caller's in it, says what is wrong, and leaves no trace."""

import os
import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.emulator import emulator, hooks
from local import local_probe

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOURCES = "\n".join(
    path.read_text() for path in sorted(Path(hooks.__file__).parents[1].rglob("*.py")) if path.stem != "hooks"
)


def baselines() -> dict[str, object]:
    return {
        f"{place}.{name}": getattr(hooks.module(place), name) for place, names in hooks.NAMES.items() for name in names
    }


def test_it_starts_again_in_the_same_process_with_nothing_left_of_the_first_time() -> None:
    with LocalCloud(NOW) as first:
        first.client("s3").create_bucket(Bucket="left-over")
    environment, before = dict(os.environ), baselines()
    with LocalCloud(NOW) as second:
        assert "left-over" not in {each["Name"] for each in second.client("s3").list_buckets()["Buckets"]}
        assert dict(os.environ) != environment
        assert baselines() != before
    assert dict(os.environ) == environment
    assert baselines() == before


def test_functions_see_nothing_of_the_callers_accounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "CLICKSEND_API_KEY", "DELIVERYWATCH_CLICKSEND_URL"):
        monkeypatch.setenv(name, "the caller's own")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://example.com")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handlers.py").write_text(local_probe.HANDLERS)
    with LocalCloud(NOW) as cloud:
        cloud.deploy(local_probe.TEMPLATE, {}, tmp_path)
        seen = cloud.invoke("probe-probe", {}).payload
        assert seen["endpoint"] == cloud.endpoint
    assert not {"AWS_PROFILE", "CLICKSEND_API_KEY", "DELIVERYWATCH_CLICKSEND_URL"} & set(seen["environment"])


def test_it_listens_on_loopback_only() -> None:
    with LocalCloud(NOW) as cloud:
        port = int(cloud.endpoint.rpartition(":")[2])
        lines = (
            Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()
            + Path("/proc/net/tcp6").read_text(encoding="utf-8").splitlines()
        )
        listening = {address for _, address, _, state, *_ in map(str.split, lines[1:]) if state == "0A"}
    assert {each.rpartition(":")[0] for each in listening if each.endswith(f":{port:04X}")} == {"0100007F"}


def test_another_version_of_ministack_is_refused_in_one_sentence() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^The local cloud is built on MiniStack 9\.9\.9, but this environment has 1\."
    ):
        hooks.check_version("9.9.9")


def test_a_name_that_ministack_lost_is_reported() -> None:
    with pytest.raises(ConfigurationError, match=r"has no services\.sns\._no_such_name, which"):
        hooks.check_names({"services.sns": ("_fanout", "_no_such_name")})


@pytest.mark.parametrize("name", sorted({name for names in hooks.NAMES.values() for name in names}))
def test_every_checked_name_is_used(name: str) -> None:
    assert re.search(rf'["_.]{name.lstrip("_")}\b', SOURCES)


def test_a_name_that_was_not_checked_cannot_be_touched() -> None:
    with pytest.raises(LookupError):
        hooks.inside("services.sns", "_topics")


def test_a_port_in_use_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(emulator, "_first_port", [other.getsockname()[1]])
        with (
            pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1:\d+, because the port is in use"),
            LocalCloud(NOW),
        ):
            pass
