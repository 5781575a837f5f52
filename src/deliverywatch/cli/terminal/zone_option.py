"""`--time-zone`: the zone of the readers of mails."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from deliverywatch.errors import InputError


def _checked(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InputError(f"There is no time zone '{name}'.", next_step="Name one such as Europe/Berlin.") from error
    return name


zone_option = click.option(
    "--time-zone", default="UTC", show_default=True, callback=_checked, help="The readers' zone, by its IANA name."
)
