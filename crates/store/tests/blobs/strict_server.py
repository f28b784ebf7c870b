"""An S3 server that checks signatures, with one bucket and one user, until its standard input ends."""

import json
import logging
import sys

import boto3
import requests
from moto.server import ThreadedMotoServer

ALL_OF_S3 = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"

anybody = {
    "endpoint_url": endpoint,
    "region_name": "eu-central-1",
    "aws_access_key_id": "anybody",
    "aws_secret_access_key": "anybody",
}
boto3.client("s3", **anybody).create_bucket(
    Bucket="strict", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
)
iam = boto3.client("iam", **anybody)
iam.create_user(UserName="gradus")
iam.put_user_policy(UserName="gradus", PolicyName="s3", PolicyDocument=json.dumps(ALL_OF_S3))
key = iam.create_access_key(UserName="gradus")["AccessKey"]

# From here on every request is checked.
requests.post(f"{endpoint}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
print(
    json.dumps({"endpoint": endpoint, "id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}),
    flush=True,
)
sys.stdin.read()
