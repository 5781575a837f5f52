"""A resource of a template -> its name, its ARN, and what Ref and Fn::GetAtt return for it, without an account.

A resource is called what its own property says, or else by its logical id, which stands for the name that
CloudFormation would make up. Follows "Ref" and "Fn::GetAtt" of the CloudFormation template reference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cwalarm.definitions.scalars import Unknown

Resolve = Callable[[Any], Any]

_LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_BALANCERS = {"network": "net", "gateway": "gwy"}

# What stands before the name, where it is not `SERVICE:REGION:ACCOUNT:NAME`.
_ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CloudWatch::CompositeAlarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::ECS::Service": "ecs:{region}:{account}:service/{name}",
    _BALANCER: "elasticloadbalancing:{region}:{account}:loadbalancer/{kind}/{name}/id",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "elasticloadbalancing:{region}:{account}:targetgroup/{name}/id",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Kinesis::Stream": "kinesis:{region}:{account}:stream/{name}",
    "AWS::KinesisFirehose::DeliveryStream": "firehose:{region}:{account}:deliverystream/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::StateMachine": "states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::Activity": "states:{region}:{account}:activity:{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}

_REF_IS_ARN = {
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::AutoScaling::ScalingPolicy",
    "AWS::Batch::JobQueue",
    "AWS::ECS::Service",
    _LISTENER,
    _BALANCER,
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::MSK::Cluster",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::StateMachine",
    "AWS::StepFunctions::Activity",
    "AWS::StepFunctions::StateMachine",
}

# Ref and every attribute that is an id return what AWS makes up, even where the resource has a name.
_HAS_ID = {
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::Cognito::UserPool",
    "AWS::Serverless::Api",
    "AWS::Serverless::HttpApi",
}

# What they return is made by code or by another template: every attribute is a value of its own.
_FROM_ELSEWHERE = ("AWS::CloudFormation::", "AWS::Serverless::Application", "Custom::")
_IDS = ("Id", "Identifier")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a stack lives."""

    partition: str
    region: str
    account: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a template; `resolve` replaces the functions in its properties."""

    logical_id: str
    kind: str
    properties: Mapping[str, Any]
    resolve: Resolve

    @property
    def name(self) -> str:
        """What it is called, such as a queue's `QueueName`; else its logical id."""
        kind = self.kind.rpartition("::")[2]
        wanted = (f"{kind}Name", f"{kind}Identifier", f"{kind}Id", "Name", "AlarmName", "ApiName", "ClusterName")
        # Glue keeps the name of a table or a database one level deeper.
        properties = self.properties.get(f"{kind}Input") or self.properties
        # A list without what a condition makes AWS::NoValue, which is as if the property were not there.
        named = self.resolve([properties[name] for name in wanted if name in properties])
        return str(named[0]) if named else self.logical_id

    def reference(self, scope: Scope) -> str:
        """Return what Ref returns."""
        if self.kind == "AWS::Lambda::Alias":
            function = str(self.resolve(self.properties["FunctionName"])).rpartition(":function:")[2]
            return f"{_arn(scope, 'AWS::Lambda::Function', function)}:{self.name}"
        if self.kind == "AWS::Lambda::Version" or self.kind in _HAS_ID:
            return self.logical_id
        if self.kind == "AWS::SQS::Queue":
            return f"https://sqs.{scope.region}.{scope.suffix}/{scope.account}/{self.name}"
        return self.arn(scope) if self.kind in _REF_IS_ARN else self.name

    def attribute(self, name: str, scope: Scope) -> str:
        """Return what Fn::GetAtt returns; what only the account knows is written `LogicalId.Attribute`."""
        if self.kind.startswith(_FROM_ELSEWHERE) or name.startswith("Outputs."):
            return Unknown(f"{self.logical_id}.{name}")
        if name.endswith("Arn"):
            return self.arn(scope)
        if name.endswith("FullName"):
            return self.arn(scope).rpartition(":")[2].removeprefix("loadbalancer/")
        if name in self.properties:
            return str(self.resolve(self.properties[name]))
        if name.endswith(_IDS):
            return self.reference(scope)
        return self.name if name.endswith("Name") else Unknown(f"{self.logical_id}.{name}")

    def arn(self, scope: Scope) -> str:
        """Return its ARN; what of it AWS makes up is `id`."""
        if self.kind == _LISTENER:
            balancer = str(self.resolve(self.properties["LoadBalancerArn"]))
            return balancer.replace(":loadbalancer/", ":listener/") + "/id"
        balancer = _BALANCERS.get(str(self.properties.get("Type")), "app")
        return _arn(scope, self.kind, self.name, balancer)


def _arn(scope: Scope, kind: str, name: str, balancer: str = "") -> str:
    service = kind.split("::")[1].lower()
    form = _ARNS.get(kind, f"{service}:{{region}}:{{account}}:{{name}}")
    return f"arn:{scope.partition}:{form.format(region=scope.region, account=scope.account, name=name, kind=balancer)}"
