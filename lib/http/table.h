/*
 * All operations of Lambda's API by name, as AWS's model of 2026-07-09 has them: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 *
 * BUILT(Name, name, method, path, status): lambda__op_name answers, lambda__members_name are what it takes.
 * SERVED(Name, name, method, path, status, kind): the server runs it itself, lambda__members_name are what it takes.
 * LATER(Name, name, method, path, status): status 501.
 */
/* clang-format off */
#define LAMBDA__OPERATIONS(BUILT, SERVED, LATER) \
    BUILT(AddLayerVersionPermission, add_layer_version_permission, "POST", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy", 201) \
    BUILT(AddPermission, add_permission, "POST", "/2015-03-31/functions/{FunctionName}/policy", 201) \
    LATER(CheckpointDurableExecution, checkpoint_durable_execution, "POST", "/2025-12-01/durable-executions/{DurableExecutionArn}/checkpoint", 200) \
    BUILT(CreateAlias, create_alias, "POST", "/2015-03-31/functions/{FunctionName}/aliases", 201) \
    LATER(CreateCapacityProvider, create_capacity_provider, "POST", "/2025-11-30/capacity-providers", 202) \
    LATER(CreateCodeSigningConfig, create_code_signing_config, "POST", "/2020-04-22/code-signing-configs", 201) \
    LATER(CreateEventSourceMapping, create_event_source_mapping, "POST", "/2015-03-31/event-source-mappings", 202) \
    BUILT(CreateFunction, create_function, "POST", "/2015-03-31/functions", 201) \
    BUILT(CreateFunctionUrlConfig, create_function_url_config, "POST", "/2021-10-31/functions/{FunctionName}/url", 201) \
    BUILT(DeleteAlias, delete_alias, "DELETE", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", 204) \
    LATER(DeleteCapacityProvider, delete_capacity_provider, "DELETE", "/2025-11-30/capacity-providers/{CapacityProviderName}", 202) \
    LATER(DeleteCodeSigningConfig, delete_code_signing_config, "DELETE", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}", 204) \
    LATER(DeleteEventSourceMapping, delete_event_source_mapping, "DELETE", "/2015-03-31/event-source-mappings/{UUID}", 202) \
    BUILT(DeleteFunction, delete_function, "DELETE", "/2015-03-31/functions/{FunctionName}", 200) \
    LATER(DeleteFunctionCodeSigningConfig, delete_function_code_signing_config, "DELETE", "/2020-06-30/functions/{FunctionName}/code-signing-config", 204) \
    BUILT(DeleteFunctionConcurrency, delete_function_concurrency, "DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", 204) \
    BUILT(DeleteFunctionEventInvokeConfig, delete_function_event_invoke_config, "DELETE", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 204) \
    BUILT(DeleteFunctionUrlConfig, delete_function_url_config, "DELETE", "/2021-10-31/functions/{FunctionName}/url", 204) \
    BUILT(DeleteLayerVersion, delete_layer_version, "DELETE", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}", 204) \
    BUILT(DeleteProvisionedConcurrencyConfig, delete_provisioned_concurrency_config, "DELETE", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", 204) \
    BUILT(DeleteResourcePolicy, delete_resource_policy, "DELETE", "/2026-07-09/resource-policy/{ResourceArn}", 204) \
    BUILT(GetAccountSettings, get_account_settings, "GET", "/2016-08-19/account-settings", 200) \
    BUILT(GetAlias, get_alias, "GET", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", 200) \
    LATER(GetCapacityProvider, get_capacity_provider, "GET", "/2025-11-30/capacity-providers/{CapacityProviderName}", 200) \
    LATER(GetCodeSigningConfig, get_code_signing_config, "GET", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}", 200) \
    LATER(GetDurableExecution, get_durable_execution, "GET", "/2025-12-01/durable-executions/{DurableExecutionArn}", 200) \
    LATER(GetDurableExecutionHistory, get_durable_execution_history, "GET", "/2025-12-01/durable-executions/{DurableExecutionArn}/history", 200) \
    LATER(GetDurableExecutionState, get_durable_execution_state, "GET", "/2025-12-01/durable-executions/{DurableExecutionArn}/state", 200) \
    LATER(GetEventSourceMapping, get_event_source_mapping, "GET", "/2015-03-31/event-source-mappings/{UUID}", 200) \
    BUILT(GetFunction, get_function, "GET", "/2015-03-31/functions/{FunctionName}", 200) \
    BUILT(GetFunctionCodeSigningConfig, get_function_code_signing_config, "GET", "/2020-06-30/functions/{FunctionName}/code-signing-config", 200) \
    BUILT(GetFunctionConcurrency, get_function_concurrency, "GET", "/2019-09-30/functions/{FunctionName}/concurrency", 200) \
    BUILT(GetFunctionConfiguration, get_function_configuration, "GET", "/2015-03-31/functions/{FunctionName}/configuration", 200) \
    BUILT(GetFunctionEventInvokeConfig, get_function_event_invoke_config, "GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 200) \
    BUILT(GetFunctionRecursionConfig, get_function_recursion_config, "GET", "/2024-08-31/functions/{FunctionName}/recursion-config", 200) \
    BUILT(GetFunctionScalingConfig, get_function_scaling_config, "GET", "/2025-11-30/functions/{FunctionName}/function-scaling-config", 200) \
    BUILT(GetFunctionUrlConfig, get_function_url_config, "GET", "/2021-10-31/functions/{FunctionName}/url", 200) \
    BUILT(GetLayerVersion, get_layer_version, "GET", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}", 200) \
    BUILT(GetLayerVersionByArn, get_layer_version_by_arn, "GET", "/2018-10-31/layers?find=LayerVersion", 200) \
    BUILT(GetLayerVersionPolicy, get_layer_version_policy, "GET", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy", 200) \
    BUILT(GetPolicy, get_policy, "GET", "/2015-03-31/functions/{FunctionName}/policy", 200) \
    BUILT(GetProvisionedConcurrencyConfig, get_provisioned_concurrency_config, "GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", 200) \
    BUILT(GetResourcePolicy, get_resource_policy, "GET", "/2026-07-09/resource-policy/{ResourceArn}", 200) \
    BUILT(GetRuntimeManagementConfig, get_runtime_management_config, "GET", "/2021-07-20/functions/{FunctionName}/runtime-management-config", 200) \
    SERVED(Invoke, invoke, "POST", "/2015-03-31/functions/{FunctionName}/invocations", 200, LAMBDA__KIND_INVOKE) \
    SERVED(InvokeAsync, invoke_async, "POST", "/2014-11-13/functions/{FunctionName}/invoke-async", 202, LAMBDA__KIND_INVOKE_ASYNC) \
    SERVED(InvokeWithResponseStream, invoke_with_response_stream, "POST", "/2021-11-15/functions/{FunctionName}/response-streaming-invocations", 200, LAMBDA__KIND_INVOKE_STREAM) \
    BUILT(ListAliases, list_aliases, "GET", "/2015-03-31/functions/{FunctionName}/aliases", 200) \
    LATER(ListCapacityProviders, list_capacity_providers, "GET", "/2025-11-30/capacity-providers", 200) \
    LATER(ListCodeSigningConfigs, list_code_signing_configs, "GET", "/2020-04-22/code-signing-configs", 200) \
    LATER(ListDurableExecutionsByFunction, list_durable_executions_by_function, "GET", "/2025-12-01/functions/{FunctionName}/durable-executions", 200) \
    LATER(ListEventSourceMappings, list_event_source_mappings, "GET", "/2015-03-31/event-source-mappings", 200) \
    BUILT(ListFunctionEventInvokeConfigs, list_function_event_invoke_configs, "GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config/list", 200) \
    BUILT(ListFunctionUrlConfigs, list_function_url_configs, "GET", "/2021-10-31/functions/{FunctionName}/urls", 200) \
    LATER(ListFunctionVersionsByCapacityProvider, list_function_versions_by_capacity_provider, "GET", "/2025-11-30/capacity-providers/{CapacityProviderName}/function-versions", 200) \
    BUILT(ListFunctions, list_functions, "GET", "/2015-03-31/functions", 200) \
    LATER(ListFunctionsByCodeSigningConfig, list_functions_by_code_signing_config, "GET", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}/functions", 200) \
    BUILT(ListLayerVersions, list_layer_versions, "GET", "/2018-10-31/layers/{LayerName}/versions", 200) \
    BUILT(ListLayers, list_layers, "GET", "/2018-10-31/layers", 200) \
    BUILT(ListProvisionedConcurrencyConfigs, list_provisioned_concurrency_configs, "GET", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL", 200) \
    BUILT(ListTags, list_tags, "GET", "/2017-03-31/tags/{Resource}", 200) \
    BUILT(ListVersionsByFunction, list_versions_by_function, "GET", "/2015-03-31/functions/{FunctionName}/versions", 200) \
    BUILT(PublishLayerVersion, publish_layer_version, "POST", "/2018-10-31/layers/{LayerName}/versions", 201) \
    BUILT(PublishVersion, publish_version, "POST", "/2015-03-31/functions/{FunctionName}/versions", 201) \
    LATER(PutFunctionCodeSigningConfig, put_function_code_signing_config, "PUT", "/2020-06-30/functions/{FunctionName}/code-signing-config", 200) \
    BUILT(PutFunctionConcurrency, put_function_concurrency, "PUT", "/2017-10-31/functions/{FunctionName}/concurrency", 200) \
    BUILT(PutFunctionEventInvokeConfig, put_function_event_invoke_config, "PUT", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 200) \
    BUILT(PutFunctionRecursionConfig, put_function_recursion_config, "PUT", "/2024-08-31/functions/{FunctionName}/recursion-config", 200) \
    BUILT(PutFunctionScalingConfig, put_function_scaling_config, "PUT", "/2025-11-30/functions/{FunctionName}/function-scaling-config", 202) \
    BUILT(PutProvisionedConcurrencyConfig, put_provisioned_concurrency_config, "PUT", "/2019-09-30/functions/{FunctionName}/provisioned-concurrency", 202) \
    BUILT(PutResourcePolicy, put_resource_policy, "PUT", "/2026-07-09/resource-policy/{ResourceArn}", 200) \
    BUILT(PutRuntimeManagementConfig, put_runtime_management_config, "PUT", "/2021-07-20/functions/{FunctionName}/runtime-management-config", 200) \
    BUILT(RemoveLayerVersionPermission, remove_layer_version_permission, "DELETE", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId}", 204) \
    BUILT(RemovePermission, remove_permission, "DELETE", "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", 204) \
    LATER(SendDurableExecutionCallbackFailure, send_durable_execution_callback_failure, "POST", "/2025-12-01/durable-execution-callbacks/{CallbackId}/fail", 200) \
    LATER(SendDurableExecutionCallbackHeartbeat, send_durable_execution_callback_heartbeat, "POST", "/2025-12-01/durable-execution-callbacks/{CallbackId}/heartbeat", 200) \
    LATER(SendDurableExecutionCallbackSuccess, send_durable_execution_callback_success, "POST", "/2025-12-01/durable-execution-callbacks/{CallbackId}/succeed", 200) \
    LATER(StopDurableExecution, stop_durable_execution, "POST", "/2025-12-01/durable-executions/{DurableExecutionArn}/stop", 200) \
    BUILT(TagResource, tag_resource, "POST", "/2017-03-31/tags/{Resource}", 204) \
    BUILT(UntagResource, untag_resource, "DELETE", "/2017-03-31/tags/{Resource}", 204) \
    BUILT(UpdateAlias, update_alias, "PUT", "/2015-03-31/functions/{FunctionName}/aliases/{Name}", 200) \
    LATER(UpdateCapacityProvider, update_capacity_provider, "PUT", "/2025-11-30/capacity-providers/{CapacityProviderName}", 202) \
    LATER(UpdateCodeSigningConfig, update_code_signing_config, "PUT", "/2020-04-22/code-signing-configs/{CodeSigningConfigArn}", 200) \
    LATER(UpdateEventSourceMapping, update_event_source_mapping, "PUT", "/2015-03-31/event-source-mappings/{UUID}", 202) \
    BUILT(UpdateFunctionCode, update_function_code, "PUT", "/2015-03-31/functions/{FunctionName}/code", 200) \
    BUILT(UpdateFunctionConfiguration, update_function_configuration, "PUT", "/2015-03-31/functions/{FunctionName}/configuration", 200) \
    BUILT(UpdateFunctionEventInvokeConfig, update_function_event_invoke_config, "POST", "/2019-09-25/functions/{FunctionName}/event-invoke-config", 200) \
    BUILT(UpdateFunctionUrlConfig, update_function_url_config, "PUT", "/2021-10-31/functions/{FunctionName}/url", 200)
/* clang-format on */
