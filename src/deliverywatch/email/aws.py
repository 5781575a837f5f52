"""The delivery streams, through boto3."""

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import StoreUnavailable, error_code
from deliverywatch.sdk import sendable
from deliverywatch.storage.s3 import PATIENT


class DeliveryStream:
    """One delivery stream of Firehose."""

    def __init__(self, name: str, client: Any = None) -> None:
        """Take a delivery stream by name; without a client, boto3 makes one for the environment's account."""
        self._name = name
        self._firehose = client or boto3.client("firehose", config=PATIENT)

    def put(self, records: Sequence[bytes]) -> list[int]:
        """Send at most 500 records and return the positions of those that Firehose did not take."""
        batch = [{"Data": record} for record in records]
        try:
            with sendable(StoreUnavailable):
                answer = self._firehose.put_record_batch(DeliveryStreamName=self._name, Records=batch)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"AWS could not be used for {self._name}: {error_code(error)}.") from error
        return [index for index, response in enumerate(answer["RequestResponses"]) if response.get("ErrorCode")]
