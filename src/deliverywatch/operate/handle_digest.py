"""The Lambda function `operate-digest`: once a week, EventBridge Scheduler's event -> one mail."""

import json
import os
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from deliverywatch.alerting.aws import CloudWatch, Ses, Topic, lake
from deliverywatch.alerting.inputs.settings import from_environment
from deliverywatch.alerting.ports import Ports
from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.scheduled import filled_in, scheduled_at
from deliverywatch.operate import digest
from deliverywatch.operate.account import aws
from deliverywatch.operate.cost.estimate import Estimate, Volume, monthly
from deliverywatch.operate.incidents import aws_incidents
from deliverywatch.operate.weekly_digest import week

_LINE = {"event": "operate_digest"}


@filled_in
def handler(event: object, lambda_context: Any) -> dict[str, Any]:
    """Mail what the seven days before the scheduled time were like.

    Returns:
        The digest's id and subject, which are printed as well.

    Raises:
        DeliveryWatchError: What went wrong is printed first; Lambda then starts the event again.
    """
    end = scheduled_at(event, datetime.now(UTC))
    invocation = str(getattr(lambda_context, "aws_request_id", "") or id(event))
    try:
        sent = _sent(end, invocation)
    except DeliveryWatchError as error:
        print(json.dumps(_LINE | error.as_fields()), flush=True)
        raise
    result = {"id": sent.id, "subject": sent.subject}
    print(json.dumps(_LINE | result), flush=True)
    return result


def _sent(end: datetime, invocation: str) -> digest.Digest:
    settings, cloud = from_environment(os.environ), aws.connect(config=aws.IN_FUNCTION)
    name, fallback = os.environ["DELIVERYWATCH_STACK"], os.environ["DELIVERYWATCH_FALLBACK_TOPIC"]
    find, cloudwatch = cache(partial(aws.find, cloud, name)), CloudWatch()
    store = lake(os.environ["DELIVERYWATCH_BUCKET"])
    ports = Ports(alarms=cloudwatch, store=store, mailer=Ses(), fallback=Topic(fallback), charts=cloudwatch)
    sources = week.Sources(store, aws_incidents.Alarms(cloud), cloudwatch, aws_incidents.MuteRules(cloud))

    def price(volume: Volume) -> Estimate:
        return monthly(aws.template(cloud, name), find().parameters, volume)

    topic = f"{fallback.rpartition(':')[0]}:{settings.prefix}-alerts"
    seen = week.collect(sources, topic, settings.prefix, end, find, lambda: aws_incidents.watches(cloud, find()))
    return digest.send(seen, price, ports, settings, invocation)
