"""One local cloud for a module of tests, with a small stack of its own: what is tested here are the bridges."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.local.cloud.cloud import LocalCloud
from local.local_probe import HANDLERS, TEMPLATE


@pytest.fixture(scope="module")
def noon() -> datetime:
    """Noon of yesterday: CloudWatch, and therefore the emulator, takes no stamp that is older than two weeks."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture(scope="module")
def cloud(noon: datetime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A running cloud at noon of yesterday, with the probe stack."""
    folder: Path = tmp_path_factory.mktemp("probe")
    (folder / "code").mkdir()
    (folder / "code" / "handlers.py").write_text(HANDLERS)
    with LocalCloud(noon) as running:
        running.deploy(TEMPLATE, {}, folder, name="probe")
        yield running


@pytest.fixture
def bucket(cloud: LocalCloud) -> str:
    """The probe stack's bucket, without the events of earlier tests."""
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="probe")["Stacks"]
    name = str(stack["Outputs"][0]["OutputValue"])
    s3 = cloud.client("s3")
    for listed in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=listed["Key"])
    return name


@pytest.fixture
def remembered(cloud: LocalCloud, bucket: str) -> Any:
    """Returns the events that the function `remember` was given, oldest first."""

    def read() -> list[Any]:
        s3 = cloud.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="events/").get("Contents", [])]
        return [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in sorted(keys)]

    return read
