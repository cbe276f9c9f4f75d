/* Configuration text with all its values: what was accepted must be accepted again in the form that is shown. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "conf/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(Problems) problems = problems_new();
    g_autoptr(Config) config = config_parse("/nonexistent/fuzz", (const char *)data, size, problems);
    if (config == NULL) {
        g_assert(problems_count(problems, PROBLEM_ERROR) > 0);
        return 0;
    }
    g_free(config_show(config, TRUE));
    g_autofree char *text = config_show(config, FALSE);
    g_autoptr(Problems) again = problems_new();
    g_autoptr(Config) same = config_parse("/nonexistent/fuzz", text, strlen(text), again);
    g_assert(same != NULL);
    g_auto(GStrv) differ = config_restart_needed(config, same);
    g_assert(*differ == NULL);
    return 0;
}
