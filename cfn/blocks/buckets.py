"""A bucket for what must outlive its stack: private, encrypted, versioned, closed to whoever does not use TLS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Ref, Sub, s3

from blocks.parts import policy, tls_only
from deliverywatch.thresholds import OLD_VERSION_DAYS

if TYPE_CHECKING:
    from blocks.parts import Statement


def expiry(name: str, prefix: str, days: Any) -> Any:
    """Return the rule that deletes what is under a prefix after the given days."""
    return s3.LifecycleRule(Id=name, Status="Enabled", Prefix=prefix, ExpirationInDays=days)


def week_to_undo() -> Any:
    """Return the rule that deletes a week later what was overwritten or deleted, and uploads that were given up."""
    return s3.LifecycleRule(
        Id="a-week-to-undo",
        Status="Enabled",
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=OLD_VERSION_DAYS),
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
        ExpiredObjectDeleteMarker=True,
    )


def kept_bucket(
    name: str,
    rules: Sequence[Any] = (),
    more: Callable[[list[Any]], Sequence[Statement]] | None = None,
    **properties: Any,
) -> list[Any]:
    """Return a bucket and its policy; deleting the stack leaves it.

    `more` makes further statements of the policy from the ARNs of the bucket and of its objects.
    """
    bucket = s3.Bucket(
        name,
        # What lies there is the customer's; where the stack never came about there is nothing yet.
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
        BucketEncryption=s3.BucketEncryption.from_dict(
            None,
            {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
        ),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        **({"LifecycleConfiguration": s3.LifecycleConfiguration(Rules=[*rules])} if rules else {}),
        **properties,
    )
    arns = [GetAtt(bucket, "Arn"), Sub(f"${{{name}.Arn}}/*")]
    statements = [tls_only("s3:*", arns), *(more(arns) if more else ())]
    condition = {"Condition": properties["Condition"]} if "Condition" in properties else {}
    refusal = s3.BucketPolicy(f"{name}Policy", Bucket=Ref(bucket), PolicyDocument=policy(statements), **condition)
    return [bucket, refusal]
