"""What the stack passes to the processor: its environment variables -> settings."""

from collections.abc import Mapping

from deliverywatch.files.admission import VARIABLES, Filters
from deliverywatch.files.process import Settings
from deliverywatch.files.records.items import Retention
from deliverywatch.files.records.layout import Layout


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the settings of a function's environment."""
    item_days, tombstone_days = (int(environ[f"DELIVERYWATCH_{name}_DAYS"]) for name in ("ITEM", "TOMBSTONE"))
    return Settings(
        Retention(item_days, tombstone_days),
        most_receives=int(environ["DELIVERYWATCH_RECEIVE_COUNT"]),
        filters=Filters.from_environment(environ),
        has_pusher=VARIABLES["FilesContentTypes"] in environ,
        watched_bucket=environ["DELIVERYWATCH_WATCHED_BUCKET"],
        layout=Layout(environ["DELIVERYWATCH_TABLE_LAYOUT"]),
    )
