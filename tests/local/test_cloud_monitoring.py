"""GetMetricData with metric math, and pictures of metrics."""

import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.cloudwatch.chart import PALETTE
from deliverywatch.local.cloud.cloudwatch.widget import image

SLOT = timedelta(minutes=10)
DIMENSIONS = [{"Name": "Environment", "Value": "test"}]


def stat(identifier: str, name: str, dimensions: list[dict[str, str]] | None = None) -> dict[str, Any]:
    metric = {"Namespace": "Math", "MetricName": name, "Dimensions": DIMENSIONS if dimensions is None else dimensions}
    return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": 600, "Stat": "Sum"}, "ReturnData": False}


@pytest.fixture(scope="module", autouse=True)
def _points(cloud: LocalCloud, noon: datetime) -> None:
    for number, (total, failed) in enumerate([(100, 1), (200, 50), (0, 0), (50, 2)]):
        data = [
            {"MetricName": name, "Dimensions": DIMENSIONS, "Timestamp": noon + number * SLOT, "Value": value}
            for name, value in (("Total", total), ("Failed", failed))
        ]
        cloud.client("cloudwatch").put_metric_data(Namespace="Math", MetricData=data)


def ask(cloud: LocalCloud, noon: datetime, *queries: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer = cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries), StartTime=noon, EndTime=noon + 4 * SLOT, **options
    )
    return {each["Id"]: each for each in answer["MetricDataResults"]}


def test_an_expression_is_computed_slot_by_slot_and_division_by_zero_leaves_a_gap(
    cloud: LocalCloud, noon: datetime
) -> None:
    share = {"Id": "share", "Expression": "100 * failed / total"}
    result = ask(cloud, noon, share, stat("failed", "Failed"), stat("total", "Total"), ScanBy="TimestampAscending")
    assert list(result) == ["share"]
    assert result["share"]["Values"] == [1.0, 25.0, 4.0]
    assert result["share"]["Timestamps"] == [noon, noon + SLOT, noon + 3 * SLOT]


def test_the_newest_point_comes_first_by_default(cloud: LocalCloud, noon: datetime) -> None:
    assert ask(cloud, noon, stat("total", "Total") | {"ReturnData": True})["total"]["Values"] == [50, 0, 200, 100]


def test_a_metric_without_dimensions_is_not_the_sum_of_all_others(cloud: LocalCloud, noon: datetime) -> None:
    assert ask(cloud, noon, stat("total", "Total", []) | {"ReturnData": True})["total"]["Values"] == []


def test_a_request_that_makes_no_sense_is_refused(cloud: LocalCloud, noon: datetime) -> None:
    with pytest.raises(ClientError, match="nothing"):
        ask(cloud, noon, {"Id": "share", "Expression": "100 * nothing"})


def widget(**changes: Any) -> str:
    wanted = {
        "width": 600,
        "height": 300,
        "title": "SMS failures",
        "start": "-PT1H",
        "end": "PT0H",
        "period": 600,
        "stat": "Sum",
        "timezone": "+1000",
        "metrics": [
            [{"expression": "100 * failed / total", "id": "share", "label": "failed (%)", "color": "#123456"}],
            ["Math", "Failed", "Environment", "test", {"id": "failed", "visible": False}],
            [".", "Total", ".", ".", {"id": "total", "visible": False}],
        ],
        "annotations": {"horizontal": [{"label": "critical", "value": 25, "color": "#d13212"}]},
    }
    return json.dumps(wanted | changes)


def test_a_picture_is_an_opaque_png_of_the_wanted_size(cloud: LocalCloud) -> None:
    answer = cloud.client("cloudwatch").get_metric_widget_image(MetricWidget=widget())
    picture = Image.open(io.BytesIO(answer["MetricWidgetImage"]))
    assert (picture.format, picture.size) == ("PNG", (600, 300))
    assert "transparency" not in picture.info
    assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


def colors(png: bytes) -> set[tuple[int, ...]]:
    result = Image.open(io.BytesIO(png)).convert("RGB").getcolors(100_000)
    return {tuple(color) for _, color in result or () if isinstance(color, tuple)}


def near(wanted: str, result: set[tuple[int, ...]]) -> bool:
    target = tuple(int(wanted[place : place + 2], 16) for place in (1, 3, 5))
    return any(max(abs(a - b) for a, b in zip(target, color, strict=True)) < 24 for color in result)


def test_lines_and_thresholds_are_drawn_in_their_colours(noon: datetime) -> None:
    requests: list[Any] = []

    def answer(queries: Any, start: datetime, end: datetime) -> Any:
        requests.append((start, end, [each["Id"] for each in queries]))
        return {each["Id"]: [(noon - 3 * SLOT, 5.0), (noon - 2 * SLOT, 30.0), (noon - SLOT, 8.0)] for each in queries}

    result = colors(image(widget(), answer, noon))
    assert requests == [(noon - timedelta(hours=1), noon, ["share", "failed", "total"])]
    assert near("#123456", result)
    assert near("#d13212", result)
    assert not near(PALETTE[2], result)


def test_a_widget_without_any_point_is_still_a_picture(noon: datetime) -> None:
    assert colors(image(widget(), lambda queries, *_: {each["Id"]: [] for each in queries}, noon))
