"""A profile and a region -> clients of that account, and the deployment found in it.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cwalarm.definitions import documents
from deliverywatch.errors import CloudRefused, CloudUnavailable, DeliveryWatchError, error_code
from deliverywatch.operate.account import deployment
from deliverywatch.operate.account.remedies import remedy
from deliverywatch.sdk import sendable
from deliverywatch.storage.s3 import owned_by

# Adaptive mode retries throttling and broken connections with jitter; a person waits for the answer.
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "adaptive", "total_max_attempts": 5})
# A function has minutes: a service that hangs must leave time for what others say, and for the mail.
IN_FUNCTION = Config(connect_timeout=2, read_timeout=5, retries={"mode": "adaptive", "total_max_attempts": 3})

# The most keys that DeleteObjects takes.
_BATCH_COUNT = 1000

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
_THROTTLED = {
    *("Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"),
    # Somebody else makes or deletes the same bucket right now.
    "OperationAborted",
}
# What an answer raises that lacks members, has others in their place, or is no XML or JSON: for the last, botocore has
# an error outside its tree.
ODD = (KeyError, IndexError, TypeError, AttributeError, ValueError, ResponseParserError)
_ODD = "Run it again; if it persists, look for a proxy or an AWS_ENDPOINT_URL that answers in AWS's place."
_SIGN_IN = "Sign in with 'aws sso login' or 'aws configure', or name another profile with --profile."


class NotSetUp(CloudRefused):
    """Neither options nor environment nor profile say enough to call AWS; `parts` has an error for each that lacks."""

    def __init__(self, parts: Sequence[DeliveryWatchError]) -> None:
        next_steps = " ".join(part.next_step for part in parts)
        super().__init__(" ".join(map(str, parts)), kind=parts[0].kind, next_step=next_steps)
        self.parts = tuple(parts)


class Cloud:
    """One account in one region, as an operator's credentials see it."""

    def __init__(self, session: Any, config: Config = _CONFIG) -> None:
        self._session, self._config = session, config
        self._clients: dict[tuple[str, str], Any] = {}
        self.region = str(session.region_name)

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service, made once; in another region than the stack's if one is named."""
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=key[1], config=self._config)
        return self._clients[key]

    def s3_of(self, account: str) -> Any:
        """Return the client of S3 for buckets that an account must own: a deleted name can be anybody's next."""
        key = (f"s3 of {account}", self.region)
        if key not in self._clients:
            client = self._session.client("s3", region_name=self.region, config=self._config)
            self._clients[key] = owned_by(client, account)
        return self._clients[key]


def connect(profile: str | None = None, region: str | None = None, config: Config = _CONFIG) -> Cloud:
    """Return the account of a profile in a region, by default those of the environment; AWS is not called yet.

    Raises:
        CloudRefused: There is no such profile, no region, or no credentials; what lacks is named together.
    """
    with translated("The credentials"):
        # boto3 reads AWS_DEFAULT_REGION only; the AWS command line and Lambda know AWS_REGION too.
        session = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))
    if lacking := [error for check in (_check_region, _check_credentials) if (error := check(session))]:
        raise NotSetUp(lacking)
    return Cloud(session, config)


def _check_region(session: Any) -> DeliveryWatchError | None:
    return None if session.region_name else _unreachable("The region", exceptions.NoRegionError())


def _check_credentials(session: Any) -> DeliveryWatchError | None:
    try:
        with translated("The credentials"):
            if session.get_credentials() is None:
                raise exceptions.NoCredentialsError
    except DeliveryWatchError as error:
        return error
    return None


def find(cloud: Cloud, name: str) -> deployment.Deployment:
    """Return the deployment with a stack's name.

    Raises:
        CloudRefused: There is no such stack, it was never deployed as a whole, it is not one of DeliveryWatch, or the
            account may not be asked.
        CloudUnavailable: AWS does not answer.
    """
    stack = described(cloud, name)
    if stack is None:
        raise deployment.missing(name, cloud.region)
    with translated(f"The stack {name}"):
        deployment.check_finished(stack)
        return deployment.from_description(stack)


def described(cloud: Cloud, name_or_id: str) -> dict[str, Any] | None:
    """Return a stack as DescribeStacks does, or none; a deleted one is found by its id only."""
    with translated(f"The stack {name_or_id}"):
        try:
            return dict(cloud.client("cloudformation").describe_stacks(StackName=name_or_id)["Stacks"][0])
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise


def template(cloud: Cloud, stack: str) -> dict[str, Any]:
    """Return the template of a stack as it was given, JSON or YAML."""
    with translated(f"The template of {stack}"):
        body = cloud.client("cloudformation").get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    # boto3 decodes JSON itself, and leaves everything else as text.
    return documents.parse(body, f"The template of {stack}") if isinstance(body, str) else dict(body)


def invoke(cloud: Cloud, function: str, event: Mapping[str, Any]) -> tuple[Any, str]:
    """Start a function, wait, and return what it returned and what went wrong, empty if nothing did."""
    with translated(f"The function {function}"):
        answer = cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" not in answer:
        return payload, ""
    return None, str(payload.get("errorMessage", "it did not say why"))


def listed(client: Any, operation: str, key: str, **request: Any) -> list[Any]:
    """Return what all pages of an answer hold under a key."""
    pages = client.get_paginator(operation).paginate(**request)
    return [item for page in pages for item in page.get(key, ())]


def described_alarms(client: Any, **request: Any) -> list[Mapping[str, Any]]:
    """Return alarms, composite ones too, as DescribeAlarms does."""
    types = ["MetricAlarm", "CompositeAlarm"]
    pages = client.get_paginator("describe_alarms").paginate(AlarmTypes=types, **request)
    return [alarm for page in pages for kind in types for alarm in page.get(f"{kind}s", ())]


def alarms_by_name(cloud: Cloud, prefix: str) -> dict[str, Mapping[str, Any]]:
    """Return the alarms whose names begin so."""
    with translated("The alarms"):
        alarms = described_alarms(cloud.client("cloudwatch"), AlarmNamePrefix=prefix)
        return {alarm["AlarmName"]: alarm for alarm in alarms}


def existing(ask: Callable[[], Any], *absent: str) -> Any:
    """Return AWS's answer, or none if it is one of these error codes, which say that nothing like it exists."""
    try:
        return ask()
    except ClientError as error:
        if error_code(error) in absent:
            return None
        raise


def delete_versions(s3: Any, bucket: str, versions: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """Delete versions as ListObjectVersions names them, a thousand in a request; yield how many more are gone.

    Raises ClientError if S3 refuses one: its answer is 200 even then.
    """
    keys = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
    for first in range(0, len(keys), _BATCH_COUNT):
        batch = keys[first : first + _BATCH_COUNT]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for error in answer.get("Errors", ()):
            raise ClientError({"Error": error}, "DeleteObjects")
        yield len(batch)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate what boto3 raises to one sentence about `what`, with the next command.

    Raises:
        CloudRefused: A person has to fix it.
        CloudUnavailable: It may work later.
    """
    try:
        with sendable(CloudRefused):
            yield
    except ClientError as error:
        raise _refused(what, error) from error
    except BotoCoreError as error:
        raise _unreachable(what, error) from error
    except ODD as error:
        sentence = f"{what}: AWS's answer could not be read ({type(error).__name__}: {error})."
        raise CloudUnavailable(sentence, next_step=_ODD) from error


def _refused(what: str, error: ClientError) -> DeliveryWatchError:
    code, message = error_code(error), error.response["Error"].get("Message", "")
    if code in _EXPIRED:
        return CloudRefused("The AWS credentials have expired.", kind="expired-credentials", next_step=_SIGN_IN)
    if code in _UNKNOWN_KEY:
        return CloudRefused(
            f"AWS does not know these credentials ({code}).", kind="unknown-credentials", next_step=_SIGN_IN
        )
    if code in _DENIED:
        return CloudRefused(
            f"{what} could not be read or changed: AWS denies {error.operation_name} ({message}).",
            kind="denied",
            next_step=remedy(message) or "Have this right added to your role, or use another with --profile.",
        )
    if code in _THROTTLED or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return CloudUnavailable(f"{what}: AWS does not answer {error.operation_name} now ({code}).")
    sentence = f"{what}: AWS refuses {error.operation_name}: {message or code}.".replace("..", ".")
    return CloudRefused(sentence, next_step=remedy(message))


def _unreachable(what: str, error: BotoCoreError) -> DeliveryWatchError:
    if isinstance(error, exceptions.NoRegionError):
        return CloudRefused(
            "No AWS region is set.", kind="no-region", next_step="Add --region, such as --region us-east-1."
        )
    if isinstance(error, exceptions.ProfileNotFound):
        return CloudRefused(
            f"{error}.", kind="no-profile", next_step="'aws configure list-profiles' lists those there are."
        )
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return CloudRefused("No AWS credentials are set.", kind="no-credentials", next_step=_SIGN_IN)
    if isinstance(error, exceptions.TokenRetrievalError | exceptions.SSOError | exceptions.CredentialRetrievalError):
        return CloudRefused(
            f"The AWS credentials cannot be had: {error}", kind="expired-credentials", next_step=_SIGN_IN
        )
    return CloudUnavailable(f"{what}: AWS cannot be reached ({error}).")
