"""Names inside MiniStack -> our replacements, checked before anything runs and put back at the end.

MiniStack's insides are private names of one exact release. A release that moved one of them must fail at once, with the
name, and not in the middle of a day that looks almost right.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

from deliverywatch.errors import ConfigurationError

VERSION = "1.5.33"

# Every name of MiniStack that this room replaces or calls, by module.
NAMES = {
    "app": (
        "AUTH", "SERVICE_HANDLERS", "_enforce_data_plane", "_enforce_ses_v2", "_reset_all_state", "app",
        "pin_request_origin",
    ),
    "core.iam_actions": ("_lambda_action", "extract_resource_arn"),
    "core.iam_evaluator": ("enforce", "pin_request_origin", "resolve_principal"),
    "core.lambda_runtime": ("_PYTHON_WORKER_SCRIPT", "reset"),
    "core.lambda_runtime:Worker": ("_drain_stderr_bounded",),
    "services.athena": (
        "_create_named_query", "_delete_named_query", "_duckdb_type", "_empty_relation", "_executions", "_run_duckdb",
        "_save_query_results", "_start_query_execution", "_table_relation", "error_response_json",
    ),
    "services.cloudformation": ("_change_sets",),
    "services.cloudformation.engine": ("_check_rule_expression",),
    "services.cloudformation.handlers": ("_ACTION_HANDLERS", "_resolve_stack"),
    "services.cloudformation.helpers": ("_error", "_p"),
    "services.cloudformation.stacks": (
        "_evaluate_conditions", "_operation_event", "_static_property", "_validation_errors",
    ),
    "services.cloudformation.provisioners": ("_RESOURCE_HANDLERS", "_cw_metric_alarm_record", "_physical_name"),
    "services.cloudwatch": (
        "_alarms", "_composite_alarms", "_dispatch_alarm_actions", "_error", "_evaluate_alarm",
        "_evaluate_parent_alarms", "_json_ok", "_cbor_ok", "_parse_ts", "_put_composite_alarm",
        "_put_metric_alarm", "_record_history", "_store_datum", "handle_request", "time",
    ),
    "services.cloudwatch_logs": (
        "_append_log_events", "_create_log_group", "_create_log_stream", "_fanout_to_subscription_filters",
        "_log_groups", "_metric_filters", "time",
    ),
    "services.dynamodb": ("_pitr_settings", "_ttl_settings"),
    "services.eventbridge": ("_dispatch_to_lambda", "start_scheduler", "time"),
    "services.glue": ("_create_table", "_tables", "_update_table"),
    "services.iam": ("_roles",),
    "services.lambda_svc": (
        "_dispatch_esm_batch", "_emit_lambda_logs", "_emit_lambda_metrics", "_ensure_poller", "_esm_backoff_until",
        "_execute_function_with_config_scope", "_execution_record_for_config", "_functions",
        "_get_func_record_for_ref", "_poll_sqs", "handle_function_url_request", "invoke_async_with_retry",
        "resolve_function_url",
    ),
    "services.s3": (
        "_bucket_lifecycle", "_bucket_notifications", "_bucket_owner_account", "_check_put_preconditions",
        "_copy_object", "_dispatch", "_ensure_bucket", "_error", "_event_object_key", "_fire_s3_event",
        "_fire_s3_event_async", "_key_matches_filter", "_next_event_sequencer", "_put_object", "now_iso", "time",
    ),
    "services.stepfunctions": (
        "_add_event", "_emit_execution_status_event", "_fail_execution", "_get_mock_response", "_sfn_mock_config",
        "_stop_execution", "now_iso",
    ),
    "services.scheduler": (
        "_create_schedule", "_error", "_list_schedules", "_schedule_groups", "_schedules", "_update_schedule",
        "start_scheduler",
    ),
    "services.firehose": ("_deliver_records_to_s3",),
    "services.ses_v2": ("_config_sets", "handle_request"),
    "services.sns": (
        "_deliver_to_lambda", "_fanout", "_threading", "_topic_by_arn_any_scope", "time", "topic_policy_allows",
    ),
    "services.sqs": (
        "_Err", "_HANDLERS", "_act_send_message", "_delete_messages_for_esm", "_queue_by_arn", "_queue_name_to_url",
        "_queue_url", "_queues", "time",
    ),
}  # fmt: skip


def module(name: str) -> Any:
    """Return a module of MiniStack, such as `services.sns`, or a class in one, such as `core.lambda_runtime:Worker`."""
    path, _, attribute = name.partition(":")
    imported = importlib.import_module(f"ministack.{path}")
    return getattr(imported, attribute) if attribute else imported


def inside(module_name: str, name: str) -> Any:
    """Return what MiniStack has under a name now; the name must be in `NAMES`, so that `check_names` has seen it."""
    if name not in NAMES[module_name]:
        raise LookupError(f"{module_name}.{name} is not among the checked names")
    return getattr(module(module_name), name)


def check_version(wanted: str = VERSION) -> None:
    """Make sure that this is the MiniStack the local cloud was written for.

    Raises:
        ConfigurationError: MiniStack is missing or is another version.
    """
    try:
        installed = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        installed = "none"
    if installed != wanted:
        raise ConfigurationError(
            f"The local cloud is built on MiniStack {wanted}, but this environment has {installed}.",
            next_step="Run scripts/setup, which installs the locked packages into .venv.",
        )


def check_names(names: Mapping[str, Sequence[str]] = NAMES) -> None:
    """Make sure that MiniStack has every name that is replaced or called.

    Raises:
        ConfigurationError: A name is missing; the sentence says which.
    """
    missing = [
        f"{name}.{wanted}"
        for name, all_wanted in names.items()
        for wanted in all_wanted
        if not hasattr(module(name), wanted)
    ]
    if missing:
        raise ConfigurationError(
            f"MiniStack {VERSION} has no {', '.join(missing)}, which the local cloud needs.",
            next_step="Reinstall the locked packages: remove .venv and run scripts/setup.",
        )


class Hooks:
    """Replaces names in MiniStack's modules, and puts the originals back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def replace(self, module_name: str, name: str, make: Callable[[Any], Any]) -> None:
        """Put `make(original)` where the original is; the name must be in `NAMES`."""
        target, original = module(module_name), inside(module_name, name)
        self._undo.append(lambda: setattr(target, name, original))
        setattr(target, name, make(original))

    def register(self, table: dict[str, Any], key: str, entry: Any) -> None:
        """Add an entry to one of MiniStack's tables for as long as the hooks are in place."""
        before = table.get(key)
        self._undo.append(lambda: table.__setitem__(key, before) if before is not None else table.__delitem__(key))
        table[key] = entry

    def undo(self) -> None:
        """Put every original back, the newest first."""
        while self._undo:
            self._undo.pop()()
