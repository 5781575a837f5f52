"""The Athena workgroup of a stack, and the queries that are saved in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.athena import Workgroup
from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.lake.query import Saved

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment

_BATCH = 50


def workgroup(cloud: Cloud, stack: Deployment) -> Workgroup:
    """Return the workgroup of a stack, with its database."""
    name = stack.output("AthenaWorkgroup")
    return Workgroup(cloud.client("athena"), name, f"deliverywatch_{stack.environment}", translated)


def saved(cloud: Cloud, stack: Deployment) -> list[Saved]:
    """Return the saved queries, by name; they are called as in the console, without the stack's prefix."""
    client = cloud.client("athena")
    with translated("The saved queries"):
        pages = client.get_paginator("list_named_queries").paginate(WorkGroup=stack.output("AthenaWorkgroup"))
        ids = [query_id for page in pages for query_id in page["NamedQueryIds"]]
        queries = []
        for first in range(0, len(ids), _BATCH):
            answer = client.batch_get_named_query(NamedQueryIds=ids[first : first + _BATCH])
            queries += [Saved(query["Name"], query["QueryString"]) for query in answer["NamedQueries"]]
    return sorted(queries, key=lambda query: query.name)
