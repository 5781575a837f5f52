"""Where e-mail events lie and how they are read: buckets, database, tables, views, workgroup.

The bucket is its own and not the lake's: it holds addresses in plain text, so access and retention are set apart.
"""

import json
from typing import Any

from troposphere import GetAtt, If, Ref, Sub, glue, s3

from blocks.buckets import expiry, kept_bucket, week_to_undo
from blocks.parts import Statement, allow, arn, chosen_name, role
from blocks.tables import FIRST_DAY, PARQUET, database, projected, projected_days, table, workgroup
from deliverywatch import thresholds
from deliverywatch.email.events.streams import Stream, table_folder
from stacks.email import views
from stacks.email.parameters import EVENTS
from stacks.email.views import SHARED_COLUMNS, table_id

# Below this Standard-IA bills as much as for this, and asks a fee for the move.
_IA_LEAST_BYTES = 128 * 1024

_DAY = glue.Column(
    Name="dt", Type="date", Comment="UTC day of arrival; name it in every query, it bounds what is read and billed"
)
_YEAR_MONTH_DAY = [glue.Column(Name=name, Type="int", Comment="of arrival, UTC") for name in ("year", "month", "day")]


def resources() -> list[Any]:
    """Return them all."""
    return [
        *kept_bucket("EmailBucket", _event_rules(), _own_account_only, BucketName=chosen_name("EmailBucketName")),
        *kept_bucket(
            "EmailResultsBucket",
            [expiry("results", "", Ref("AthenaResultDays")), week_to_undo()],
            _own_account_only,
            BucketName=chosen_name("EmailResultsBucketName"),
        ),
        database("EmailDatabase", Sub("email_events_db_${Environment}"), Sub("Events of SES, ${Environment}")),
        *(_table(stream) for stream in Stream),
        *views.resources(),
        workgroup(
            "EmailWorkgroup",
            Sub("email-analytics-${Environment}"),
            "Saved queries over e-mail events, with a limit on what one query may read",
            results="s3://${EmailResultsBucket}/",
            PublishCloudWatchMetricsEnabled=True,
        ),
        *_crawler(),
    ]


def objects() -> list[Any]:
    """Return the ARNs of the objects of both tables."""
    return [Sub(f"${{EmailBucket.Arn}}/{table_folder(stream, EVENTS)}*") for stream in Stream]


def _own_account_only(arns: list[Any]) -> list[Statement]:
    refusal = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": arns,
        "Condition": {
            "StringNotEqualsIfExists": {"aws:PrincipalAccount": Ref("AWS::AccountId")},
            # A service of AWS that acts by itself has no account.
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    }
    return [refusal]


def _event_rules() -> list[Any]:
    folders = {stream: Sub(table_folder(stream, EVENTS)) for stream in Stream}
    return [
        *(expiry(f"events-{stream}", folder, Ref("EmailRetentionDays")) for stream, folder in folders.items()),
        *(_infrequent(f"infrequent-access-{stream}", folder) for stream, folder in folders.items()),
        expiry("errors", "errors/", thresholds.EMAIL_ERROR_DAYS),
        # The daily compaction deletes what it merged: without this the small objects live on.
        week_to_undo(),
    ]


def _infrequent(name: str, folder: Any) -> Any:
    return s3.LifecycleRule(
        Id=name,
        Status=If("HasEmailStandardIa", "Enabled", "Disabled"),
        Prefix=folder,
        ObjectSizeGreaterThan=str(_IA_LEAST_BYTES),
        Transitions=[
            s3.LifecycleRuleTransition(
                StorageClass="STANDARD_IA",
                TransitionInDays=If("HasEmailStandardIa", Ref("EmailStandardIaDays"), 30),
            )
        ],
    )


def _table(stream: Stream) -> Any:
    location = f"s3://${{EmailBucket}}/{table_folder(stream, EVENTS)}"
    by_day = projected_days(location, PARQUET, "/")
    return table(
        f"{stream.value}_events",
        f"One row per event of the {stream.value} stream; a copy may be there twice",
        location,
        SHARED_COLUMNS,
        PARQUET,
        logical_id=table_id(stream),
        database="EmailDatabase",
        PartitionKeys=If("HasEmailDays", [_DAY], _YEAR_MONTH_DAY),
        Parameters=If("HasEmailDays", by_day, _projected_parts(location)),
    )


def _projected_parts(location: str) -> dict[str, Any]:
    return {
        "classification": PARQUET.classification,
        "projection.enabled": "true",
        "projection.year.type": "integer",
        # A number has no NOW: the range ends somewhere, and a query beyond it would find nothing without a word.
        "projection.year.range": f"{FIRST_DAY[:4]},2040",
        "projection.month.type": "integer",
        "projection.month.range": "1,12",
        "projection.month.digits": "2",
        "projection.day.type": "integer",
        "projection.day.range": "1,31",
        "projection.day.digits": "2",
        "storage.location.template": projected(location, "year={year}/month={month}/day={day}/"),
    }


def _crawler() -> list[Any]:
    """A crawler that looks at the two tables and changes neither: with the default policy it would undo projection."""
    tables = ("catalog", "database/${EmailDatabase}", "table/${EmailDatabase}/*")
    glue_logs = Sub(arn("logs", "log-group:/aws-glue/*"))
    reads = [
        allow(
            ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"],
            [Sub(arn("glue", table)) for table in tables],
        ),
        allow("s3:ListBucket", GetAtt("EmailBucket", "Arn")),
        allow("s3:GetObject", objects()),
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], glue_logs),
    ]
    made_role = role("email-crawler", "glue.amazonaws.com", reads, Sub(arn("glue", "*")))
    made_role.Condition = "HasEmailCrawler"
    target = glue.CatalogTarget(DatabaseName=Ref("EmailDatabase"), Tables=[Ref(table_id(stream)) for stream in Stream])
    keeps = {"Version": 1.0, "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}}
    return [
        made_role,
        glue.Crawler(
            "EmailCrawlerRun",
            Condition="HasEmailCrawler",
            Name=Sub("deliverywatch-${Environment}-email"),
            Role=GetAtt(made_role, "Arn"),
            Targets=glue.Targets(CatalogTargets=[target]),
            SchemaChangePolicy=glue.SchemaChangePolicy(UpdateBehavior="LOG", DeleteBehavior="LOG"),
            Configuration=json.dumps(keeps),
            Schedule=glue.Schedule(ScheduleExpression="cron(0 3 ? * SUN *)"),
        ),
    ]
