"""A profile and a region -> clients of that account, and the deployment found in it.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import CloudRefused, CloudUnavailable
from deliverywatch.operate.account import deployment

if TYPE_CHECKING:
    from deliverywatch.errors import DeliveryWatchError

# Adaptive mode retries throttling and broken connections with jitter; a person waits for the answer.
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "adaptive", "total_max_attempts": 5})

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"}
_SIGN_IN = "Sign in with 'aws sso login' or 'aws configure', or name another profile with --profile."


class Cloud:
    """One account in one region, as an operator's credentials see it."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._clients: dict[tuple[str, str], Any] = {}
        self.region = str(session.region_name)

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service, made once; in another region than the stack's if one is named."""
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=key[1], config=_CONFIG)
        return self._clients[key]


def connect(profile: str | None = None, region: str | None = None) -> Cloud:
    """Return the account of a profile in a region; nothing is asked of AWS yet.

    Args:
        profile: Of the AWS command line's configuration; without one, what the environment says.
        region: Its code; without one, what the environment or the profile says.

    Raises:
        CloudRefused: There is no such profile, no region, or no credentials.
    """
    with translated("The credentials"):
        # boto3 reads AWS_DEFAULT_REGION only; the AWS command line and Lambda know AWS_REGION too.
        session = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))
        if not session.region_name:
            raise exceptions.NoRegionError
        if session.get_credentials() is None:
            raise exceptions.NoCredentialsError
    return Cloud(session)


def find(cloud: Cloud, name: str) -> deployment.Deployment:
    """Return the deployment with a stack's name.

    Raises:
        CloudRefused: There is no such stack, it is not one of DeliveryWatch, or the account may not be asked.
        CloudUnavailable: AWS does not answer.
    """
    with translated(f"The stack {name}"):
        try:
            (stack,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                raise deployment.missing(name, cloud.region) from error
            raise
    return deployment.from_description(stack)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Tell what boto3 raises in one sentence with the next command.

    Args:
        what: What AWS was asked for, as the sentence's subject.

    Raises:
        CloudRefused: A person has to mend it.
        CloudUnavailable: It may work later.
    """
    try:
        yield
    except ClientError as error:
        raise _refused(what, error) from error
    except BotoCoreError as error:
        raise _unasked(what, error) from error


def _refused(what: str, error: ClientError) -> DeliveryWatchError:
    code, told = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _EXPIRED:
        return CloudRefused("The AWS credentials have expired.", kind="expired-credentials", next_step=_SIGN_IN)
    if code in _UNKNOWN_KEY:
        return CloudRefused(
            f"AWS does not know these credentials ({code}).", kind="unknown-credentials", next_step=_SIGN_IN
        )
    if code in _DENIED:
        return CloudRefused(
            f"{what} could not be read or changed: AWS denies {error.operation_name} ({told}).",
            kind="denied",
            next_step="Have this right added to your role, or use another with --profile.",
        )
    if code in _THROTTLED or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return CloudUnavailable(f"{what}: AWS does not answer {error.operation_name} now ({code}).")
    return CloudRefused(f"{what}: AWS refuses {error.operation_name}: {told or code}.".replace("..", "."))


def _unasked(what: str, error: BotoCoreError) -> DeliveryWatchError:
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
