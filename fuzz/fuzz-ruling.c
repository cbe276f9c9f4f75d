/* The value of a rule in the access map or in [verbs]: a verb with what came along, or a reply in its own
 * words. What was accepted has a code of the kind that the verb stands for. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/verb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *value = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    Ruling ruling = {0};

    if (!ruling_parse(value, &ruling, &error)) {
        g_assert(error != NULL);
        return 0;
    }
    g_assert(error == NULL && ruling.verb < VERB_COUNT);
    g_assert(ruling.code == 0 || ruling.code / 100 == (ruling.verb == VERB_TEMPFAIL ? 4 : 5));
    g_assert(isfinite(ruling.score));
    ruling_clear(&ruling);
    return 0;
}
