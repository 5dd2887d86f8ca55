"""boto3, unmodified, against `lambda serve`. Environment: endpoint, stage (with node.zip, layer.zip), AWS's variables."""
import json
import os
import unittest
import urllib.error
import urllib.request

import boto3
import botocore.exceptions
from botocore.config import Config

ENDPOINT = os.environ["endpoint"]
STAGE = os.environ["stage"]


def client(**more):
    return boto3.client("lambda", endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}), **more)


def package(name="node"):
    with open(f"{STAGE}/{name}.zip", "rb") as file:
        return file.read()


def create(api, name, handler="echo", **more):
    return api.create_function(
        FunctionName=name,
        Runtime="nodejs20.x",
        Role="arn:aws:iam::000000000000:role/any",
        Handler=f"index.{handler}",
        Code={"ZipFile": package()},
        MemorySize=512,
        Timeout=20,
        **more,
    )


class Boto(unittest.TestCase):
    def setUp(self):
        self.api = client()

    def refused(self, code, status, call, **arguments):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], status)

    def test_life_of_a_function(self):
        made = create(self.api, "boto", Tags={"a": "b"})
        self.assertEqual(made["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.api.get_waiter("function_active_v2").wait(FunctionName="boto")
        answer = self.api.invoke(FunctionName="boto", Payload=json.dumps({"é": 1}), LogType="Tail")
        self.assertEqual(json.load(answer["Payload"]), {"é": 1})
        self.api.update_function_configuration(FunctionName="boto", Environment={"Variables": {"COLOUR": "red"}})
        self.api.get_waiter("function_updated_v2").wait(FunctionName="boto")
        self.assertEqual(self.api.publish_version(FunctionName="boto")["Version"], "1")
        alias = self.api.create_alias(FunctionName="boto", Name="prod", FunctionVersion="1")
        self.assertEqual(self.api.get_function(FunctionName=alias["AliasArn"])["Configuration"]["Version"], "1")
        self.refused("PreconditionFailedException", 412, self.api.update_alias, FunctionName="boto", Name="prod", FunctionVersion="1", RevisionId="00000000-0000-0000-0000-000000000000")
        resource = made["FunctionArn"]
        self.api.tag_resource(Resource=resource, Tags={"c": "d", "e f": "g/h"})
        self.api.untag_resource(Resource=resource, TagKeys=["a", "e f"])
        self.assertEqual(self.api.list_tags(Resource=resource)["Tags"], {"c": "d"})
        self.api.delete_function(FunctionName="boto")
        self.refused("ResourceNotFoundException", 404, self.api.get_function, FunctionName="boto")

    def test_errors_of_functions_and_of_calls(self):
        create(self.api, "boto-fail", "fail")
        answer = self.api.invoke(FunctionName="boto-fail")
        self.assertEqual(answer["FunctionError"], "Unhandled")
        self.assertEqual(json.load(answer["Payload"])["errorType"], "TypeError")
        self.refused("InvalidRequestContentException", 400, self.api.invoke, FunctionName="boto-fail", Payload=b"{")
        self.refused("ResourceConflictException", 409, create, api=self.api, name="boto-fail")
        self.assertEqual(self.api.invoke(FunctionName="boto-fail", InvocationType="Event")["StatusCode"], 202)
        self.api.delete_function(FunctionName="boto-fail")

    def test_pages(self):
        for i in range(3):
            create(self.api, f"boto-page-{i}")
        names = [each["FunctionName"] for page in self.api.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1}) for each in page["Functions"]]
        for i in range(3):
            self.assertIn(f"boto-page-{i}", names)
            self.api.delete_function(FunctionName=f"boto-page-{i}")

    def test_concurrency_and_retries(self):
        create(self.api, "boto-set")
        self.api.put_function_concurrency(FunctionName="boto-set", ReservedConcurrentExecutions=0)
        self.refused("TooManyRequestsException", 429, self.api.invoke, FunctionName="boto-set")
        self.api.delete_function_concurrency(FunctionName="boto-set")
        self.api.put_function_event_invoke_config(FunctionName="boto-set", MaximumRetryAttempts=0)
        self.assertEqual(self.api.get_function_event_invoke_config(FunctionName="boto-set")["MaximumRetryAttempts"], 0)
        self.api.add_permission(FunctionName="boto-set", StatementId="one", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com")
        self.assertEqual(len(json.loads(self.api.get_policy(FunctionName="boto-set")["Policy"])["Statement"]), 1)
        self.api.remove_permission(FunctionName="boto-set", StatementId="one")
        self.api.delete_function(FunctionName="boto-set")

    def test_layers(self):
        published = self.api.publish_layer_version(LayerName="boto-layer", Content={"ZipFile": package("layer")})
        self.assertEqual(self.api.get_layer_version_by_arn(Arn=published["LayerVersionArn"])["Version"], published["Version"])
        self.api.delete_layer_version(LayerName="boto-layer", VersionNumber=published["Version"])

    def test_presigned(self):
        url = self.api.generate_presigned_url("list_functions", ExpiresIn=60)
        with urllib.request.urlopen(url) as answer:
            self.assertIn("Functions", json.load(answer))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))
        self.assertEqual(caught.exception.code, 403)

    def test_wrong_keys(self):
        self.refused("UnrecognizedClientException", 403, client(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x").list_functions)


if __name__ == "__main__":
    unittest.main()
