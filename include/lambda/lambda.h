/* libλ: AWS Lambda's model inside any program. This header includes the whole core but lambda/json.h, lambda/testing.h and the ports. */
#ifndef LAMBDA_LAMBDA_H
#define LAMBDA_LAMBDA_H

#include <lambda/alias.h>
#include <lambda/async.h>
#include <lambda/base.h>
#include <lambda/clock_virtual.h>
#include <lambda/code.h>
#include <lambda/concurrency.h>
#include <lambda/context.h>
#include <lambda/event.h>
#include <lambda/event_invoke_config.h>
#include <lambda/function.h>
#include <lambda/invoke.h>
#include <lambda/log.h>
#include <lambda/log_file.h>
#include <lambda/log_filter.h>
#include <lambda/log_ring.h>
#include <lambda/metrics.h>
#include <lambda/pump.h>
#include <lambda/response.h>
#include <lambda/response_reader.h>
#include <lambda/service.h>
#include <lambda/status.h>
#include <lambda/stream.h>
#include <lambda/trace.h>
#include <lambda/version.h>
#include <lambda/writer.h>

#endif
