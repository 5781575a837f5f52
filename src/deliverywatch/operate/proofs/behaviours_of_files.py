"""Behaviours of AWS that only the file intake relies on."""

from deliverywatch.operate.proofs.behaviour import Behaviour, Evidence

_DOCS = "docs.aws.amazon.com/"
_S3 = f"{_DOCS}AmazonS3/latest/userguide/"
_LAMBDA = f"{_DOCS}lambda/latest/dg/"
_D, _B = Evidence.DOCUMENTED, Evidence.BELIEVED

OF_FILES = (
    Behaviour(
        "eventbridge-key-is-plain",
        "S3 and EventBridge",
        "In EventBridge's events the key is plain, and a wildcard of a rule is compared with it.",
        _B,
        "github.com/getmoto/moto/pull/9060; the page on S3's own notifications alone says that keys are encoded",
        "deliverywatch/files/records/messages.py",
        "",
        ("files/test_files_filters.py::test_a_prefix_with_special_characters_lets_its_objects_in_and_no_others",),
    ),
    Behaviour(
        "s3-head-of-a-version",
        "S3",
        "HeadObject of a version answers 404 where it is gone and 405 where it is a delete marker; the version of an "
        "object without one is called null.",
        _D,
        f"{_S3}DeleteMarker.html and versioning-workflows.html",
        "deliverywatch/files/aws_objects.py",
        "",
        ("files/test_files_old.py::test_s3_says_which_versions_are_still_as_an_old_event_reports_them",),
    ),
    Behaviour(
        "s3-head-of-an-owners-key",
        "S3",
        "HeadObject without the key of an object that is encrypted with a customer's own key (SSE-C) answers 400.",
        _D,
        f"{_DOCS}AmazonS3/latest/API/API_HeadObject.html; github.com/jschneier/django-storages/pull/1451",
        "deliverywatch/files/aws_objects.py",
        "",
        ("files/test_files_process.py::test_an_object_under_its_owners_key_is_refused_as_without_a_right",),
    ),
    Behaviour(
        "s3-parts-begin",
        "S3",
        "Among the versions of a key an upload in parts has the place of its beginning; its event is of its end.",
        _D,
        f"{_S3}mpuoverview.html#distributedmpupload",
        "deliverywatch/files/records/versions.py",
        "",
        ("files/test_files_by_key.py::test_an_upload_in_parts_stays_below_what_came_after_its_beginning",),
    ),
    Behaviour(
        "s3-head-shows-a-marker",
        "S3",
        "HeadObject of a key whose newest version is a delete marker answers 404, with x-amz-delete-marker and the "
        "version of the marker in its headers.",
        _D,
        f"{_DOCS}AmazonS3/latest/API/API_HeadObject.html",
        "deliverywatch/files/aws_objects.py",
        "",
        ("files/test_files_contract.py::test_a_table_by_key_shows_what_is_there_now",),
    ),
    Behaviour(
        "sqs-redrive-is-a-new-life",
        "SQS",
        "A message that is moved back from the dead letters is a new one, kept for as long as any.",
        _D,
        f"{_DOCS}AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html",
        "deliverywatch/files/process.py",
        "",
        ("files/test_files_old.py::test_what_is_older_than_tombstones_is_kept_only_if_the_bucket_proves_it",),
    ),
    Behaviour(
        "sqs-partial-batch",
        "SQS and Lambda",
        "Of a batch only the messages come back that the function names in batchItemFailures.",
        _D,
        f"{_LAMBDA}services-sqs-errorhandling.html",
        "deliverywatch/files/handle_process.py",
        "compute/queues.py",
        (
            "files/test_files_cloud.py::test_every_upload_becomes_one_item_whatever_its_key",
            "files/test_files_cloud.py::test_nothing_is_left_in_the_queues",
        ),
    ),
)
