"""The template of all systems stays far below what CloudFormation takes, as `aws cloudformation package` writes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfnlint
import pytest

import stacks
from blocks.extras import Extra
from bundling import build
from bundling.texts import TAKE_TEXTS, shortened, text_of
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


def test_the_template_of_all_systems_is_two_thirds_of_what_cloudformation_takes_as_packaged() -> None:
    # The names of what files make, and the ARNs of it, take 12 KB: five names, each with its choice.
    assert len(packaged([*ALL, "files"])) < 652_000
    assert len(packaged([*ALL, "files-pusher"])) < 657_000


def test_with_everything_that_can_be_built_a_third_of_what_cloudformation_takes_is_left() -> None:
    # The page behind the links of mails takes 8 KB: a function with its role, URL and alarm. The names of what files
    # make take 12, and the channels beside mail the rest.
    assert len(packaged([*ALL, "files-pusher"], *Extra)) < 746_000


def test_a_declared_pipeline_adds_less_than_90_kb() -> None:
    more = len(packaged(ALL, Extra.EXAMPLE_PIPELINE)) - len(packaged(ALL))
    assert more < 90_000


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


@pytest.mark.parametrize("value", [{"Fn::Join": ["", ["a"]]}, {"Fn::If": ["X", "a", {"Ref": "Name"}]}])
def test_a_text_that_is_made_of_others_is_a_variable_of_it(value: Any) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": [value, value]}]}
    text, variables = text_of(document)["Fn::Sub"]
    assert variables == {"Text0": value}
    assert json.loads(text)["Statement"][0]["Resource"] == ["${Text0}", "${Text0}"]


def schemas() -> Iterator[dict[str, Any]]:
    """Yield the schemas of CloudFormation that cfn-lint has."""
    for path in (Path(cfnlint.__file__).parent / "data/schemas/resources").glob("*.json"):
        yield json.loads(path.read_text())


def test_cloudformation_takes_a_text_for_each_policy_that_becomes_one() -> None:
    takes = {schema["typeName"]: schema for schema in schemas() if schema["typeName"] in TAKE_TEXTS}
    assert {*takes} == {*TAKE_TEXTS}
    role = takes["AWS::IAM::Role"]
    policies = [role["definitions"]["Policy"]["properties"]["PolicyDocument"]]
    policies += [role["properties"]["AssumeRolePolicyDocument"]]
    policies += [takes[kind]["properties"]["PolicyDocument"] for kind in TAKE_TEXTS if kind != "AWS::IAM::Role"]
    assert all("string" in policy["type"] for policy in policies)


@pytest.mark.parametrize(
    "value", [{"Fn::Split": [",", "a"]}, {"Fn::If": ["X", "a", {"Ref": "AWS::NoValue"}]}, {"Fn::If": ["X", ["a"], "b"]}]
)
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
