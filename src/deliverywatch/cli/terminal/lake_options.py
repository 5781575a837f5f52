"""A folder, or the bucket of a stack: where the lake of a verb lies, and the ClickSend account that fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.sms.clicksend.recipients import Recipients
    from deliverywatch.sms.ports import Settings, Source
    from deliverywatch.storage.store import Store

FOLDER = click.Path(file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Lake:
    """A folder, or a stack's bucket with the parameters and the account of the stack.

    Attributes:
        name: For sentences, such as `lake` or `s3://bucket`.
        option: What names the same lake in a command, with a space before it.
    """

    name: str
    option: str
    store: Store
    parameters: Mapping[str, str] = field(default_factory=dict)
    cloud: Any = None
    account: str = ""

    def path(self, key: str) -> str:
        """Return where an object lies, for sentences."""
        return f"{self.name}/{key}"

    def settings(self) -> Settings:
        """Return what the stack's operator chose, or the defaults for a folder."""
        from deliverywatch.sms.ports import Settings

        if not self.parameters:
            return Settings()
        return Settings(int(self.parameters["SlotMinutes"]), self.parameters["CountRecipientFaults"] == "true")

    def source(self, report: Callable[[datetime, int], None]) -> Source:
        """Return the account that fills it: the stack's, for equal hashes of equal numbers, or the environment's."""
        from deliverywatch.cli.terminal import account

        if self.cloud is None:
            return account.source(report)
        return account.source_of_stack(self.cloud, self.parameters, report)

    def recipients(self) -> Recipients:
        """Return how numbers are hashed here."""
        from deliverywatch.cli.terminal import account
        from deliverywatch.sms.clicksend.recipients import Recipients

        if self.cloud is None:
            return Recipients(account.recipient_key())
        from deliverywatch.operate.account.deployment import credentials_path
        from deliverywatch.sms.aws import account_of

        stored = account_of(self.cloud.client("ssm"), credentials_path(self.parameters))
        return Recipients(stored.recipient_key)


def open_lake(lake: Path | None, target: Target, *, must_exist: bool = True) -> Lake:
    """Return the folder if one is named, else the bucket of the stack."""
    from deliverywatch.storage.folder import Folder

    if lake is not None:
        if must_exist and not lake.is_dir():
            raise InputError(
                f"There is no folder {lake}.",
                next_step="Name the folder of 'deliverywatch ingest --lake', or none for the stack's bucket.",
            )
        return Lake(str(lake), f" {lake}", Folder(lake))
    from deliverywatch.storage.s3 import Bucket

    cloud, stack = target.find()
    bucket = Bucket(stack.bucket, cloud.s3_of(stack.account))
    return Lake(f"s3://{stack.bucket}", target.options(), bucket, stack.parameters, cloud, stack.account)
