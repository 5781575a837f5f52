"""DeliveryWatch: tells support when messages stop arriving, before customers do.

One rule stands above all others: a verdict needs evidence (`deliverywatch.messages.verdict`). Only evidence
of failure opens an incident, only evidence of health resolves it; too little data holds what there is and says so; what
cannot be seen is reported as blind.

The rooms, in the order in which data flows through them:

    sms        ClickSend history -> outcomes -> Parquet lake -> counts as metrics
    queries    a JSON file of Athena queries -> schedules, exports and alerts
    files      S3 notifications -> one right item per version of an object in DynamoDB
    email      events of SES -> rows -> Parquet, through Firehose and a transform
    pipeline   the end of a run of Step Functions, Glue and dbt -> metrics, causes of failures, checks of the data
    (cfn/)     metrics -> CloudWatch alarms -> one SNS topic
    alerting   alarm message -> incident -> one e-mail per change

Beside the road, on a person's machine; of these only the weekly digest of `operate` is deployed, as a function:

    backtest   a template and a history -> the mails that would have been sent
    operate    a deployed stack -> what its operator asks of it or does to it, and a digest every week
    local      the whole road on one machine, without an AWS account
    cli        `deliverywatch <verb>`

On the ground floor, used by several rooms:

    storage    objects under keys in S3, a directory or memory, changed without losing what another writer does
    athena     a statement -> its execution, started once, waited for, stopped when its time is over; its rows
    athena_duckdb  the same SQL on this machine, for the local cloud and checks of local tables
    messages   verdicts, notices, contexts and levels, written and read by the same code; how untrusted JSON is read

and `thresholds` (every number an operator may turn), `errors` (what can go wrong and whether trying again helps),
`environment` (variables of a function), `sdk` (the oldest boto3 that functions work with, and what it cannot send) and
`emf` (counts -> CloudWatch's embedded metric format).

Beside this package stands another that knows nothing of it and is for everybody's alarms:

    cwalarm    evaluates CloudWatch alarms from their definition, as CloudWatch would; schedule expressions of AWS

Of it only `cwalarm.errors` and `cwalarm.schedules` are deployed, in the zips of functions that need them.

The top of a room holds its handlers and flows (verbs), the adapters to AWS and the settings that wire them. What they
work with (nouns) lies in sub-rooms; the `__init__` of each says what comes in, what goes out, and what to read first.
"""
