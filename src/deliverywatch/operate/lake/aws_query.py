"""Athena and the sizes of the lake's objects, as `query` asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.lake.query import Saved

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment

_BATCH = 50


class Athena:
    """The workgroup of a stack."""

    def __init__(self, cloud: Cloud, stack: Deployment) -> None:
        self._client = cloud.client("athena")
        self._workgroup = stack.output("AthenaWorkgroup")
        self._database = f"deliverywatch_{stack.environment}"

    def saved(self) -> list[Saved]:
        """Return the saved queries, by name; they are called as in the console, without the stack's prefix."""
        with translated("The saved queries"):
            pages = self._client.get_paginator("list_named_queries").paginate(WorkGroup=self._workgroup)
            ids = [each for page in pages for each in page["NamedQueryIds"]]
            found = []
            for first in range(0, len(ids), _BATCH):
                answer = self._client.batch_get_named_query(NamedQueryIds=ids[first : first + _BATCH])
                found += [Saved(each["Name"], each["QueryString"]) for each in answer["NamedQueries"]]
        return sorted(found, key=lambda each: each.name)

    def start(self, sql: str) -> str:
        """Begin a query and return its id."""
        with translated("The query"):
            answer = self._client.start_query_execution(
                QueryString=sql, WorkGroup=self._workgroup, QueryExecutionContext={"Database": self._database}
            )
            return str(answer["QueryExecutionId"])

    def state(self, query_id: str) -> Mapping[str, Any]:
        """Return `state`, `reason`, `scanned_bytes` and `seconds`."""
        with translated("The query"):
            found = self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        statistics = found.get("Statistics", {})
        return {
            "state": found["Status"]["State"],
            "reason": found["Status"].get("StateChangeReason", ""),
            "scanned_bytes": int(statistics.get("DataScannedInBytes", 0)),
            "seconds": statistics.get("TotalExecutionTimeInMillis", 0) / 1000,
        }

    def stop(self, query_id: str) -> None:
        """Stop it; what it has read so far is billed."""
        with translated("The query"):
            self._client.stop_query_execution(QueryExecutionId=query_id)

    def result(self, query_id: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        """Return columns and rows of a query that succeeded."""
        columns: list[tuple[str, str]] = []
        rows: list[tuple[Any, ...]] = []
        with translated("The query's result"):
            for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
                told = page["ResultSet"]
                columns = [(each["Name"], each["Type"]) for each in told["ResultSetMetadata"]["ColumnInfo"]]
                rows += [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in told["Rows"]]
        return columns, rows[1:]  # the first row repeats the names
