"""What AWS says of the metrics that its services publish: dimensions, units, and what kind of number they are.

From the pages of the services that "AWS services that publish CloudWatch metrics" links to. Only what is stated there
and easily got wrong; of what is not here nothing is judged.
"""

import math

# The sets of dimensions of a namespace; a set may be empty: the whole account.
_SETS: dict[str, str] = {
    "AWS/ApiGateway": "ApiName | ApiName Stage | ApiName Stage Resource Method | ApiId | ApiId Stage | "
    "ApiId Stage Resource Method | ApiId Stage Route | ApiId Route",
    "AWS/ApplicationELB": "LoadBalancer | LoadBalancer AvailabilityZone | LoadBalancer TargetGroup | TargetGroup | "
    "LoadBalancer TargetGroup AvailabilityZone | TargetGroup AvailabilityZone | AvailabilityZone | ",
    "AWS/CloudFront": "DistributionId Region | DistributionId FunctionName Region | FunctionName Region",
    "AWS/EC2": " | InstanceId | AutoScalingGroupName | ImageId | InstanceType",
    "AWS/ELB": " | LoadBalancerName | AvailabilityZone | LoadBalancerName AvailabilityZone",
    "AWS/ECS": "ClusterName | ClusterName ServiceName | ClusterName CapacityProviderName",
    "AWS/Firehose": "DeliveryStreamName",
    "AWS/Kinesis": "StreamName | StreamName ShardId | StreamName ConsumerName",
    "AWS/Lambda": " | FunctionName | FunctionName Resource | FunctionName Resource ExecutedVersion | "
    "EventSourceMappingUUID | FunctionName EventSourceMappingUUID",
    "AWS/NATGateway": "NatGatewayId",
    "AWS/NetworkELB": "LoadBalancer | LoadBalancer AvailabilityZone | LoadBalancer TargetGroup | "
    "LoadBalancer TargetGroup AvailabilityZone",
    "AWS/SQS": "QueueName",
    "AWS/Scheduler": " | ScheduleGroup",
}
DIMENSION_SETS = {
    namespace: tuple(frozenset(names.split()) for names in sets.split("|")) for namespace, sets in _SETS.items()
}

# A Ref in this dimension returns something else than the name that is published; the attribute to use instead, if any.
REFERENCES = {
    ("AWS::ApiGateway::RestApi", "ApiName"): "",
    ("AWS::Serverless::Api", "ApiName"): "",
    ("AWS::SQS::Queue", "QueueName"): "QueueName",
    ("AWS::SNS::Topic", "TopicName"): "TopicName",
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancer"): "LoadBalancerFullName",
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroup"): "TargetGroupFullName",
    ("AWS::ECS::Service", "ServiceName"): "Name",
}

# Of these kinds a Ref is no ARN, which an action must be; the attribute to use instead, if it can be an action.
NO_ACTIONS = {"AWS::Lambda::Function": "Arn", "AWS::Serverless::Function": "Arn", "AWS::SQS::Queue": ""}

# Metrics whose threshold is easily written in another unit: the least and the greatest that is plausible, and the unit.
PLAUSIBLE = {
    ("AWS/ApplicationELB", "TargetResponseTime"): (0, 100, "seconds"),
    ("AWS/ELB", "Latency"): (0, 100, "seconds"),
    ("AWS/RDS", "FreeStorageSpace"): (1e6, math.inf, "bytes"),
    ("AWS/RDS", "FreeableMemory"): (1e6, math.inf, "bytes"),
    ("AWS/RDS", "FreeLocalStorage"): (1e6, math.inf, "bytes"),
}

PERCENTAGES = frozenset({
    "CPUUtilization", "DatabaseMemoryUsagePercentage", "DiskSpaceUtilization", "EngineCPUUtilization",
    "JVMMemoryPressure", "MemoryUtilization", "disk_used_percent", "mem_used_percent", "PercentIOLimit",
})  # fmt: skip

# Levels and durations: what a sum over the period makes of them depends on how often they are published.
GAUGES = PERCENTAGES | {
    "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesVisible", "BurstBalance", "CPUCreditBalance", "DatabaseConnections", "DiskQueueDepth",
    "FreeStorageSpace", "FreeableMemory", "HealthyHostCount", "IteratorAge", "IteratorAgeMilliseconds", "ReplicaLag",
    "TargetResponseTime", "UnHealthyHostCount",
}  # fmt: skip

# What is left of a resource: where it stops, the resource is gone or stopped, and not used up.
RESERVES = frozenset({
    "BurstBalance", "CPUCreditBalance", "EBSByteBalance%", "EBSIOBalance%", "FreeLocalStorage", "FreeStorageSpace",
    "FreeableMemory",
})  # fmt: skip

# Counts of requests that went wrong, by namespace.
COUNTS = {
    "AWS/Lambda": frozenset({"Errors", "Throttles", "DeadLetterErrors", "DestinationDeliveryFailures"}),
    "AWS/ApplicationELB": frozenset({
        "HTTPCode_ELB_4XX_Count", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count",
        "RejectedConnectionCount", "TargetConnectionErrorCount",
    }),
    "AWS/States": frozenset({"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled"}),
    "AWS/DynamoDB": frozenset({"SystemErrors", "ThrottledRequests", "UserErrors"}),
    "AWS/SNS": frozenset({"NumberOfNotificationsFailed"}),
}  # fmt: skip

# Published only when there is something to count: "Reporting criteria: There is a nonzero value".
SPARSE = {
    "AWS/ApplicationELB": COUNTS["AWS/ApplicationELB"],
    "AWS/DynamoDB": COUNTS["AWS/DynamoDB"],
}

# Published only while there is traffic: without invocations there is not even a zero.
WITH_TRAFFIC = {
    **SPARSE,
    "AWS/Lambda": frozenset({"Errors", "Throttles", "Duration", "Invocations"}),
    "AWS/ApiGateway": frozenset({"4XXError", "5XXError", "Count", "Latency", "IntegrationLatency", "4xx", "5xx"}),
}

# Seconds between two datapoints of metrics that come less often than every five minutes.
INTERVALS = {
    ("AWS/S3", "BucketSizeBytes"): 86_400,
    ("AWS/S3", "NumberOfObjects"): 86_400,
    ("AWS/Billing", "EstimatedCharges"): 21_600,
}

UNITS = {
    ("AWS/Lambda", "Errors"): "Count",
    ("AWS/Lambda", "Invocations"): "Count",
    ("AWS/Lambda", "Throttles"): "Count",
    ("AWS/Lambda", "Duration"): "Milliseconds",
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): "Seconds",
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "Count",
    ("AWS/ApplicationELB", "TargetResponseTime"): "Seconds",
    ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"): "Count",
    ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"): "Count",
    ("AWS/EC2", "CPUUtilization"): "Percent",
    ("AWS/ECS", "CPUUtilization"): "Percent",
    ("AWS/ECS", "MemoryUtilization"): "Percent",
    ("AWS/RDS", "CPUUtilization"): "Percent",
    ("AWS/RDS", "FreeStorageSpace"): "Bytes",
}
