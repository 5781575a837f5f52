"""An event of a Lambda function URL -> a request, of which nothing is believed.

The format is payload 2.0 (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html): the body of a form is base64.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from deliverywatch.messages.untrusted import mapping

# A name and a note are some hundred bytes; nothing longer is read.
BODY_LIMIT_BYTES = 4096
_FIELD_LIMIT = 10
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser, a scanner or anybody else sent.

    Attributes:
        form: The fields of the form; the first of each name.
        is_cross_site: Whether the browser says that another site's page sent it.
    """

    method: str
    path: str
    form: Mapping[str, str] = field(default_factory=dict)
    is_cross_site: bool = False


def request_of(event: object) -> Request:
    """Return the request of an event; what cannot be read of it is empty."""
    sent = mapping(event)
    http = mapping(mapping(sent.get("requestContext")).get("http"))
    headers = {str(name).lower(): str(value) for name, value in mapping(sent.get("headers")).items()}
    is_form = headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    return Request(
        method=str(http.get("method") or "GET").upper(),
        path=str(sent.get("rawPath") or ""),
        form=_fields(_body(sent)) if is_form else {},
        is_cross_site=headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"),
    )


def _body(sent: Mapping[str, object]) -> bytes:
    body = str(sent.get("body") or "")
    if len(body) > 2 * BODY_LIMIT_BYTES:
        return b""
    if not sent.get("isBase64Encoded"):
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _fields(body: bytes) -> dict[str, str]:
    if len(body) > BODY_LIMIT_BYTES:
        return {}
    try:
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_FIELD_LIMIT)
    except ValueError:
        return {}
    return dict(reversed(pairs))
