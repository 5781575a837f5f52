"""AWS's words for a refusal -> what a person has to do, where that is not to add a right or to correct a name.

Formats: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html; the other words are as users of AWS
recorded them.
"""

_ORGANIZATION = (
    "Ask whoever manages your organization in AWS to allow it for this account: a right that is added to your role "
    "does not help."
)

# The first of these that AWS says counts.
_REMEDIES = {
    "service control policy": _ORGANIZATION,
    "resource control policy": _ORGANIZATION,
    "permissions boundary": "Have it allowed in the permissions boundary of your role as well as in its policies.",
    "session policy": "Sign in again without the session policy that narrows your rights, or have it allow this.",
    "VPC endpoint policy": "Have the policy of the VPC endpoint allow it, or run this from outside of the VPC.",
    "Insufficient Lake Formation permission": (
        "Lake Formation guards the Glue catalog here. Ask its administrator for: aws lakeformation grant-permissions "
        "--principal DataLakePrincipalIdentifier=YOUR-ROLE-ARN --permissions CREATE_DATABASE "
        "--resource '{\"Catalog\":{}}'"
    ),
    "wait 60 seconds after deleting a queue": "Wait a minute and run the same command again.",
    "UnreservedConcurrentExecution": (
        "Ask for more: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        "--desired-value 1000"
    ),
    "TerminationProtection": (
        "If it is to go: aws cloudformation update-termination-protection --no-enable-termination-protection "
        "--stack-name with its name, and the same command again."
    ),
    "requested bucket name is not available": "Name a bucket of yours for the code: --artifacts-bucket NAME.",
    "already exists": (
        "Delete or rename what has that name, or deploy as another environment: --stack deliverywatch-<environment>."
    ),
}


def remedy(words: str) -> str:
    """Return what to do about a refusal; empty if its words say it themselves."""
    return next((step for part, step in _REMEDIES.items() if part in words), "")
