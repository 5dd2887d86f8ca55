"""boto3, unmodified, against `lambda serve`. Environment: endpoint, stage (with node.zip, layer.zip), built (names of operations), AWS's variables."""
import base64
import concurrent.futures
import datetime
import hashlib
import json
import os
import unittest
import unittest.mock
import zipfile
import urllib.error
import urllib.request

import boto3
import botocore.exceptions
from botocore import xform_name
from botocore.config import Config

import calls

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


class Every(unittest.TestCase):
    """Every operation that boto3 knows, as calls.json has it."""

    def test_every_operation(self):
        api = client()
        wrong = client(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
        known = set(api.meta.service_model.operation_names)
        done = calls.Done()
        for call in calls.read("boto", bytes):
            if call.operation not in known:
                continue
            with self.subTest(call=str(call)):
                method = getattr(wrong if call.wrong_key else api, xform_name(call.operation))
                try:
                    answer = method(**call.input)
                except botocore.exceptions.ClientError as error:
                    answer = error.response
                self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], call.status)
                self.assertEqual(answer.get("Error", {}).get("Code"), call.error)
                if "Payload" in answer:
                    answer["Payload"] = answer["Payload"].read().decode()
                calls.check(answer, call.expected)
                done.add(call)
        done.check(known)


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

    def test_races(self):
        """Each answer is of its own call, whatever others do meanwhile."""
        create(self.api, "boto-race")

        def update(number):
            path = f"{STAGE}/race-{number}.zip"
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("index.js", f"exports.echo = async () => {number};")
            with open(path, "rb") as file:
                zipped = file.read()
            answer = client().update_function_code(FunctionName="boto-race", ZipFile=zipped, Publish=True)
            self.assertEqual(answer["CodeSha256"], base64.b64encode(hashlib.sha256(zipped).digest()).decode())
            return answer["Version"], answer["CodeSha256"]

        def make(_):
            try:
                create(client(), "boto-once")
            except botocore.exceptions.ClientError as error:
                return error.response["Error"]["Code"]
            return "made"

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            versions = dict(pool.map(update, range(8)))
            made = sorted(pool.map(make, range(4)))
        self.assertEqual(sorted(versions), [str(number) for number in range(1, 9)])
        for version, digest in versions.items():
            self.assertEqual(self.api.get_function_configuration(FunctionName="boto-race", Qualifier=version)["CodeSha256"], digest)
        self.assertEqual(made, ["ResourceConflictException"] * 3 + ["made"])
        self.api.delete_function(FunctionName="boto-race")
        self.api.delete_function(FunctionName="boto-once")

    def altered(self, alter, code):
        """A request that is changed after it was signed is refused."""
        api = client()
        api.meta.events.register("before-send.lambda.TagResource", lambda request, **_: alter(request))
        self.refused(code, 403, api.tag_resource, Resource="arn:aws:lambda:us-east-1:000000000000:function:none", Tags={"a": "b"})

    def test_who_may_not_come_in(self):
        keys = boto3.Session().get_credentials()
        self.refused("InvalidSignatureException", 403, client(aws_access_key_id=keys.access_key, aws_secret_access_key="wrong").list_functions)
        self.refused("UnrecognizedClientException", 403, client(aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key, aws_session_token="no token").list_functions)
        self.altered(lambda request: setattr(request, "body", request.body.replace(b'"b"', b'"c"')), "InvalidSignatureException")
        self.altered(lambda request: setattr(request, "url", request.url + "?tagKeys=a"), "InvalidSignatureException")

        def resign(minutes):
            """As if it had been signed so many minutes ago: what is sent again later is that."""
            when = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)
            with unittest.mock.patch("botocore.auth.datetime.datetime", wraps=datetime.datetime) as clock:
                clock.utcnow.return_value = when
                return client().list_functions()

        for minutes in (-4, 4):
            self.assertIn("Functions", resign(minutes))
        for minutes in (-6, 6, -60 * 24 * 365):
            self.refused("InvalidSignatureException", 403, resign, minutes=minutes)

    def test_wrong_keys(self):
        self.refused("UnrecognizedClientException", 403, client(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x").list_functions)


if __name__ == "__main__":
    unittest.main()
