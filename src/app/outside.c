#include "app/outside.h"

#include <postern/zone.h>
#include <stdio.h>

#include "net/resolver.h"

static Resolver *open_resolver(const OutsideOptions *options, const Config *config, GError **error)
{
    if (options->zone)
        return zone_resolver_read(options->zone, error);
    ResolverSettings settings = {
        .servers = (const char *const *)config->dns.servers,
        .timeout_ms = config->dns.timeout_ms,
        .cache_size = config->dns.cache_size,
    };
    return net_resolver_new(&settings, error);
}

gboolean outside_open(Outside *outside, const OutsideOptions *options, const Config *config)
{
    *outside = (Outside){.clock = &clock_system};
    if (options->time) {
        gint64 at;
        if (!clock_parse(options->time, &at)) {
            fprintf(stderr, "--time %s: write it as 2026-11-23T06:00:00Z or as seconds since 1970\n",
                    options->time);
            return FALSE;
        }
        outside->fixed = clock_fixed(at);
        outside->clock = &outside->fixed.base;
    }
    g_autoptr(Config) defaults = config ? NULL : config_load(NULL, NULL);
    g_autoptr(GError) error = NULL;
    outside->resolver = open_resolver(options, config ? config : defaults, &error);
    if (!outside->resolver)
        fprintf(stderr, "%s\n", error->message);
    return outside->resolver != NULL;
}

void outside_options_clear(OutsideOptions *options)
{
    g_free((char *)options->zone);
    g_free((char *)options->time);
    *options = (OutsideOptions){0};
}

void outside_close(Outside *outside)
{
    g_clear_pointer(&outside->resolver, resolver_free);
}
