/* What it costs: requests and GB-seconds, as Lambda bills them (https://aws.amazon.com/lambda/pricing/). */
#include <lambda/metrics.h>

#include <math.h>
#include <string.h>

#include "base/error.h"

#define INVALID LAMBDA_ERROR_INVALID_PARAMETER_VALUE

/** A GB is 1,024 MB; a second 1,000 ms. */
static double gb_seconds(uint64_t mb_ms)
{
    return (double)mb_ms / (1024.0 * 1000.0);
}

static lambda_status check(const lambda_price_table *prices)
{
    const struct {
        const char *name;
        double price;
    } all[] = {{"per_request", prices->per_request},
               {"per_gb_second", prices->per_gb_second},
               {"per_provisioned_gb_second", prices->per_provisioned_gb_second}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!isfinite(all[i].price) || all[i].price < 0)
            return lambda__fail(NULL, INVALID, "%s: is no price", all[i].name);
    const lambda_billing *billing = NULL;
    if (prices->currency && strnlen(prices->currency, sizeof(billing->currency)) == sizeof(billing->currency))
        return lambda__fail(NULL, INVALID, "currency: is longer than %zu bytes", sizeof(billing->currency) - 1);
    return LAMBDA_OK;
}

lambda_status lambda_billing_summarize_sized(const lambda_metrics *metrics, const char *function_name,
                                             const lambda_price_table *given, size_t given_size,
                                             lambda_billing *billing, size_t billing_size)
{
    lambda_price_table prices = LAMBDA_ZERO;
    if (!metrics || !given || !billing)
        return lambda__fail(NULL, INVALID, "%s: is NULL", !metrics ? "metrics" : !given ? "prices" : "billing");
    memcpy(&prices, given, given_size < sizeof(prices) ? given_size : sizeof(prices));
    lambda_status status = check(&prices);
    if (status != LAMBDA_OK) return status;
    lambda_billing made = LAMBDA_ZERO;
    const lambda_metrics_series *series =
        function_name ? lambda_metrics_function(metrics, function_name) : &metrics->total;
    if (prices.currency) memcpy(made.currency, prices.currency, strlen(prices.currency) + 1);
    if (series) {
        made.requests = series->invocations;
        made.billed_duration_ms = series->billed_duration_ms;
        made.provisioned_gb_seconds = gb_seconds(series->provisioned_billed_mb_ms);
        /* The two are read one after the other, while invocations are counted in both. */
        if (series->billed_mb_ms > series->provisioned_billed_mb_ms)
            made.gb_seconds = gb_seconds(series->billed_mb_ms - series->provisioned_billed_mb_ms);
    }
    made.request_cost = (double)made.requests * prices.per_request;
    made.duration_cost = made.gb_seconds * prices.per_gb_second;
    made.duration_cost += made.provisioned_gb_seconds * prices.per_provisioned_gb_second;
    made.cost = made.request_cost + made.duration_cost;
    memset(billing, 0, billing_size);
    memcpy(billing, &made, billing_size < sizeof(made) ? billing_size : sizeof(made));
    return LAMBDA_OK;
}
