/* Marks of others: none is ours, nor broken in another way for another sender; one of ours verifies, and not once it is changed. */
#include <postern/xsig.h>

#include <stdint.h>
#include <string.h>

#define NOW 1767614400
#define AGE (21 * 86400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const secrets[] = {"new", "old", NULL};

/* The first line is the mark, the second the sender. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 3);
    const char *given = lines[0] ? lines[0] : "", *sender = lines[0] && lines[1] ? lines[1] : "";
    IpAddress ip;
    g_assert(ip_parse("192.0.2.1", &ip));
    SrsStatus status = xsig_verify(secrets, given, sender, &ip, NOW, AGE);
    g_assert(status != SRS_VALID && status != SRS_EXPIRED); /* nobody guesses 120 bits */
    g_assert((status == SRS_UNTAGGED) == (*given == '\0'));
    g_autofree char *ours = xsig_make(secrets, sender, &ip, NOW);
    g_assert(!ours == !*sender);
    if (!ours)
        return 0;
    g_assert(strlen(ours) < XSIG_MAX);
    g_assert(xsig_verify(secrets, ours, sender, &ip, NOW, AGE) == SRS_VALID);
    ours[size % 20] ^= 1; /* in the hash, another character at least */
    g_assert(xsig_verify(secrets, ours, sender, &ip, NOW, AGE) != SRS_VALID);
    return 0;
}
