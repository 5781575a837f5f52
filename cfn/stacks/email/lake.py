"""Where e-mail events lie and how they are read: buckets, database, tables, views, workgroup.

The bucket is its own and not the lake's: it holds addresses in plain text, so access and retention are set apart.
"""

from __future__ import annotations

import json
from typing import Any

from troposphere import GetAtt, If, Ref, Sub, glue, s3

from blocks.buckets import kept_bucket
from blocks.parts import Statement, allow, role
from blocks.tables import FIRST_DAY, PARQUET, workgroup
from deliverywatch import thresholds
from deliverywatch.email.events.streams import Stream, table_folder
from stacks.email import views
from stacks.email.views import described_columns, table_id

DATABASE = Sub("email_events_db_${Environment}")
WORKGROUP = Sub("email-analytics-${Environment}")

# Below this Standard-IA bills as much as for this, and asks a fee for the move.
_IA_LEAST_BYTES = 128 * 1024

_DAY = glue.Column(
    Name="dt", Type="date", Comment="UTC day of arrival; name it in every query, it bounds what is read and billed"
)
_YEAR_MONTH_DAY = [glue.Column(Name=name, Type="int", Comment="of arrival, UTC") for name in ("year", "month", "day")]


def resources() -> list[Any]:
    """Return them all."""
    return [
        *_bucket("EmailBucket", _event_rules()),
        *_bucket("EmailResultsBucket", [_expiry("results", "", Ref("AthenaResultDays")), _week()]),
        _database(),
        *(_table(stream) for stream in Stream),
        *views.resources(),
        _workgroup(),
        *_crawler(),
    ]


def _bucket(name: str, rules: list[Any]) -> list[Any]:
    return kept_bucket(name, _own_account_only, LifecycleConfiguration=s3.LifecycleConfiguration(Rules=rules))


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
    events = _expiry("events", "events/", Ref("EmailRetentionDays"))
    infrequent = s3.LifecycleRule(
        Id="infrequent-access",
        Status=If("HasEmailStandardIa", "Enabled", "Disabled"),
        Prefix="events/",
        ObjectSizeGreaterThan=str(_IA_LEAST_BYTES),
        Transitions=[
            s3.LifecycleRuleTransition(
                StorageClass="STANDARD_IA",
                TransitionInDays=If("HasEmailStandardIa", Ref("EmailStandardIaDays"), 30),
            )
        ],
    )
    return [events, _expiry("errors", "errors/", thresholds.EMAIL_ERROR_DAYS), infrequent, _week()]


def _expiry(name: str, prefix: str, days: Any) -> Any:
    return s3.LifecycleRule(Id=name, Status="Enabled", Prefix=prefix, ExpirationInDays=days)


def _week() -> Any:
    return s3.LifecycleRule(
        Id="a-week-to-undo",  # the daily compaction deletes what it merged: without this the small objects live on
        Status="Enabled",
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=7),
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
        ExpiredObjectDeleteMarker=True,
    )


def _database() -> Any:
    given = glue.DatabaseInput(Name=DATABASE, Description=Sub("Events of SES, ${Environment}"))
    return glue.Database("EmailDatabase", CatalogId=Ref("AWS::AccountId"), DatabaseInput=given)


def _table(stream: Stream) -> Any:
    location = f"s3://${{EmailBucket}}/{table_folder(stream)}"
    return glue.Table(
        table_id(stream),
        CatalogId=Ref("AWS::AccountId"),
        DatabaseName=Ref("EmailDatabase"),
        TableInput=glue.TableInput(
            Name=f"{stream.value}_events",
            Description=f"One row per event of the {stream.value} stream; a copy may be there twice",
            TableType="EXTERNAL_TABLE",
            PartitionKeys=If("HasEmailDays", [_DAY], _YEAR_MONTH_DAY),
            StorageDescriptor=glue.StorageDescriptor(
                Location=Sub(location),
                InputFormat=PARQUET.reads,
                OutputFormat=PARQUET.writes,
                SerdeInfo=glue.SerdeInfo(SerializationLibrary=PARQUET.library),
                Columns=described_columns(),
            ),
            Parameters=If("HasEmailDays", _projected_days(location), _projected_parts(location)),
        ),
    )


def _projected_days(location: str) -> dict[str, Any]:
    return {
        "classification": PARQUET.classification,
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": f"{FIRST_DAY},NOW",
        # ${!dt} is CloudFormation's way of writing ${dt}, which is Athena's.
        "storage.location.template": Sub(f"{location}dt=${{!dt}}/"),
    }


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
        "storage.location.template": Sub(f"{location}year=${{!year}}/month=${{!month}}/day=${{!day}}/"),
    }


def _workgroup() -> Any:
    return workgroup(
        "EmailWorkgroup",
        WORKGROUP,
        "Saved queries over e-mail events, with a limit on what one query may read",
        results="s3://${EmailResultsBucket}/",
        PublishCloudWatchMetricsEnabled=True,
    )


def _crawler() -> list[Any]:
    """A crawler that looks at the two tables and changes neither: with the default policy it would undo projection."""
    account = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}"
    tables = [Sub(f"{account}:{what}") for what in ("catalog", "database/${EmailDatabase}", "table/${EmailDatabase}/*")]
    logs = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws-glue/*"
    reads = [
        allow(["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"], tables),
        allow("s3:ListBucket", GetAtt("EmailBucket", "Arn")),
        allow("s3:GetObject", Sub("${EmailBucket.Arn}/events/*")),
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Sub(logs)),
    ]
    made_role = role("email-crawler", "glue.amazonaws.com", reads)
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
