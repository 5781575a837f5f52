"""Every call of AWS that answers in pages is read to its last page, wherever in the source it is made."""

import ast
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name
from botocore.model import StructureShape

SOURCE = Path(__file__).parents[1] / "src"
TOKENS = {
    "nexttoken",
    "nextmarker",
    "nextcontinuationtoken",
    "continuationtoken",
    "lastevaluatedkey",
    "paginationtoken",
}
# Calls whose first page is all that is wanted, with the reason.
FIRST_PAGE = {
    ("deliverywatch/operate/deploy/aws_formation.py", "describe_stack_events"): "the newest event comes first",
    ("deliverywatch/operate/proofs/aws_metrics.py", "describe_alarms"): "one alarm is named",
    ("deliverywatch/operate/doctor/aws_doctor.py", "list_cost_allocation_tags"): "one tag is named",
    ("deliverywatch/alerting/aws.py", "describe_alarms"): "at most 100 names are named, and as many are asked for",
}


def services() -> set[str]:
    """The services that the source makes clients of."""
    return {
        str(call.args[0].value)
        for path in SOURCE.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("client", "_client")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


@cache
def paged() -> dict[str, set[str]]:
    """By the name of each method that answers in pages: the parameters that name one thing, which is one page."""
    session = botocore.session.get_session()
    methods: dict[str, set[str]] = {}
    for service in services() & set(session.get_available_services()):
        model = session.get_service_model(service)
        for name in model.operation_names:
            shape = model.operation_model(name).output_shape
            if isinstance(shape, StructureShape) and {member.lower() for member in shape.members} & TOKENS:
                methods.setdefault(xform_name(name), set())
    methods["describe_stacks"] = {"StackName"}
    return methods


def is_paged(function: ast.AST, call: ast.Call) -> bool:
    """Whether a function goes on while there is a token, or the call names one thing."""
    names = {keyword.arg for keyword in call.keywords}
    goes_on = any(isinstance(node, ast.Constant) and node.value == "NextToken" for node in ast.walk(function))
    return goes_on or bool(names & paged()[str(getattr(call.func, "attr", ""))])


def test_there_are_services_and_methods_to_look_for() -> None:
    assert {"cloudwatch", "s3", "cloudformation", "sns", "ssm"} <= services()
    assert {"describe_alarms", "list_objects_v2", "list_topics", "describe_parameters", "describe_events"} <= set(
        paged()
    )


def test_every_call_that_answers_in_pages_is_read_to_the_last() -> None:
    unread = set()
    for path in SOURCE.rglob("*.py"):
        name = str(path.relative_to(SOURCE))
        text = path.read_text()
        is_client = path.stem.startswith(("aws", "handle_", "s3", "athena")) or "/local/" in name or "boto3" in text
        for function in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)):
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                method = getattr(call.func, "attr", "")
                if is_client and method in paged() and not is_paged(function, call):
                    unread.add((name, method))
    assert unread - set(FIRST_PAGE) == set()
    assert set(FIRST_PAGE) <= unread, "an exception that nothing needs"


def test_what_is_asked_for_in_pages_is_something_that_boto3_has_pages_of() -> None:
    asked = {
        str(argument.value)
        for path in SOURCE.rglob("*.py")
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in ("get_paginator", "listed")
        for argument in call.args[:2]
        if isinstance(argument, ast.Constant)
    }
    session, known = botocore.session.get_session(), set[str]()
    loader = session.get_component("data_loader")
    for service in services() & set(session.get_available_services()):
        pages = loader.load_service_model(service, "paginators-1")["pagination"]
        known |= {xform_name(name) for name in pages}
    assert asked - known == set()
    assert {"list_topics", "describe_events", "simulate_principal_policy"} <= asked
