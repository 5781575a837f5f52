"""The template of all systems stays far below what CloudFormation takes, as `aws cloudformation package` writes it."""

import json
from pathlib import Path
from typing import Any

import pytest

import build
import stacks
from blocks.extras import Extra
from bundling.texts import shortened, text_of
from cwalarm.definitions.template import Resolver

ALL = ["sms", "email", "pipeline", "queries"]
ZIP = {"S3Bucket": "deliverywatch-artifacts-111122223333-ap-southeast-2", "S3Key": "0" * 32}


def packaged(systems: list[str], *extras: Extra) -> str:
    """Return what `aws cloudformation package --use-json` makes of a template: `Code` in a bucket, and four blanks."""
    made: dict[str, Any] = shortened(stacks.template(stacks.chosen(systems, extras), "arm64", "0", extras).to_dict())
    for resource in made["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Code"] = ZIP
    return json.dumps(made, indent=4, ensure_ascii=False)


def test_the_template_of_all_systems_is_under_600_kb_as_packaged() -> None:
    assert len(packaged([*ALL, "files"])) < 600_000
    assert len(packaged([*ALL, "files-pusher"])) < 610_000


def test_a_declared_pipeline_adds_less_than_70_kb() -> None:
    more = len(packaged(ALL, Extra.EXAMPLE_PIPELINE)) - len(packaged(ALL))
    assert more < 70_000


def test_a_policy_is_a_text_that_says_what_it_said() -> None:
    template = stacks.template(stacks.chosen(["sms"]), "arm64", "0").to_dict()
    resolver = Resolver(template, {"AWS::AccountId": "111122223333", "SenderAddress": "alerts@example.com"})
    roles = [made["Properties"] for made in template["Resources"].values() if made["Type"] == "AWS::IAM::Role"]
    documents = [role["AssumeRolePolicyDocument"] for role in roles]
    documents += [policy["PolicyDocument"] for role in roles for policy in role["Policies"]]
    plain = [one for one in documents if not any("Fn::If" in statement for statement in one["Statement"])]
    assert len(plain) > len(roles)
    for document in plain:
        assert json.loads(resolver.resolve(text_of(document))) == resolver.resolve(document)


@pytest.mark.parametrize("value", [{"Fn::Join": ["", ["a"]]}, {"Fn::If": ["X", "a", "b"]}])
def test_what_a_text_cannot_say_stays_a_document(value: Any) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": value}],
    }
    assert text_of(document) == document


def test_two_texts_with_different_variables_of_one_name_stay_a_document() -> None:
    both = [{"Fn::Sub": ["${A}", {"A": {"Ref": name}}]} for name in ("One", "Two")]
    assert text_of({"Statement": both}) == {"Statement": both}
    assert text_of({"Statement": both[:1] * 2})["Fn::Sub"][1] == {"A": {"Ref": "One"}}


def test_a_statement_on_a_condition_becomes_a_policy_on_that_condition(tmp_path: Path) -> None:
    build.build(["sms"], "none", tmp_path / "out")
    template = json.loads((tmp_path / "out/template.json").read_text())
    first, second = template["Resources"]["SmsCompactRole"]["Properties"]["Policies"]
    assert "KmsKeyArn" not in json.dumps(first)
    assert second["Fn::If"][0] == "HasKmsKey"
    assert "kms:Decrypt" in second["Fn::If"][1]["PolicyDocument"]["Fn::Sub"]


def test_an_empty_list_never_reaches_contains() -> None:
    made = stacks.template(stacks.chosen([*ALL, "files"], [*Extra]), "arm64", "0", [*Extra]).to_dict()
    asserted = json.dumps(made["Rules"])
    assert '"Fn::Contains": [["' in asserted
    assert '"Fn::Contains": [[]' not in asserted
