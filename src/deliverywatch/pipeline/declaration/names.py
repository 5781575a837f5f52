"""What names and times in a declaration have to look like.

Columns and tables are quoted wherever they stand in SQL, so whatever Glue keeps is let in; Athena and Glue compare them
without regard to case.
"""

import re

from deliverywatch.pipeline.declaration.table import Form

COLUMN = Form(
    re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,254})"),
    "the name of a column, in 1 to 255 characters",
    ignores_case=True,
)
DATABASE = Form(
    re.compile(r"[\w-]{1,255}"),
    "the name of a database of Athena: letters, digits, underscores and hyphens",
    is_per_environment=True,
)
TABLE = Form(
    re.compile(r"[\w-]{1,255}(\.[\w-]{1,255})?"),
    "the name of a table, such as users_history or curated.users_history",
    is_per_environment=True,
)
TIME = Form(
    re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?", re.ASCII), "a time such as 9999-12-31 00:00:00"
)
