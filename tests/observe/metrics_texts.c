/* metrics_texts prometheus|openmetrics|emf|emf_since: prints the scene's metrics, for metrics_check.py and for the files in golden/. */
#include "metrics_scene.h"

int main(int argc, char **argv)
{
    static scene s;
    const char *format = argc > 1 ? argv[1] : "";
    lambda_status status = LAMBDA_ERROR_INVALID_PARAMETER_VALUE;
    scene_open(&s, (lambda_options){0});
    scene_play(&s);
    if (strcmp(format, "prometheus") == 0)
        status = lambda_metrics_write_prometheus(s.second, lambda_write_to_file, stdout);
    else if (strcmp(format, "openmetrics") == 0)
        status = lambda_metrics_write_openmetrics(s.second, lambda_write_to_file, stdout);
    else if (strcmp(format, "emf") == 0)
        status = lambda_metrics_write_emf(s.second, NULL, NULL, lambda_write_to_file, stdout);
    else if (strcmp(format, "emf_since") == 0)
        status = lambda_metrics_write_emf(s.second, s.first, NULL, lambda_write_to_file, stdout);
    scene_close(&s);
    return status == LAMBDA_OK ? 0 : 1;
}
