"""`deliverywatch email`: the e-mail event lake, from a raw event to a report."""

import click

from deliverywatch.cli.email.lake import compact, drift, replay
from deliverywatch.cli.email.land import land
from deliverywatch.cli.email.report import report


@click.group()
def email() -> None:
    """Bring e-mail events into the lake, and read what it holds."""


for _verb in (land, replay, drift, compact, report):
    email.add_command(_verb)
