"""What scheduled queries need of Athena and MiniStack lacks: tokens, parameters, and results where Athena puts them.

MiniStack starts a second execution for the same token, leaves `?` as it is, and writes a result into a folder of the
name that the execution gives. Results: docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deliverywatch.athena_duckdb import with_parameters
from deliverywatch.local.cloud.athena import statements
from deliverywatch.local.cloud.emulator import hooks

_ATHENA, _S3 = "services.athena", "services.s3"


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return a result as Athena writes it: every value in quotes, NULL as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NOTNULL if hasattr(csv, "QUOTE_NOTNULL") else csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([[_text(value) for value in row] for row in rows])
    return text.getvalue().replace("\r\n", "\n").encode()


def install(placed: hooks.Hooks) -> None:
    """Let statements start as in Athena, and lay results where the execution says."""
    started: dict[str, Any] = {}

    def around_start(original: Callable[..., Any]) -> Callable[..., Any]:
        def start(data: Mapping[str, Any]) -> Any:
            if reason := statements.unparsed(data.get("QueryString") or ""):
                more = {"AthenaErrorCode": "MALFORMED_QUERY"}
                refused = hooks.inside(_ATHENA, "error_response_json")
                return refused("InvalidRequestException", reason, 400, extra=more)
            token = data.get("ClientRequestToken")
            if token in started:
                return started[token]
            parameters = data.get("ExecutionParameters")
            query = with_parameters(data["QueryString"], parameters) if parameters else data["QueryString"]
            answer = original({**data, "QueryString": query})
            if token and answer[0] == 200:
                started[token] = answer
            return answer

        return start

    def around_save(_: Callable[..., Any]) -> Callable[..., Any]:
        async def save(execution_id: str) -> None:
            execution = hooks.inside(_ATHENA, "_executions")[execution_id]
            result = execution["_results"]
            bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
            body = csv_of(result["columns"], result["rows"])
            headers = {"content-type": "text/csv", "content-length": str(len(body))}
            hooks.inside(_S3, "_put_object")(bucket, key, body, headers)

        return save

    placed.replace(_ATHENA, "_start_query_execution", around_start)
    placed.replace(_ATHENA, "_save_query_results", around_save)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, default=str) if isinstance(value, list | dict) else value
