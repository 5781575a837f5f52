"""One run of the ingest flow in a fresh process: account and lake as JSON on the command line -> figures as JSON.

Started by run.py without any site-packages: what may be imported stands in the argument.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deliverywatch.sms import counts

WATCHED = ("pandas", "numpy", "pyarrow.compute")


def measured(now: datetime, lake: Path, url: str) -> dict[str, Any]:
    """Do the run that is due now and return what it took."""
    from peak import peak_bytes

    from deliverywatch.sms import counts, ingest
    from deliverywatch.sms.clicksend.client import ClickSend
    from deliverywatch.sms.clicksend.credentials import Credentials
    from deliverywatch.sms.clicksend.recipients import Recipients
    from deliverywatch.sms.ports import Ports, Settings, Source
    from deliverywatch.storage.folder import Folder

    documents: list[str] = []

    def connect() -> Source:
        history = ClickSend(Credentials("demo", "demo-key"), url, remaining_seconds=lambda: 600.0)
        return Source(history, Recipients(b"k" * 32))

    def emit(points: Sequence[counts.Datapoint]) -> None:
        documents.extend(counts.documents("prod", points).splitlines())

    ports = Ports(connect=connect, store=Folder(lake), emit=emit)
    began, worked = time.perf_counter(), time.process_time()
    summary = ingest.run(now, Settings(), ports, token="benchmark")
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - worked,
        "peak_bytes": peak_bytes(),
        "rows": summary.read_count,
        "written": summary.written_count,
        "slot_documents": sum('"Total"' in document for document in documents),
        "documents": len(documents),
        "modules": [name for name in WATCHED if name in sys.modules],
    }


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    sys.path[:0] = arguments["path"]
    print(json.dumps(measured(datetime.fromisoformat(arguments["now"]), Path(arguments["lake"]), arguments["url"])))
