/* What the doctor reads of main.cf, master.cf, sendmail.cf and sendmail.mc: tolerant of anything, and never for long. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "app/mta-files.h"

#define VALUE_SOME (1u << 20) /* a value that is longer has had no limit */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_main(const char *text)
{
    g_autoptr(GHashTable) values = postfix_parse(text);
    GHashTableIter each;
    void *name;
    g_hash_table_iter_init(&each, values);
    while (g_hash_table_iter_next(&each, &name, NULL)) {
        g_autofree char *value = postfix_value(values, name, "");
        g_assert(strlen(value) < VALUE_SOME);
        g_auto(GStrv) milters = postfix_milters(value);
        for (char **milter = milters; *milter; milter++)
            g_assert(**milter != '\0');
        g_assert(mta_seconds(value, 1) >= -1);
    }
}

static void try_master(const char *text)
{
    for (int chroot = 0; chroot < 2; chroot++) {
        PostfixServices services = postfix_services(text, chroot);
        g_assert(!services.overrides || strstr(text, services.overrides));
        postfix_services_clear(&services);
    }
}

static void try_sendmail(const char *text)
{
    g_autoptr(GPtrArray) filters = sendmail_filters(text);
    guint line = 0;
    for (guint i = 0; i < filters->len; i++) {
        const SendmailFilter *filter = filters->pdata[i];
        g_assert(filter->name && filter->line > line);
        g_assert(filter->send >= 0 && filter->read >= 0 && filter->end >= 0);
        line = filter->line;
    }
    g_autoptr(GPtrArray) mailers = sendmail_mailers(text);
    for (guint i = 0; i < mailers->len; i++) {
        const SendmailMailer *mailer = mailers->pdata[i];
        g_assert(mailer->name && mailer->flags && mailer->line_max >= 0);
    }
    g_autofree char *macro = sendmail_macro(text, 'M');
    g_assert(!macro || strstr(text, "DM"));
    sendmail_option_is_on(text, "SevenBitInput");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parsers[])(const char *text) = {try_main, try_master, try_sendmail};
    if (size == 0)
        return 0;
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    parsers[data[0] % G_N_ELEMENTS(parsers)](text);
    return 0;
}
