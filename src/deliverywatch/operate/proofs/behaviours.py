"""Each behaviour of AWS that we rely on: how it is known, the code that relies on it, and the test that pins it here.

`.github/PROOFS.md` is made of it; a test sees that code and tests exist and that each proof of `prove` is named here.
"""

from deliverywatch.operate.proofs.behaviour import Behaviour, Evidence
from deliverywatch.operate.proofs.behaviours_of_files import OF_FILES
from deliverywatch.operate.proofs.behaviours_of_pipelines import OF_PIPELINES
from deliverywatch.operate.proofs.behaviours_of_schedules import OF_SCHEDULES

_DOCS = "docs.aws.amazon.com/"
_ALARMS = f"{_DOCS}AmazonCloudWatch/latest/monitoring/"
_CLOUDWATCH_API = f"{_DOCS}AmazonCloudWatch/latest/APIReference/"
_S3 = f"{_DOCS}AmazonS3/latest/userguide/"
_ATHENA = f"{_DOCS}athena/latest/ug/"
_LAMBDA = f"{_DOCS}lambda/latest/dg/"
_D, _R, _B = Evidence.DOCUMENTED, Evidence.RECORDED, Evidence.BELIEVED
_OWN = "operate/test_operate_proofs.py::test_every_behaviour_is_proven_against_the_local_cloud"

BEHAVIOURS = (
    Behaviour(
        "alarm-window-slides", "CloudWatch alarms",
        "An alarm is evaluated every minute over a window that slides with it, not over aligned periods.",
        _D, f"{_ALARMS}alarm-evaluation.html", "cwalarm/evaluation/windows.py",
        "cloudwatch/alarms.py",
        ("cwalarm/test_cwalarm_evaluate.py::test_the_window_slides_by_the_minute_and_ends_at_the_floored_minute", _OWN),
    ),
    Behaviour(
        "stamp-counts-after-its-minute", "CloudWatch alarms",
        "A point stamped ahead of now is in the window when its minute is over, and not before.",
        _B, "newest windows of recorded events end at the floored minute: github.com/guardian/cdk/issues/1063",
        "deliverywatch/sms/lake/slots.py",
        "cloudwatch/alarms.py",
        ("cwalarm/test_cwalarm_evaluate.py::test_a_minute_of_which_half_is_published_counts_by_half", _OWN),
    ),
    Behaviour(
        "alarm-range", "CloudWatch alarms",
        "An alarm fetches two periods more than it evaluates; five below 300 seconds.",
        _B, "times of recorded alarms; asked in github.com/awsdocs/amazon-cloudwatch-user-guide/issues/102",
        "cwalarm/evaluation/windows.py",
        "cloudwatch/alarms.py",
        (
            "cwalarm/test_cwalarm_evaluate.py::test_slots_step_back_by_the_period_two_beyond_the_evaluation_periods",
            "cwalarm/test_cwalarm_evaluate.py::test_at_sixty_seconds_five_slots_more_are_fetched",
        ),
    ),
    Behaviour(
        "alarm-missing-ignore", "CloudWatch alarms",
        "With TreatMissingData=ignore an alarm without data keeps its state.",
        _D, f"{_ALARMS}alarms-and-missing-data.html", "cwalarm/evaluation/evaluate.py",
        "cloudwatch/alarms.py",
        ("cwalarm/test_cwalarm_evaluate.py::test_an_alarm_that_ignores_missing_data_keeps_its_state",),
    ),
    Behaviour(
        "math-running-sum", "CloudWatch metrics",
        "In an alarm RUNNING_SUM begins with the first period that it fetches, and sums comparisons as 0 and 1.",
        _B, f"{_ALARMS}using-metric-math.html", "cwalarm/metric_math/gaps.py", "cloudwatch/alarms.py",
        ("email/test_email_alarms.py::test_our_own_alarms_and_mails_are_as_written_down",),
    ),
    Behaviour(
        "math-missing-is-zero", "CloudWatch metrics",
        "Arithmetic takes a missing value as 0, and drops a point that would divide by zero.",
        _R, f"github.com/cdklabs/cdk-monitoring-constructs/issues/602; {_ALARMS}using-metric-math.html",
        "cwalarm/metric_math/functions.py",
        "cloudwatch/monitoring.py",
        (
            "cwalarm/test_cwalarm_expression.py::test_a_share_is_dropped_where_the_total_is_zero_or_missing",
            ("local/test_cloud_monitoring.py::"
            "test_an_expression_is_computed_slot_by_slot_and_division_by_zero_leaves_a_gap"),
        ),
    ),
    Behaviour(
        "points-add-up", "CloudWatch metrics",
        "Points of one minute add up in Sum: what is emitted again is counted again.",
        _D, f"{_ALARMS}publishingMetrics.html", "deliverywatch/sms/counts.py",
        "cloudwatch/alarms.py",
        ("cwalarm/test_cwalarm_series.py::test_points_of_one_minute_add_up",),
    ),
    Behaviour(
        "stamps-accepted", "CloudWatch metrics",
        "Stamps from two weeks back to two hours ahead are taken; a line with another one is no datapoint.",
        _D, f"{_CLOUDWATCH_API}API_PutMetricData.html", "deliverywatch/sms/counts.py",
        "cloudwatch/metrics.py",
        ("local/test_local_metrics.py::test_a_stamp_outside_of_what_cloudwatch_takes_is_dropped",),
    ),
    Behaviour(
        "emf-becomes-metric", "CloudWatch metrics",
        "A line in the embedded metric format that a function prints is a datapoint within five minutes.",
        _B, f"no figure in {_ALARMS}CloudWatch_Embedded_Metric_Format_Specification.html; half a minute is usual",
        "deliverywatch/emf.py",
        "cloudwatch/metrics.py",
        ("local/test_cloud_functions.py::test_an_emf_line_is_a_metric_once_its_time_has_come", _OWN),
    ),
    Behaviour(
        "dimensions-are-exact", "CloudWatch metrics",
        "A metric without dimensions is one of its own, never the sum of the others.",
        _D, f"{_ALARMS}cloudwatch_concepts.html", "cwalarm/evaluation/series.py",
        "cloudwatch/monitoring.py",
        ("local/test_cloud_monitoring.py::test_a_metric_without_dimensions_is_not_the_sum_of_all_others",),
    ),
    Behaviour(
        "describe-alarms-pages", "CloudWatch alarms",
        "DescribeAlarms returns 50 alarms unless asked for more, and composite alarms only if asked for.",
        _D, f"{_CLOUDWATCH_API}API_DescribeAlarms.html", "deliverywatch/alerting/aws.py",
        "",
        ("alerting/test_alerting_aws.py::test_more_alarms_than_one_answer_holds_are_all_described",),
    ),
    Behaviour(
        "mutes-are-made-up-for", "CloudWatch alarms",
        "A mute rule holds the actions of an alarm back, and runs those of its state when the window ends.",
        _D, f"{_ALARMS}alarm-mute-rules.html", "deliverywatch/operate/incidents/mutes.py",
        "cloudwatch/mutes.py",
        ("local/test_cloud_mutes.py::test_a_muted_alarm_changes_and_notifies_nobody_until_the_window_ends",),
    ),
    Behaviour(
        "s3-put-if-none-match", "S3",
        "PutObject with If-None-Match: * is refused with 412 where an object is.",
        _D, f"{_S3}conditional-writes.html", "deliverywatch/storage/s3.py",
        "",
        ("storage/test_storage_contract.py::test_only_who_read_the_present_object_may_write_over_it", _OWN),
    ),
    Behaviour(
        "s3-put-if-match", "S3",
        "PutObject with If-Match is refused with 412 where the object is another, and taken where it is the same.",
        _D, f"{_S3}conditional-writes.html", "deliverywatch/storage/s3.py",
        "",
        ("storage/test_storage_contract.py::test_only_who_read_the_present_object_may_write_over_it", _OWN),
    ),
    Behaviour(
        "s3-delete-if-match", "S3",
        "DeleteObject with If-Match is refused with 412 where the object is another.",
        _D, f"{_S3}conditional-deletes.html", "deliverywatch/storage/s3.py",
        "",
        ("storage/test_storage_contract.py::test_only_who_read_the_present_object_may_delete_it", _OWN),
    ),
    Behaviour(
        "s3-copy-if-none-match", "S3",
        "CopyObject with If-None-Match: * is refused with 412 where an object is.",
        _D, f"{_DOCS}AmazonS3/latest/API/API_CopyObject.html", "deliverywatch/queries/aws.py",
        "conditions.py",
        ("local/test_cloud_storage.py::test_a_copy_meets_the_conditions_of_a_write", _OWN),
    ),
    Behaviour(
        "athena-view", "Athena",
        "Athena reads a view that CloudFormation makes as a Glue table, as one made with CREATE VIEW.",
        _R, "github.com/aws/aws-cdk/pull/13721, github.com/hashicorp/terraform-provider-aws/issues/28517",
        "deliverywatch/operate/lake/aws_query.py",
        "athena/dialect.py",
        ("local/test_cloud_storage.py::test_athena_runs_athenas_sql_over_a_partitioned_lake", _OWN),
    ),
    Behaviour(
        "athena-refuses-tables", "Athena",
        "Glue and CloudFormation take a table or a view that Athena cannot read: without SerDe, of unknown types, with "
        "partition projection that lacks something. Only a query says so.",
        _R, "github.com/hashicorp/terraform-provider-aws/issues/28517, github.com/aws/aws-sdk-pandas/issues/251, "
        "repost.aws/knowledge-center/athena-partition-projection",
        "deliverywatch/operate/lake/aws_query.py",
        "athena/tables.py",
        ("local/test_cloud_athena.py::test_a_table_that_athena_cannot_read_is_refused_in_its_words",),
    ),
    Behaviour(
        "athena-projects-folders", "Athena",
        "Of a table with partition projection only the folders are read that its template and its ranges name.",
        _D, f"{_ATHENA}partition-projection.html", "deliverywatch/alerting/incidents/outbox.py",
        "athena/projection.py",
        ("local/test_cloud_athena.py::test_only_folders_that_the_projection_names_are_read",),
    ),
    Behaviour(
        "cloudformation-drift", "CloudFormation",
        "Drift detection does not see what the template leaves out, such as policies added to a role, and calls "
        "notifications of a bucket changed that nobody touched.",
        _R, "github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/936 and 1072",
        "deliverywatch/operate/doctor/aws_drift.py",
        "",
        ("operate/test_operate_drift.py::test_what_cloudformation_is_known_to_see_wrongly_is_not_believed",),
    ),
    Behaviour(
        "athena-token", "Athena",
        "StartQueryExecution with a known token starts nothing, and names the execution that it started before.",
        _D, f"{_DOCS}athena/latest/APIReference/API_StartQueryExecution.html", "deliverywatch/athena.py",
        "athena/answers.py",
        (
            ("queries/test_queries_execute.py::"
            "test_what_athena_calls_worth_another_try_has_it_under_another_token"),
        ),
    ),
    Behaviour(
        "athena-zstd", "Athena",
        "Athena reads Parquet that is compressed with ZSTD.",
        _D, f"{_ATHENA}compression-formats.html", "deliverywatch/sms/lake/parquet.py",
        "",
        ("local/test_cloud_storage.py::test_athena_runs_athenas_sql_over_a_partitioned_lake",),
    ),
    *OF_SCHEDULES,
    Behaviour(
        "ses-keeps-references", "SES",
        "SES gives a mail an id of its own and keeps References and In-Reply-To, which hold a conversation together.",
        _R, f"github.com/twentyhq/twenty/pull/25884, github.com/resend/resend-node/issues/133; {_DOCS}ses/latest/dg/"
        "header-fields.html",
        "deliverywatch/alerting/mail/headers.py",
        "mail/ses_events.py",
        ("alerting/test_alerting_mail.py::test_the_headers_thread_the_mail_and_keep_robots_from_answering", _OWN),
    ),
    Behaviour(
        "sns-may-reorder", "SNS",
        "Messages of a topic may come twice and in another order.",
        _D, "aws.amazon.com/sns/features, standard topics", "deliverywatch/alerting/notify.py",
        "",
        ("alerting/test_alerting_notify.py::test_messages_in_the_wrong_order_do_not_flip_the_state_back",),
    ),
    Behaviour(
        "cloudformation-validates-early", "CloudFormation",
        "A change set whose template cannot be carried out fails, and DescribeEvents names resource and reason.",
        _R, "github.com/aws/aws-cdk-cli/issues/1000, github.com/aws-cloudformation/rain/pull/744",
        "deliverywatch/operate/deploy/aws_formation.py",
        "change_sets.py",
        (_OWN,),
    ),
    *OF_FILES,
    *OF_PIPELINES,
    Behaviour(
        "firehose-keeps-failed", "Firehose",
        "Records that a transform fails go under the error prefix with their reason; none is lost.",
        _D, f"{_DOCS}firehose/latest/dev/data-transformation-failure-handling.html",
        "deliverywatch/email/handle_transform.py",
        "mail/firehose.py",
        ("email/test_email_local.py::test_a_transform_that_fails_loses_nothing",
         "email/test_email_local.py::test_what_cannot_be_read_lies_under_the_error_prefix_with_its_reason"),
    ),
    Behaviour(
        "ses-reports-what-it-stopped", "SES",
        "A mail that SES did not try to deliver comes as a bounce or complaint with a sub-type of its own: on a "
        "suppression list, not valid, unsubscribed.",
        _D, f"{_DOCS}ses/latest/dg/event-publishing-retrieving-firehose-contents.html, repost.aws/knowledge-center/"
        "ses-suppression-list-sending-quota",
        "deliverywatch/email/events/outcomes.py",
        "",
        ("email/test_email_outcomes.py::test_what_ses_stopped_is_none_whatever_else_the_event_says",
         "email/test_email_agreement.py::test_every_word_of_ses_counts_the_same_everywhere"),
    ),
    Behaviour(
        "ses-judges-visits", "SES",
        "Opens and clicks say since August 2026 whether a bot made them, Likely or Unlikely; earlier ones do not.",
        _D, "aws.amazon.com/about-aws/whats-new/2026/08/amazon-ses-automated-email-interactions",
        "deliverywatch/email/events/outcomes.py",
        "mail/ses_events.py",
        ("email/test_email_outcomes.py::test_no_verdict_and_one_that_is_not_known_are_unknown",),
    ),
    Behaviour(
        "ses-takes-raw", "SES",
        "SES sends a raw message as it is given, and refuses one whose sender is not verified.",
        _D, f"{_DOCS}ses/latest/APIReference-V2/API_SendEmail.html", "deliverywatch/alerting/aws.py",
        "mail/outbox.py",
        ("local/test_cloud_mail.py::test_a_mail_is_kept_as_it_was_given_with_the_simulated_time",
         "alerting/test_alerting_aws.py::test_a_sender_that_is_not_verified_is_refused_as_mail_unavailable"),
    ),
    Behaviour(
        "stepfunctions-history-branches", "Step Functions",
        "Each event of a history names the one before it, so that items of a Map and branches are told apart; what a "
        "Retry does again stays in the same visit of its state, and one that a Catch leaves has an event of its own.",
        _D, f"{_DOCS}step-functions/latest/apireference/API_HistoryEvent.html",
        "deliverywatch/pipeline/diagnosis/history.py",
        "",
        ("pipeline/test_pipeline_verdict.py::test_each_item_of_a_map_answers_for_itself",
         "pipeline/test_pipeline_verdict.py::test_a_redrive_makes_up_for_the_end_and_not_for_what_was_caught"),
    ),
    Behaviour(
        "stepfunctions-counts-items", "Step Functions",
        "A distributed Map runs its items as executions of their own and succeeds with those that fail within what it "
        "tolerates; DescribeMapRun counts them.",
        _D, f"{_DOCS}step-functions/latest/apireference/API_DescribeMapRun.html",
        "deliverywatch/pipeline/diagnosis/collect.py",
        "",
        ("pipeline/test_pipeline_verdict.py::test_a_distributed_map_is_judged_by_its_items",),
    ),
    Behaviour(
        "roles-are-enough", "IAM",
        "A function may do what its role allows and nothing else; S3 answers 404 instead of 403 with ListBucket only.",
        _D, f"{_DOCS}AmazonS3/latest/API/API_GetObject.html", "deliverywatch/storage/s3.py",
        "emulator/access.py",
        ("local/test_cloud_roles.py::test_a_system_at_work_needs_every_right_that_it_has_and_no_other",
         "local/test_cloud_access.py::test_a_function_may_do_what_its_role_allows_and_nothing_else"),
    ),
    Behaviour(
        "cloudformation-makes-alarms", "CloudFormation",
        "Alarms on metric math, composite alarms, saved queries and schedules come out as the template has them.",
        _D, f"{_DOCS}AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html",
        "deliverywatch/operate/deploy/upgrade.py",
        "formation.py",
        ("local/test_cloud_stack.py::test_an_alarm_on_metric_math_keeps_its_queries_and_nothing_of_a_plain_one",
         "local/test_cloud_stack.py::test_a_composite_alarm_and_a_saved_query_come_from_the_template"),
    ),
    Behaviour(
        "cloudformation-takes-texts", "CloudFormation",
        "A policy of a role, a queue, a topic or a bucket may be JSON in a text.",
        _D, f"{_DOCS}AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html, and its schemas",
        "deliverywatch/operate/doctor/deployed.py",
        "",
        ("cfn/test_cfn_size.py::test_cloudformation_takes_a_text_for_each_policy_that_becomes_one",
         "local/test_cloud_roles.py::test_a_system_at_work_needs_every_right_that_it_has_and_no_other"),
    ),
    Behaviour(
        "services-say-for-whom", "IAM",
        "Lambda says for which function it takes a role to run it. What it, Firehose and Glue say elsewhere is not "
        "documented: conditions hold IfExists.",
        _R, f"{_DOCS}IAM/latest/UserGuide/confused-deputy.html; github.com/prowler-cloud/prowler/issues/2792 and 7021",
        "deliverywatch/local/cloud/emulator/access.py",
        "emulator/access.py",
        (("cfn/test_cfn_functions.py::"
          "test_a_service_that_is_not_documented_to_say_for_whom_it_asks_can_take_its_role"),
         "local/test_cloud_access.py::test_a_condition_holds_without_its_key_only_if_it_says_so"),
    ),
    Behaviour(
        "lambda-retries", "Lambda",
        "An asynchronous event that fails is tried again after one and two minutes, and then set aside.",
        _D, f"{_LAMBDA}invocation-async-error-handling.html", "deliverywatch/local/cloud/compute/lambdas.py",
        "compute/lambdas.py",
        (
            ("local/test_cloud_functions.py::"
            "test_an_event_that_fails_is_retried_after_one_and_two_minutes_and_then_set_aside"),
        ),
    ),
    Behaviour(
        "function-url-permissions", "Lambda",
        "A function URL lets in who may use it and invoke the function by it; either permission alone is a 403.",
        _D, f"{_LAMBDA}urls-auth.html", "deliverywatch/operate/handle_acknowledge.py",
        "compute/function_urls.py",
        ("local/test_cloud_incident_page.py::test_the_urls_own_permission_alone_lets_nobody_in",),
    ),
    Behaviour(
        "function-url-form", "Lambda",
        "A function URL hands over the path of a request as it is, and the body of a form as base64.",
        _D, f"{_LAMBDA}urls-invocation.html", "deliverywatch/operate/incident_page/request.py",
        "",
        ("local/test_cloud_incident_page.py::test_somebody_acknowledges_with_a_phone_that_runs_no_scripts",),
    ),
    Behaviour(
        "function-url-metrics", "Lambda",
        "Url5xxCount counts what a function URL answered with 500 and more, whether the function or Lambda said so.",
        _D, f"{_LAMBDA}urls-monitoring.html", "deliverywatch/operate/acknowledge.py",
        "compute/function_urls.py",
        ("local/test_cloud_incident_page.py::test_lambda_counts_the_requests_of_the_url",),
    ),
    Behaviour(
        "mute-rule-rights", "CloudWatch alarms",
        "PutAlarmMuteRule needs the right to the rule and to each alarm, and a rule of the same name is replaced.",
        _D, f"{_CLOUDWATCH_API}API_PutAlarmMuteRule.html", "deliverywatch/operate/incident_page/aws.py",
        "emulator/access.py",
        ("local/test_cloud_incident_page.py::test_somebody_mutes_for_an_hour_and_once",),
    ),
    Behaviour(
        "lambda-sdk", "Lambda",
        "The boto3 of a python3.13 runtime is of no promised version; none is older than 1.34.145.",
        _B, f"{_LAMBDA}lambda-python.html names no version; that one is four months older than the runtime",
        "deliverywatch/sdk.py",
        "",
        (
            ("sdk/test_sdk_floor.py::"
            "test_a_function_calls_nothing_that_the_oldest_sdk_lacks_unless_it_can_do_without"),
        ),
    ),
    Behaviour(
        "cloudformation-one-change", "CloudFormation",
        "A stack that is being changed takes no second change, and carrying a change set out deletes its others.",
        _D, f"{_DOCS}AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html",
        "deliverywatch/operate/deploy/deploy.py",
        "change_sets.py",
        ("operate/test_operate_rivals.py::test_of_two_deployments_at_once_the_second_hears_that_another_was_faster",
         "operate/test_operate_rivals.py::test_the_local_cloud_refuses_a_change_in_the_words_of_aws"),
    ),
    Behaviour(
        "sqs-name-kept", "SQS",
        "The name of a deleted queue cannot be used for 60 seconds.",
        _D, f"{_DOCS}AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
        "deliverywatch/operate/deploy/deploy.py",
        "compute/queues.py",
        ("operate/test_operate_rivals.py::test_the_name_of_a_deleted_queue_is_taken_for_a_minute_as_sqs_says",),
    ),
    Behaviour(
        "lake-formation-guards-databases", "Lake Formation",
        "Where IAM alone does not decide, a database is made only by who has CREATE_DATABASE on the catalog.",
        _R, "github.com/aws-solutions/workload-discovery-on-aws/issues/228, aws-samples/bedrock-chat/issues/475",
        "deliverywatch/operate/deploy/aws_prerequisites.py",
        "lake_formation.py",
        (
            ("operate/test_operate_prerequisites.py::"
            "test_where_lake_formation_guards_the_catalog_the_grant_is_named_and_is_what_aws_misses"),
        ),
    ),
    Behaviour(
        "iam-simulates-organizations", "IAM",
        "SimulatePrincipalPolicy says whether a service control policy without conditions denies an action.",
        _D, f"{_DOCS}IAM/latest/APIReference/API_OrganizationsDecisionDetail.html",
        "deliverywatch/operate/deploy/aws_prerequisites.py",
        "",
        ("operate/test_operate_prerequisites.py::test_what_an_account_lacks_is_said_with_the_command_that_helps",),
    ),
)  # fmt: skip
