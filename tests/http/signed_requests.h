/*
 * Requests as these clients made them on 30 August 2015 at 12:36:00 UTC, by their clocks: botocore 1.29.27, AWS's SDK for JavaScript 3.1163.0 and its signer, curl 7.88.1. Key AKIDEXAMPLE, secret
 * wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY, region us-east-1.
 */
#ifndef LAMBDA_TESTS_HTTP_SIGNED_REQUESTS_H
#define LAMBDA_TESTS_HTTP_SIGNED_REQUESTS_H

#include "signature.h"

typedef struct client_request {
    const char *name;
    const char *method;
    const char *path;
    const char *query;
    lambda__header headers[16];
    const char *body;
    const char *token; /* of the session; NULL: none */
} client_request;

static const client_request CLIENT_REQUESTS[] = {
    {.name = "botocore ListFunctions",
     .method = "GET",
     .path = "/2015-03-31/functions/",
     .query = "MaxItems=10&Marker=a%2Fb%2Bc%20d%3D",
     .headers =
         {{"Host", "127.0.0.1:9000"},
          {"X-Amz-Date", "20150830T123600Z"},
          {"Authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=host;x-amz-date, Signature=600bcef4b2aaa02b108ac146fe6083013873c9e528a0a806332b2785aef40413"},
          {"amz-sdk-invocation-id", "8360befb-0389-490b-8fef-58f787afdcc2"},
          {"amz-sdk-request", "attempt=1"}},
     .body = "",
     .token = NULL},
    {.name = "botocore Invoke by ARN",
     .method = "POST",
     .path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aarea/invocations",
     .query = "Qualifier=%24LATEST",
     .headers =
         {{"Host", "127.0.0.1:9000"},
          {"X-Amz-Date", "20150830T123600Z"},
          {"Authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=host;x-amz-date, Signature=1e1cbb5279543294ed2d3c42d6f2b1a18c68ecc1aacc58a2386832fdb9d05d53"},
          {"amz-sdk-invocation-id", "a678e8f4-a551-494d-a774-b0d8cdd89241"},
          {"amz-sdk-request", "attempt=1"}},
     .body = "{\"x\": 2}",
     .token = NULL},
    {.name = "botocore UntagResource",
     .method = "DELETE",
     .path = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aarea",
     .query = "tagKeys=b&tagKeys=a%20b&tagKeys=a&tagKeys=Z~",
     .headers =
         {{"Host", "127.0.0.1:9000"},
          {"X-Amz-Date", "20150830T123600Z"},
          {"Authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=host;x-amz-date, Signature=ab99468b025a65d257a4ae1b2da565289cc3541ccbcc4119a8a4a972b37c8f88"},
          {"amz-sdk-invocation-id", "999a1ed5-7e5e-480a-a37c-e7ae52d50573"},
          {"amz-sdk-request", "attempt=1"}},
     .body = "",
     .token = NULL},
    {.name = "botocore CreateFunction",
     .method = "POST",
     .path = "/2015-03-31/functions",
     .query = "",
     .headers = {{"Host", "127.0.0.1:9000"},
                 {"Content-Type", "application/json"},
                 {"X-Amz-Date", "20150830T123600Z"},
                 {"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                                   "SignedHeaders=content-type;host;x-amz-date, "
                                   "Signature=8e884d3c83cecf1f77674afc1e9e393369d38dda10a51bb1d1f1c2f12a762aaa"},
                 {"amz-sdk-invocation-id", "ac752859-60f0-4d1f-a520-c8e66e611a77"},
                 {"amz-sdk-request", "attempt=1"}},
     .body = "{\"FunctionName\": \"area\", \"Runtime\": \"provided.al2023\", \"Role\": "
             "\"arn:aws:iam::000000000000:role/r\", \"Code\": {\"ZipFile\": \"emlwIQ==\"}, \"Description\": \"\\u00e4 "
             "\\u03bb\", \"Handler\": \"h\"}",
     .token = NULL},
    {.name = "botocore with a session token",
     .method = "GET",
     .path = "/2016-08-19/account-settings/",
     .query = "",
     .headers = {{"Host", "127.0.0.1:9000"},
                 {"X-Amz-Security-Token", "IQoJb3JpZ2luX2VjE+/="},
                 {"X-Amz-Date", "20150830T123600Z"},
                 {"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                                   "SignedHeaders=host;x-amz-date;x-amz-security-token, "
                                   "Signature=97e32116d9e64c8115111be3c386a0191cbdbfd569634cdb2ab5df82cc397cc3"},
                 {"amz-sdk-invocation-id", "5aaf1131-941b-4963-b352-833741a6375b"},
                 {"amz-sdk-request", "attempt=1"}},
     .body = "",
     .token = "IQoJb3JpZ2luX2VjE+/="},
    {.name = "botocore InvokeAsync",
     .method = "POST",
     .path = "/2015-03-31/functions/area/invocations",
     .query = "",
     .headers = {{"Host", "127.0.0.1:9000"},
                 {"X-Amz-Invocation-Type", "Event"},
                 {"X-Amz-Client-Context", "eyJhIjoxfQ=="},
                 {"X-Amz-Date", "20150830T123600Z"},
                 {"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                                   "SignedHeaders=host;x-amz-client-context;x-amz-date;x-amz-invocation-type, "
                                   "Signature=f4e4b5ffb4fbd9e4359b8402a99fb9bfaa1d016ef848ae737e61f3f77f305d4b"},
                 {"amz-sdk-invocation-id", "223cf629-6aa5-49bb-8335-8fdd0ecf67e7"},
                 {"amz-sdk-request", "attempt=1"}},
     .body = "[]",
     .token = NULL},
    {.name = "botocore with a header Date",
     .method = "GET",
     .path = "/2015-03-31/functions/",
     .query = "",
     .headers = {{"Host", "127.0.0.1:9000"},
                 {"Date", "x"},
                 {"X-Amz-Date", "20150830T123600Z"},
                 {"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                                   "SignedHeaders=date;host;x-amz-date, "
                                   "Signature=e135a686f6315034aafaf63c86892d4f5b53800c3936cad31ba861e048fefd59"},
                 {"amz-sdk-invocation-id", "3bfa5178-a66c-4a94-af1e-2ec4784d5b19"},
                 {"amz-sdk-request", "attempt=1"}},
     .body = "",
     .token = NULL},
    {.name = "botocore presigned",
     .method = "GET",
     .path = "/2015-03-31/functions/",
     .query = "MaxItems=5&Marker=x%20y%2Fz&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%"
              "2Fus-east-1%2Flambda%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires="
              "900&X-Amz-Signature=537fde6e54b1c1b40708a563be3d74a0bebfebf7dbf30a915f551ef8549b5f0f",
     .headers = {{"Host", "127.0.0.1:9000"}},
     .body = "",
     .token = NULL},
    {.name = "botocore presigned with a session token",
     .method = "GET",
     .path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aarea",
     .query =
         "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Flambda%2Faws4_request&"
         "X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=604800&X-Amz-Security-Token="
         "IQoJb3JpZ2luX2VjE%2B%2F%3D&X-Amz-Signature=8d6923de71613c3016f6285cd843b40f86b07b27131bafad61b492a87957538c",
     .headers = {{"Host", "127.0.0.1:9000"}},
     .body = "",
     .token = "IQoJb3JpZ2luX2VjE+/="},
    {.name = "JavaScript SDK ListFunctions",
     .method = "GET",
     .path = "/2015-03-31/functions",
     .query = "Marker=a%2Fb%2Bc%20d%3D&MaxItems=10",
     .headers = {{"x-amz-user-agent", "aws-sdk-js/3.1163.0"},
                 {"host", "127.0.0.1:9000"},
                 {"amz-sdk-invocation-id", "b3b565d9-f0de-4de6-8dbd-f3ab66f82f49"},
                 {"amz-sdk-request", "attempt=1; max=3"},
                 {"x-amz-date", "20150830T123600Z"},
                 {"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                 {"authorization",
                  "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                  "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;host;x-amz-content-sha256;x-amz-date;x-amz-user-"
                  "agent, Signature=3276c03850b8bc06bf19aec2ca945258c95497f3a03f7f3911a950073a61f727"}},
     .body = "",
     .token = NULL},
    {.name = "JavaScript SDK Invoke by ARN",
     .method = "POST",
     .path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aarea/invocations",
     .query = "Qualifier=%24LATEST",
     .headers =
         {{"content-type", "application/octet-stream"},
          {"content-length", "8"},
          {"x-amz-user-agent", "aws-sdk-js/3.1163.0"},
          {"host", "127.0.0.1:9000"},
          {"amz-sdk-invocation-id", "aab4c6fc-0830-4331-826f-f3a77db6cd05"},
          {"amz-sdk-request", "attempt=1; max=3"},
          {"x-amz-date", "20150830T123600Z"},
          {"x-amz-content-sha256", "24f572600e150d3230138385aa0006ca1b993b46bb427f746cc690c98d932413"},
          {"authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-sha256;"
           "x-amz-date;x-amz-user-agent, Signature=2898398e9fadf9e9bb53a4408f0a6a420cee4ec1edeaddee277c56464d617db0"}},
     .body = "{\"x\": 2}",
     .token = NULL},
    {.name = "JavaScript SDK UntagResource",
     .method = "DELETE",
     .path = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aarea",
     .query = "tagKeys=b&tagKeys=a%20b&tagKeys=a&tagKeys=Z~&tagKeys=%21%27%28%29%2A",
     .headers = {{"x-amz-user-agent", "aws-sdk-js/3.1163.0"},
                 {"host", "127.0.0.1:9000"},
                 {"amz-sdk-invocation-id", "efdec7dd-b4cb-4f18-8c1b-fa62e0b2298d"},
                 {"amz-sdk-request", "attempt=1; max=3"},
                 {"x-amz-date", "20150830T123600Z"},
                 {"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                 {"authorization",
                  "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                  "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;host;x-amz-content-sha256;x-amz-date;x-amz-user-"
                  "agent, Signature=d9a731e138021f9c5aef34bc899c4bfe03c010e91d5c0cfbc5832c9c707f41a5"}},
     .body = "",
     .token = NULL},
    {.name = "JavaScript SDK CreateFunction",
     .method = "POST",
     .path = "/2015-03-31/functions",
     .query = "",
     .headers =
         {{"content-type", "application/json"},
          {"content-length", "159"},
          {"x-amz-user-agent", "aws-sdk-js/3.1163.0"},
          {"host", "127.0.0.1:9000"},
          {"amz-sdk-invocation-id", "af412f91-6d80-4561-a198-4f86c8b1b5b0"},
          {"amz-sdk-request", "attempt=1; max=3"},
          {"x-amz-date", "20150830T123600Z"},
          {"x-amz-content-sha256", "a8623f7e16f013b6b88901f0a3dd2f90fd6d9ac9b18fa180f8259a21fc917a45"},
          {"authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-sha256;"
           "x-amz-date;x-amz-user-agent, Signature=6b0832eb8fa0445867d2af503b4b6195d27a93d2fcd109f52a62809bd272ac32"}},
     .body = "{\"FunctionName\":\"area\",\"Role\":\"arn:aws:iam::000000000000:role/"
             "r\",\"Code\":{\"ZipFile\":\"emlwIQ==\"},\"Runtime\":\"provided.al2023\",\"Handler\":\"h\","
             "\"Description\":\"\303\244 \316\273\"}",
     .token = NULL},
    {.name = "JavaScript SDK with a session token",
     .method = "GET",
     .path = "/2016-08-19/account-settings",
     .query = "",
     .headers =
         {{"x-amz-user-agent", "aws-sdk-js/3.1163.0"},
          {"host", "127.0.0.1:9000"},
          {"amz-sdk-invocation-id", "79d3b99f-248b-4aac-81b8-cb663f0afa11"},
          {"amz-sdk-request", "attempt=1; max=3"},
          {"x-amz-date", "20150830T123600Z"},
          {"x-amz-security-token", "IQoJb3JpZ2luX2VjE+/="},
          {"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
          {"authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;host;x-amz-content-sha256;x-amz-date;x-amz-security-"
           "token;x-amz-user-agent, Signature=49e1bbc3d5cce46c4d67e1b23d5aa1918c58f63313a61af3e344b556ab396de8"}},
     .body = "",
     .token = "IQoJb3JpZ2luX2VjE+/="},
    {.name = "JavaScript signer presigned",
     .method = "GET",
     .path = "/2015-03-31/functions/",
     .query = "MaxItems=5&Marker=x%20y%2Fz&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%"
              "2Fus-east-1%2Flambda%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-SignedHeaders="
              "host&X-Amz-Signature=537fde6e54b1c1b40708a563be3d74a0bebfebf7dbf30a915f551ef8549b5f0f",
     .headers = {{"host", "127.0.0.1:9000"}},
     .body = "",
     .token = NULL},
    {.name = "JavaScript signer presigned with a payload not signed",
     .method = "GET",
     .path = "/2015-03-31/functions/",
     .query = "x-amz-content-sha256=UNSIGNED-PAYLOAD&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%"
              "2F20150830%2Fus-east-1%2Flambda%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=900&X-Amz-"
              "SignedHeaders=host&X-Amz-Signature=160d05a82fd0614af7f01af057cdf260d36dac321aba96ad21f84fd83b929b7f",
     .headers = {{"host", "127.0.0.1:9000"}},
     .body = "",
     .token = NULL},
    {.name = "JavaScript signer with dots and slashes",
     .method = "POST",
     .path = "/a//b/./c/../d%20e/",
     .query = "",
     .headers = {{"host", "127.0.0.1:9000"},
                 {"x-amz-date", "20150830T123600Z"},
                 {"x-amz-content-sha256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
                 {"authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                                   "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                                   "Signature=990569cf88f205fe1ad56cea23a4afcdac2352786beedbcac2851ce895a77080"}},
     .body = "x",
     .token = NULL},
    {.name = "JavaScript signer with what is encoded",
     .method = "POST",
     .path = "/%CE%BB/a%2Fb%3Ac",
     .query = "a=2&a=1&a-b=3&%CE%BB=%2B",
     .headers = {{"host", "127.0.0.1:9000"},
                 {"x-custom", "  a   b  "},
                 {"x-amz-date", "20150830T123600Z"},
                 {"x-amz-content-sha256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},
                 {"authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
                                   "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-custom, "
                                   "Signature=75bbd02c9346a2a22852c04bc94ae07b7091d5a6c8eb821e48863b2f1a596eb3"}},
     .body = "x",
     .token = NULL},
    {.name = "curl GET",
     .method = "GET",
     .path = "/2015-03-31/functions/",
     .query = "MaxItems=10&Marker=a%2Fb",
     .headers =
         {{"Host", "127.0.0.1:9731"},
          {"Authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=host;x-amz-date, Signature=bd0a475d206ddf80f18ba1ff9e4753edd296a89e04e232373869f7e0a4c4d8ff"},
          {"X-Amz-Date", "20150830T123600Z"}},
     .body = "",
     .token = NULL},
    {.name = "curl Invoke by ARN",
     .method = "POST",
     .path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aarea/invocations",
     .query = "Qualifier=%24LATEST",
     .headers =
         {{"Host", "127.0.0.1:9731"},
          {"Authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=host;x-amz-date, Signature=45f246954d0099e769de95bd3062bf40e680754826595538c8fd1cc60e0e76e2"},
          {"X-Amz-Date", "20150830T123600Z"},
          {"Content-Length", "8"},
          {"Content-Type", "application/x-www-form-urlencoded"}},
     .body = "{\"x\": 2}",
     .token = NULL},
    {.name = "curl Invoke by ARN not encoded",
     .method = "POST",
     .path = "/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:area/invocations",
     .query = "",
     .headers =
         {{"Host", "127.0.0.1:9731"},
          {"Authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request, "
           "SignedHeaders=host;x-amz-date, Signature=f5a6c9515430d87a548c243be6da763f6dd9f4708df1e02c3b9f53cf57ceefe6"},
          {"X-Amz-Date", "20150830T123600Z"},
          {"Content-Length", "8"},
          {"Content-Type", "application/x-www-form-urlencoded"}},
     .body = "{\"x\": 2}",
     .token = NULL},
};

#endif
