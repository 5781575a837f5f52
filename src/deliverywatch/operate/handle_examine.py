"""The Lambda function `operate-examine`: every night, EventBridge Scheduler's event -> the checks of `doctor`."""

import json
import os
from datetime import UTC, datetime
from functools import partial
from typing import Any

from deliverywatch import emf
from deliverywatch.messages import notice as notices
from deliverywatch.messages.scheduled import filled_in, scheduled_at
from deliverywatch.operate.account import aws
from deliverywatch.operate.account.readings import attempt
from deliverywatch.operate.deploy.aws_formation import CloudFormation
from deliverywatch.operate.doctor import diagnose
from deliverywatch.operate.doctor.aws_doctor import Account
from deliverywatch.operate.doctor.check import with_target
from deliverywatch.operate.doctor.findings import METRIC, NAMESPACE
from deliverywatch.operate.examine import LEFT_OUT, Ports, examine
from deliverywatch.operate.incidents import aws_incidents


@filled_in
def handler(event: object, _context: Any) -> dict[str, Any]:
    """Check the stack, publish what fails and what passes again, and return the names of the checks that fail.

    Raises:
        DeliveryWatchError: The stack cannot be read, or a notice could not be published; Lambda starts it again.
    """
    now = scheduled_at(event, datetime.now(UTC))
    cloud = aws.connect(config=aws.IN_FUNCTION)
    stack = aws.find(cloud, os.environ["DELIVERYWATCH_STACK"])
    formation, alerts = CloudFormation(cloud), stack.output("AlertsTopicArn")
    resources = attempt(partial(formation.resources, stack.name))
    template = attempt(partial(formation.template, stack.name))
    subject = diagnose.Subject(stack, resources, template, stack.version, now, history_days=1)

    def emit(count: int) -> None:
        stamp, dimensions = datetime.now(UTC), {"Environment": stack.environment}
        print(emf.document(NAMESPACE, dimensions, {METRIC: (count, "Count")}, stamp), flush=True)

    ports = Ports(
        store=aws_incidents.lake(cloud, stack),
        notify=lambda notice: aws_incidents.publish(cloud, alerts, notices.to_document(notice)),
        fallback=partial(aws_incidents.publish_text, cloud, stack.output("FallbackTopicArn")),
        emit=emit,
        command=partial(with_target, stack=stack.name, region=stack.region),
    )
    findings = examine(diagnose.examine(Account(cloud), subject, LEFT_OUT), ports, stack.prefix, now)
    result = {"failing": [one.check for one in findings.failing]}
    print(json.dumps({"event": "operate_examine", **result}), flush=True)
    return result
