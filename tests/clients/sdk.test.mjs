// The AWS SDK for JavaScript, unmodified, against `lambda serve`: every operation that is built, happy and unhappy. Environment: endpoint, stage (with node.zip, other.zip, layer.zip), clients (this directory), built (names of operations), AWS's variables.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { after, before, describe, test } from "node:test";
import * as aws from "@aws-sdk/client-lambda";

const { endpoint, stage, clients, built } = process.env;
const client = new aws.LambdaClient({ endpoint, maxAttempts: 1 });
const zip = fs.readFileSync(`${stage}/node.zip`);
const other = fs.readFileSync(`${stage}/other.zip`);
const call = (name, input = {}) => client.send(new aws[`${name}Command`](input));
const text = (bytes) => Buffer.from(bytes).toString();
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("base64");

/** The call fails with that error and status. */
async function fails(name, input, error, status) {
    await assert.rejects(call(name, input), (thrown) => {
        assert.equal(thrown.name, error, `${name}: ${thrown.name}: ${thrown.message}`);
        assert.equal(thrown.$metadata.httpStatusCode, status, `${name}: ${thrown.message}`);
        assert.ok(thrown.message.length > 0);
        assert.ok(thrown.$metadata.requestId);
        return true;
    });
}

const create = (FunctionName, handler = "echo", more = {}) =>
    call("CreateFunction", {
        FunctionName,
        Runtime: "nodejs20.x",
        Role: "arn:aws:iam::000000000000:role/any",
        Handler: `index.${handler}`,
        Code: { ZipFile: zip },
        MemorySize: 512,
        Timeout: 20,
        ...more,
    });

/** Does the answer have all that is expected? */
function has(answer, expected, where) {
    if (expected === null || typeof expected !== "object") return assert.deepEqual(answer, expected, where);
    if (Array.isArray(expected)) assert.equal(answer?.length, expected.length, where);
    for (const [name, value] of Object.entries(expected)) has(answer?.[name], value, `${where}.${name}`);
}

/** With the name of this client for $client, and files for @FILE. */
const filled = (value) =>
    JSON.parse(JSON.stringify(value).replaceAll("$client", "sdk"), (name, inner) =>
        typeof inner === "string" && inner.startsWith("@") ? fs.readFileSync(`${stage}/${inner.slice(1)}`) : inner);

describe("every operation", () => {
    const calls = JSON.parse(fs.readFileSync(`${clients}/calls.json`));
    const wrong = new aws.LambdaClient({ endpoint, maxAttempts: 1, credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x" } });
    const happy = new Set(["PutFunctionScalingConfig"]); // which needs a capacity provider
    const unhappy = new Set();
    for (const [name, input, status, expected, key] of calls)
        test(`${name} ${JSON.stringify(input).slice(0, 100)} ${status}`, async () => {
            const sent = (key ? wrong : client).send(new aws[`${name}Command`](filled(input)));
            if (typeof expected === "string") {
                await assert.rejects(sent, (thrown) => {
                    assert.equal(thrown.name, expected, thrown.message);
                    assert.equal(thrown.$metadata.httpStatusCode, status);
                    assert.ok(thrown.message.length > 0);
                    return true;
                });
                unhappy.add(name);
                return;
            }
            const answer = await sent;
            assert.equal(answer.$metadata.httpStatusCode, status);
            if (answer.Payload) answer.Payload = text(answer.Payload);
            has(answer, filled(expected), name);
            happy.add(name);
        });
    test("none is left out", () => {
        for (const name of built.split(" ")) assert.ok(happy.has(name) && unhappy.has(name), name);
    });
});

describe("functions", () => {
    let made;
    before(async () => (made = await create("echo", "echo", { Description: "says it again", Environment: { Variables: { COLOUR: "green" } }, Tags: { team: "blue" } })));
    after(() => call("DeleteFunction", { FunctionName: "echo" }));

    test("create answers with the configuration", () => {
        assert.equal(made.$metadata.httpStatusCode, 201);
        assert.equal(made.FunctionName, "echo");
        assert.equal(made.FunctionArn, "arn:aws:lambda:us-east-1:000000000000:function:echo");
        assert.equal(made.CodeSha256, sha256(zip));
        assert.equal(made.CodeSize, zip.length);
        assert.equal(made.Version, "$LATEST");
        assert.equal(made.PackageType, "Zip");
        assert.deepEqual(made.Environment, { Variables: { COLOUR: "green" } });
        assert.match(made.LastModified, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/);
        assert.match(made.RevisionId, /^[0-9a-f-]{36}$/);
    });
    test("waiters find it active", async () => {
        await aws.waitUntilFunctionActiveV2({ client, maxWaitTime: 10 }, { FunctionName: "echo" });
        await aws.waitUntilFunctionUpdatedV2({ client, maxWaitTime: 10 }, { FunctionName: "echo" });
        await aws.waitUntilFunctionExists({ client, maxWaitTime: 10 }, { FunctionName: "echo" });
    });
    test("get, by name, by ARN and by partial ARN", async () => {
        for (const FunctionName of ["echo", made.FunctionArn, "000000000000:function:echo", "echo:$LATEST"]) {
            const got = await call("GetFunction", { FunctionName });
            assert.equal(got.Configuration.FunctionName, "echo");
            assert.deepEqual(got.Tags, { team: "blue" });
        }
        assert.equal((await call("GetFunctionConfiguration", { FunctionName: "echo" })).Description, "says it again");
    });
    test("its package can be fetched", async () => {
        const { Location } = (await call("GetFunction", { FunctionName: "echo" })).Code;
        const answer = await fetch(Location);
        assert.equal(answer.headers.get("content-type"), "application/zip");
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), zip);
        assert.equal((await fetch(Location, { method: "HEAD" })).headers.get("content-length"), String(zip.length));
        const refused = await fetch(Location.replace(/Expires=\d/, "Expires=9"));
        assert.equal(refused.status, 403);
        assert.equal(refused.headers.get("x-amzn-errortype"), "AccessDeniedException");
    });
    test("update", async () => {
        const updated = await call("UpdateFunctionConfiguration", { FunctionName: "echo", Timeout: 7, Description: "" });
        assert.equal(updated.Timeout, 7);
        assert.notEqual(updated.RevisionId, made.RevisionId);
        await fails("UpdateFunctionConfiguration", { FunctionName: "echo", Timeout: 8, RevisionId: made.RevisionId }, "PreconditionFailedException", 412);
        const dry = await call("UpdateFunctionCode", { FunctionName: "echo", ZipFile: other, DryRun: true });
        assert.equal(dry.$metadata.httpStatusCode, 200);
        assert.equal(dry.CodeSha256, sha256(other));
        assert.equal((await call("GetFunction", { FunctionName: "echo" })).Configuration.CodeSha256, sha256(zip));
        const code = await call("UpdateFunctionCode", { FunctionName: "echo", ZipFile: other });
        assert.equal(code.CodeSha256, sha256(other));
        const answer = await call("Invoke", { FunctionName: "echo", Payload: "{}" });
        assert.equal(text(answer.Payload), '"other"');
        await call("UpdateFunctionCode", { FunctionName: "echo", ZipFile: zip });
    });
    test("lists come in pages", async () => {
        const names = [];
        for (let i = 0; i < 5; i++) await create(`page-${i}`);
        for await (const page of aws.paginateListFunctions({ client, pageSize: 2 }, {})) {
            assert.ok(page.Functions.length <= 2);
            names.push(...page.Functions.map((each) => each.FunctionName));
        }
        assert.equal(new Set(names).size, names.length);
        for (let i = 0; i < 5; i++) {
            assert.ok(names.includes(`page-${i}`));
            await call("DeleteFunction", { FunctionName: `page-${i}` });
        }
    });
    test("what is refused", async () => {
        await fails("GetFunction", { FunctionName: "none" }, "ResourceNotFoundException", 404);
        await fails("DeleteFunction", { FunctionName: "none" }, "ResourceNotFoundException", 404);
        await assert.rejects(create("echo"), { name: "ResourceConflictException" });
        await assert.rejects(create("no good name!"), { name: "ValidationException" });
        await assert.rejects(create("too-large", "echo", { MemorySize: 10241 }), { name: "ValidationException" });
        await assert.rejects(create("no-zip", "echo", { Code: { ZipFile: Buffer.from("no zip") } }), { name: /InvalidParameterValueException|InvalidZipFileException/ });
        await assert.rejects(create("no-runtime", "echo", { Runtime: "java21" }), { name: "InvalidParameterValueException" });
        await assert.rejects(create("from-s3", "echo", { Code: { S3Bucket: "bucket", S3Key: "key" } }), { name: "InvalidParameterValueException" });
    });
});

describe("versions and aliases", () => {
    before(() => create("many", "environment", { Environment: { Variables: { COLOUR: "one" } } }));
    after(() => call("DeleteFunction", { FunctionName: "many" }));
    test("from one to the next", async () => {
        const one = await call("PublishVersion", { FunctionName: "many", Description: "the first" });
        assert.equal(one.Version, "1");
        assert.equal(one.$metadata.httpStatusCode, 201);
        await call("UpdateFunctionConfiguration", { FunctionName: "many", Environment: { Variables: { COLOUR: "two" } } });
        const two = await call("PublishVersion", { FunctionName: "many" });
        assert.equal(two.Version, "2");
        const listed = await call("ListVersionsByFunction", { FunctionName: "many" });
        assert.deepEqual(listed.Versions.map((each) => each.Version), ["$LATEST", "1", "2"]);
        const alias = await call("CreateAlias", { FunctionName: "many", Name: "prod", FunctionVersion: "1", Description: "what runs" });
        assert.equal(alias.AliasArn, "arn:aws:lambda:us-east-1:000000000000:function:many:prod");
        assert.equal(text((await call("Invoke", { FunctionName: "many", Qualifier: "prod" })).Payload), '"one"');
        const moved = await call("UpdateAlias", { FunctionName: "many", Name: "prod", FunctionVersion: "2", RoutingConfig: { AdditionalVersionWeights: { 1: 0.25 } } });
        assert.deepEqual(moved.RoutingConfig, { AdditionalVersionWeights: { 1: 0.25 } });
        assert.equal((await call("GetAlias", { FunctionName: "many", Name: "prod" })).FunctionVersion, "2");
        assert.equal((await call("ListAliases", { FunctionName: "many" })).Aliases.length, 1);
        assert.equal((await call("ListAliases", { FunctionName: "many", FunctionVersion: "$LATEST" })).Aliases.length, 0);
        await fails("UpdateAlias", { FunctionName: "many", Name: "prod", FunctionVersion: "1", RevisionId: alias.RevisionId }, "PreconditionFailedException", 412);
        await fails("CreateAlias", { FunctionName: "many", Name: "prod", FunctionVersion: "1" }, "ResourceConflictException", 409);
        await fails("CreateAlias", { FunctionName: "many", Name: "new", FunctionVersion: "9" }, "ResourceNotFoundException", 404);
        await fails("GetAlias", { FunctionName: "many", Name: "none" }, "ResourceNotFoundException", 404);
        await fails("DeleteFunction", { FunctionName: "many", Qualifier: "1" }, "ResourceConflictException", 409);
        await call("DeleteAlias", { FunctionName: "many", Name: "prod" });
        await call("DeleteFunction", { FunctionName: "many", Qualifier: "1" });
    });
});

describe("invocation", () => {
    before(async () => {
        for (const handler of ["echo", "fail", "stream"]) await create(`i-${handler}`, handler);
    });
    after(async () => {
        for (const handler of ["echo", "fail", "stream"]) await call("DeleteFunction", { FunctionName: `i-${handler}` });
    });
    test("request and response", async () => {
        const answer = await call("Invoke", { FunctionName: "i-echo", Payload: '{"a":[1,2]}', LogType: "Tail" });
        assert.equal(answer.StatusCode, 200);
        assert.equal(answer.FunctionError, undefined);
        assert.equal(answer.ExecutedVersion, "$LATEST");
        assert.deepEqual(JSON.parse(text(answer.Payload)), { a: [1, 2] });
        assert.match(Buffer.from(answer.LogResult, "base64").toString(), /REPORT RequestId/);
    });
    test("a function error is no error of the call", async () => {
        const answer = await call("Invoke", { FunctionName: "i-fail" });
        assert.equal(answer.StatusCode, 200);
        assert.equal(answer.FunctionError, "Unhandled");
        const error = JSON.parse(text(answer.Payload));
        assert.equal(error.errorType, "TypeError");
        assert.equal(error.errorMessage, "as it was told to");
    });
    test("event and dry run", async () => {
        assert.equal((await call("Invoke", { FunctionName: "i-echo", InvocationType: "Event", Payload: "{}" })).StatusCode, 202);
        assert.equal((await call("Invoke", { FunctionName: "i-echo", InvocationType: "DryRun", Payload: "{}" })).StatusCode, 204);
        assert.equal((await call("InvokeAsync", { FunctionName: "i-echo", InvokeArgs: "{}" })).Status, 202);
    });
    test("in parts", async () => {
        const answer = await call("InvokeWithResponseStream", { FunctionName: "i-stream", Payload: "{}", LogType: "Tail" });
        let all = "";
        let complete;
        for await (const event of answer.EventStream) {
            if (event.PayloadChunk) all += text(event.PayloadChunk.Payload);
            if (event.InvokeComplete) complete = event.InvokeComplete;
        }
        assert.equal(all, "part 0\npart 1\npart 2\npart 3\npart 4\n");
        assert.ok(complete);
        assert.equal(complete.ErrorCode, undefined);
    });
    test("what is refused", async () => {
        await fails("Invoke", { FunctionName: "none" }, "ResourceNotFoundException", 404);
        await fails("Invoke", { FunctionName: "i-echo", Payload: "{no json" }, "InvalidRequestContentException", 400);
        await fails("Invoke", { FunctionName: "i-echo", Payload: `"${"x".repeat(6 * 1024 * 1024)}"` }, "RequestTooLargeException", 413);
        await fails("Invoke", { FunctionName: "i-echo", InvocationType: "Event", Payload: `"${"x".repeat(1024 * 1024)}"` }, "RequestTooLargeException", 413);
        await call("PutFunctionConcurrency", { FunctionName: "i-echo", ReservedConcurrentExecutions: 0 });
        await fails("Invoke", { FunctionName: "i-echo" }, "TooManyRequestsException", 429);
        await call("DeleteFunctionConcurrency", { FunctionName: "i-echo" });
    });
});

describe("settings of a function", () => {
    const FunctionName = "settings";
    before(async () => {
        await create(FunctionName);
        await call("PublishVersion", { FunctionName });
    });
    after(() => call("DeleteFunction", { FunctionName }));
    test("concurrency", async () => {
        assert.equal((await call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions: 5 })).ReservedConcurrentExecutions, 5);
        assert.equal((await call("GetFunctionConcurrency", { FunctionName })).ReservedConcurrentExecutions, 5);
        assert.equal((await call("DeleteFunctionConcurrency", { FunctionName })).$metadata.httpStatusCode, 204);
        const put = await call("PutProvisionedConcurrencyConfig", { FunctionName, Qualifier: "1", ProvisionedConcurrentExecutions: 1 });
        assert.equal(put.$metadata.httpStatusCode, 202);
        assert.equal((await call("GetProvisionedConcurrencyConfig", { FunctionName, Qualifier: "1" })).RequestedProvisionedConcurrentExecutions, 1);
        assert.equal((await call("ListProvisionedConcurrencyConfigs", { FunctionName })).ProvisionedConcurrencyConfigs.length, 1);
        await call("DeleteProvisionedConcurrencyConfig", { FunctionName, Qualifier: "1" });
        await fails("GetProvisionedConcurrencyConfig", { FunctionName, Qualifier: "1" }, "ProvisionedConcurrencyConfigNotFoundException", 404);
    });
    test("event invoke config", async () => {
        const put = await call("PutFunctionEventInvokeConfig", { FunctionName, MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60 });
        assert.ok(put.LastModified instanceof Date);
        assert.equal((await call("UpdateFunctionEventInvokeConfig", { FunctionName, MaximumRetryAttempts: 0 })).MaximumEventAgeInSeconds, 60);
        assert.equal((await call("GetFunctionEventInvokeConfig", { FunctionName })).MaximumRetryAttempts, 0);
        assert.equal((await call("ListFunctionEventInvokeConfigs", { FunctionName })).FunctionEventInvokeConfigs.length, 1);
        await call("DeleteFunctionEventInvokeConfig", { FunctionName });
        await fails("GetFunctionEventInvokeConfig", { FunctionName }, "ResourceNotFoundException", 404);
    });
    test("recursion, runtime management and scaling", async () => {
        assert.equal((await call("GetFunctionRecursionConfig", { FunctionName })).RecursiveLoop, "Terminate");
        assert.equal((await call("PutFunctionRecursionConfig", { FunctionName, RecursiveLoop: "Allow" })).RecursiveLoop, "Allow");
        assert.equal((await call("GetFunctionRecursionConfig", { FunctionName })).RecursiveLoop, "Allow");
        assert.equal((await call("GetRuntimeManagementConfig", { FunctionName })).UpdateRuntimeOn, "Auto");
        assert.equal((await call("PutRuntimeManagementConfig", { FunctionName, UpdateRuntimeOn: "FunctionUpdate" })).UpdateRuntimeOn, "FunctionUpdate");
    });
    test("tags", async () => {
        const Resource = `arn:aws:lambda:us-east-1:000000000000:function:${FunctionName}`;
        await call("TagResource", { Resource, Tags: { a: "1", b: "2", c: "3" } });
        await call("UntagResource", { Resource, TagKeys: ["a", "b"] });
        assert.deepEqual((await call("ListTags", { Resource })).Tags, { c: "3" });
    });
    test("permissions", async () => {
        const added = await call("AddPermission", { FunctionName, StatementId: "s3", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com", SourceArn: "arn:aws:s3:::bucket", SourceAccount: "000000000000" });
        const statement = JSON.parse(added.Statement);
        assert.equal(statement.Sid, "s3");
        assert.deepEqual(statement.Principal, { Service: "s3.amazonaws.com" });
        await fails("AddPermission", { FunctionName, StatementId: "s3", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" }, "ResourceConflictException", 409);
        const policy = await call("GetPolicy", { FunctionName });
        assert.equal(JSON.parse(policy.Policy).Statement.length, 1);
        await call("RemovePermission", { FunctionName, StatementId: "s3" });
        await fails("GetPolicy", { FunctionName }, "ResourceNotFoundException", 404);
        await fails("RemovePermission", { FunctionName, StatementId: "s3" }, "ResourceNotFoundException", 404);
    });
});

describe("layers", () => {
    const LayerName = "tables";
    test("from publish to delete", async () => {
        const published = await call("PublishLayerVersion", { LayerName, Content: { ZipFile: fs.readFileSync(`${stage}/layer.zip`) }, CompatibleRuntimes: ["nodejs20.x"], Description: "d" });
        assert.equal(published.Version, 1);
        assert.equal(published.LayerVersionArn, "arn:aws:lambda:us-east-1:000000000000:layer:tables:1");
        const { Content } = await call("GetLayerVersion", { LayerName, VersionNumber: 1 });
        assert.deepEqual(Buffer.from(await (await fetch(Content.Location)).arrayBuffer()), fs.readFileSync(`${stage}/layer.zip`));
        assert.equal((await call("GetLayerVersionByArn", { Arn: published.LayerVersionArn })).Version, 1);
        assert.equal((await call("ListLayers", {})).Layers.length, 1);
        assert.equal((await call("ListLayerVersions", { LayerName, CompatibleRuntime: "nodejs20.x" })).LayerVersions.length, 1);
        const added = await call("AddLayerVersionPermission", { LayerName, VersionNumber: 1, StatementId: "all", Action: "lambda:GetLayerVersion", Principal: "*" });
        assert.equal(JSON.parse(added.Statement).Sid, "all");
        assert.equal(JSON.parse((await call("GetLayerVersionPolicy", { LayerName, VersionNumber: 1 })).Policy).Statement.length, 1);
        await call("RemoveLayerVersionPermission", { LayerName, VersionNumber: 1, StatementId: "all" });
        const made = await create("with-layer", "echo", { Layers: [published.LayerVersionArn] });
        assert.deepEqual(made.Layers, [{ Arn: published.LayerVersionArn, CodeSize: published.Content.CodeSize }]);
        await call("DeleteFunction", { FunctionName: "with-layer" });
        assert.equal((await call("DeleteLayerVersion", { LayerName, VersionNumber: 1 })).$metadata.httpStatusCode, 204);
        await fails("GetLayerVersion", { LayerName, VersionNumber: 1 }, "ResourceNotFoundException", 404);
    });
});

describe("function URLs", () => {
    const FunctionName = "with-url";
    before(() => create(FunctionName, "hello"));
    after(() => call("DeleteFunction", { FunctionName }));
    test("from create to delete", async () => {
        const made = await call("CreateFunctionUrlConfig", { FunctionName, AuthType: "NONE", Cors: { AllowOrigins: ["https://example.com"], AllowMethods: ["GET"], MaxAge: 60 } });
        assert.equal(made.$metadata.httpStatusCode, 201);
        assert.match(made.FunctionUrl, /^http:\/\/[a-z0-9]{32}\.lambda-url\./);
        assert.equal((await call("GetFunctionUrlConfig", { FunctionName })).InvokeMode, "BUFFERED");
        assert.equal((await call("ListFunctionUrlConfigs", { FunctionName })).FunctionUrlConfigs.length, 1);
        await fails("CreateFunctionUrlConfig", { FunctionName, AuthType: "NONE" }, "ResourceConflictException", 409);
        const id = new URL(made.FunctionUrl).hostname.split(".")[0];
        const road = `${endpoint}/lambda-url/${id}/some/path?a=b`;
        assert.equal((await fetch(road)).status, 403);
        await call("AddPermission", { FunctionName, StatementId: "url", Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionUrlAuthType: "NONE" });
        await call("AddPermission", { FunctionName, StatementId: "function", Action: "lambda:InvokeFunction", Principal: "*", InvokedViaFunctionUrl: true });
        const answer = await fetch(road, { headers: { origin: "https://example.com" } });
        assert.equal(answer.status, 201);
        assert.equal(await answer.text(), "hello /some/path");
        assert.equal(answer.headers.get("access-control-allow-origin"), "https://example.com");
        assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
        await call("UpdateFunctionUrlConfig", { FunctionName, AuthType: "AWS_IAM" });
        assert.equal((await fetch(road)).status, 403);
        await call("DeleteFunctionUrlConfig", { FunctionName });
        await fails("GetFunctionUrlConfig", { FunctionName }, "ResourceNotFoundException", 404);
    });
});

describe("who may come in", () => {
    const with_keys = (credentials, more = {}) => new aws.LambdaClient({ endpoint, maxAttempts: 1, credentials, ...more });
    const list = new aws.ListFunctionsCommand({});
    test("an unknown key", () =>
        assert.rejects(with_keys({ accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "x" }).send(list), { name: "UnrecognizedClientException" }));
    test("a wrong secret", async () => {
        const { accessKeyId } = await client.config.credentials();
        await assert.rejects(with_keys({ accessKeyId, secretAccessKey: "wrong" }).send(list), { name: "InvalidSignatureException" });
    });
    test("an old date", async () => {
        const old = with_keys(await client.config.credentials(), { systemClockOffset: -3600 * 1000 });
        await assert.rejects(old.send(list), { name: "InvalidSignatureException" });
    });
    test("no signature", async () => {
        const answer = await fetch(`${endpoint}/2015-03-31/functions`);
        assert.equal(answer.status, 403);
        assert.equal(answer.headers.get("x-amzn-errortype"), "MissingAuthenticationTokenException");
    });
    test("an altered body", async () => {
        const altering = with_keys(await client.config.credentials());
        altering.middlewareStack.addRelativeTo((next) => (args) => next({ ...args, request: Object.assign(args.request, { body: Buffer.from(Buffer.from(args.request.body).toString().replace('"b"', '"c"')) }) }), { relation: "after", toMiddleware: "httpSigningMiddleware" });
        await assert.rejects(altering.send(new aws.TagResourceCommand({ Resource: "arn:aws:lambda:us-east-1:000000000000:function:none", Tags: { a: "b" } })), { name: "InvalidSignatureException" });
    });
});

test("account settings", async () => {
    const settings = await call("GetAccountSettings");
    assert.equal(settings.AccountLimit.ConcurrentExecutions, 1000);
    assert.ok(settings.AccountUsage.FunctionCount >= 0);
});

test("operations that are not built say so", async () => {
    for (const name of ["ListEventSourceMappings", "ListCodeSigningConfigs", "ListCapacityProviders"])
        await assert.rejects(call(name), (thrown) => thrown.$metadata.httpStatusCode === 501 && thrown.message.includes(name));
});
