"""Calls a test server as boto3 and prints what it understood, one JSON value a line."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]


def client(name, **kwargs):
    return boto3.client(
        name,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key=kwargs.pop("secret", "secret"),
        config=Config(retries={"total_max_attempts": 1}, **kwargs),
    )


def show(call, *args, **kwargs):
    try:
        reply = call(*args, **kwargs)
    except ClientError as e:
        metadata = e.response["ResponseMetadata"]
        reply = {"Error": e.response["Error"]["Code"],
                 "Status": metadata["HTTPStatusCode"], "Type": type(e).__name__, "ResponseMetadata": metadata}
    if not reply.pop("ResponseMetadata")["RequestId"]:
        sys.exit("%s came without a request id" % call)
    print(json.dumps(reply, default=str, sort_keys=True))


sqs = client("sqs")
show(sqs.send_message, QueueUrl="http://localhost/000000000000/q", MessageBody="h\u00e9 <&>", DelaySeconds=0)
show(sqs.get_queue_url, QueueName="missing")
show(sqs.purge_queue, QueueUrl="q")
show(client("sqs", secret="wrong").list_queues)
cloudwatch = client("cloudwatch")
show(cloudwatch.put_metric_data, Namespace="n", MetricData=[
    {"MetricName": "m%d" % i, "Value": 1.5, "Dimensions": [{"Name": "d", "Value": "v" * 100}]} for i in range(100)])
show(cloudwatch.describe_alarms)
logs = client("logs")
show(logs.put_log_events, logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])
cloudformation = client("cloudformation")
show(cloudformation.describe_stacks, StackName="s")
show(cloudformation.delete_stack, StackName="s")
show(cloudformation.list_stacks)
show(client("sts").get_caller_identity)
s3 = client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")
show(s3.put_object, Bucket="b", Key="a b/\u00e9+&=(~).txt", Body=b"hello")
show(s3.head_object, Bucket="b", Key="k")
show(client("s3", secret="wrong", s3={"addressing_style": "path"}).list_buckets)
print(s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "a b/\u00e9+.txt"}))
