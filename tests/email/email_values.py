"""The built template with its parameters filled in, resource by resource."""

from typing import Any

from template_values import resolved

# What has no default, and an account that is not the resolver's own, so that no test is right by chance.
GIVEN = {
    "SenderAddress": "alerts@example.com",
    "AlertRecipients": "support@example.com",
    "FallbackAddress": "oncall@example.com",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
}


def of_type(template: dict[str, Any], kind: str, **parameters: str) -> dict[str, dict[str, Any]]:
    """Return the resolved properties of every resource of a kind, by logical id."""
    return resolved(template, kind, {**GIVEN, **parameters})
