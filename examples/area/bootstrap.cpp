// The function of area.c as a program in C++. An exception must not leave a handler: it becomes the function's error.
#include <exception>
#include <stdexcept>

#include <lambda/bootstrap.h>

namespace {

struct Rectangle {
    double length;
    double width;

    double area() const
    {
        if (length < 0 || width < 0) throw std::domain_error("a rectangle has no negative side");
        return length * width;
    }
};

lambda_status area(const lambda_event *event, lambda_context *context, lambda_response *response)
try {
    Rectangle rectangle{};
    lambda_status status =
        lambda_event_unpack(event, "{s:F, s:F}", "length", &rectangle.length, "width", &rectangle.width);
    if (status != LAMBDA_OK) return status;
    lambda_log(context, LAMBDA_LOG_INFO, "log group: %s", lambda_context_log_group_name(context));
    return lambda_response_pack(response, "{s:f}", "area", rectangle.area());
} catch (const std::exception &error) {
    return lambda_response_error(response, "std::exception", error.what());
}

} // namespace

int main()
{
    return lambda_bootstrap_run(area);
}
