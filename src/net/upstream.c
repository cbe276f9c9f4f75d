#include "net/upstream.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include "base/signals.h"
#include "net/dns-wire.h"

#define CLASS_IN 1 /* RFC 1035 §3.2.4 */

/* A name that libunbound answers by itself, so that it can be asked something before it is needed. */
#define WARM_UP_ZONE "warm-up.postern.invalid."

struct Upstream {
    struct ub_ctx *unbound;
    UpstreamDone done;
    pthread_t thread;
    int stop; /* eventfd */
};

typedef struct {
    const char *name, *value;
} Option;

/* The library's own defaults are for one lookup at a time: 16 ports, 1 MiB caches. */
static const Option common_options[] = {
    {"module-config:", "iterator"}, /* no validation: it needs a trust anchor and an upstream that can */
    {"use-syslog:", "no"},
    {"outgoing-range:", "512"}, /* sockets, opened as needed; what is over it waits inside libunbound */
    {"num-queries-per-thread:", "4096"},
    {"outgoing-num-tcp:", "64"},
    {"msg-cache-size:", "8m"},
    {"rrset-cache-size:", "16m"},
    {"infra-cache-numhosts:", "10000"},
    {"cache-max-negative-ttl:", "900"},
    {"infra-keep-probing:", "yes"},
    {NULL, NULL},
};

/* Where somebody else's server is asked, it knows best about private and special names. */
static const Option forward_options[] = {
    {"do-not-query-localhost:", "no"},
    {"unblock-lan-zones:", "yes"},
    /* The first time-out. A recursive server that asks the Internet for us is late now and then; the default
     * of 50 ms throws its answer away and asks again, several times. */
    {"infra-cache-min-rtt:", "500"},
    /* It is the only way out, so it must never be thought dead: by default it is then left alone for 15
     * minutes. What is known of it is forgotten before the time-outs can add up to that, so that it is used
     * again once it is back. */
    {"infra-host-ttl:", "5"},
    {NULL, NULL},
};

/* What libunbound answers by itself beyond the LAN zones (RFC 6761, RFC 7686, RFC 8375). */
static const char *const own_zones[] = {
    "localhost.",
    "127.in-addr.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "home.arpa.",
    "onion.",
    "test.",
    "invalid.",
    NULL,
};

static gboolean fail(GError **error, const char *what, int code)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "DNS: %s: %s", what, ub_strerror(code));
    return FALSE;
}

static gboolean set_options(struct ub_ctx *unbound, const Option *options, GError **error)
{
    for (; options->name; options++) {
        int code = ub_ctx_set_option(unbound, options->name, options->value);
        if (code)
            return fail(error, options->name, code);
    }
    return TRUE;
}

static gboolean set_servers(struct ub_ctx *unbound, const char *const *servers, GError **error)
{
    if (!servers || !servers[0] || g_str_equal(servers[0], "system")) {
        int code = ub_ctx_resolvconf(unbound, NULL);
        return code ? fail(error, "/etc/resolv.conf", code) : TRUE;
    }
    for (; *servers; servers++)
        if (ub_ctx_set_fwd(unbound, *servers)) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "DNS: \"%s\" is not the address of a server (ADDRESS or ADDRESS@PORT)", *servers);
            return FALSE;
        }
    return TRUE;
}

static gboolean configure(struct ub_ctx *unbound, const char *const *servers, GError **error)
{
    gboolean recursive = servers && servers[0] && g_str_equal(servers[0], "recursive");

    ub_ctx_debugout(unbound, NULL); /* it writes to stderr otherwise */
    if (!set_options(unbound, common_options, error))
        return FALSE;
    if (!recursive &&
        (!set_options(unbound, forward_options, error) || !set_servers(unbound, servers, error)))
        return FALSE;
    int code = ub_ctx_async(unbound, 1);
    if (code)
        return fail(error, "threads", code);
    for (const char *const *zone = own_zones; !recursive && *zone; zone++) {
        code = ub_ctx_zone_remove(unbound, *zone); /* from here on no option can be set any more */
        if (code)
            return fail(error, *zone, code);
    }
    code = ub_ctx_zone_add(unbound, WARM_UP_ZONE, "static");
    return code ? fail(error, WARM_UP_ZONE, code) : TRUE;
}

/* RFC 1035 §4.1.1, RFC 6895 §2.3 */
static const char *rcode_word(int rcode)
{
    static const char *const words[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

    return rcode >= 0 && rcode < (int)G_N_ELEMENTS(words) ? words[rcode] : "unknown response code";
}

static DnsAnswer *records(const struct ub_result *result, DnsType type)
{
    DnsAnswer *answer = dns_answer_new(DNS_OK, NULL);

    for (guint i = 0; result->data[i]; i++) {
        gboolean fits = i < DNS_RECORDS_MAX && result->len[i] >= 0;
        if (fits && dns_wire_add_record(answer, type, (const guint8 *)result->data[i], (gsize)result->len[i]))
            continue;
        dns_answer_unref(answer);
        return dns_answer_new(DNS_TEMPERROR, fits ? "malformed answer" : "answer too large");
    }
    return answer;
}

static DnsAnswer *translate(int error, const struct ub_result *result, DnsType type)
{
    DnsAnswer *answer;

    if (error || !result)
        return dns_answer_new(DNS_TEMPERROR, error ? ub_strerror(error) : "no answer");
    if (result->bogus)
        return dns_answer_new(DNS_TEMPERROR, "DNSSEC validation failed");
    if (result->nxdomain)
        answer = dns_answer_new(DNS_NXDOMAIN, NULL);
    else if (result->rcode)
        return dns_answer_new(DNS_TEMPERROR, rcode_word(result->rcode));
    else if (result->havedata)
        answer = records(result, type);
    else
        answer = dns_answer_new(DNS_NODATA, NULL);
    dns_answer_set_ttl(answer, result->ttl > 0 ? (guint)result->ttl : 0);
    dns_answer_set_secure(answer, result->secure);
    return answer;
}

static void answered(void *data, int error, struct ub_result *result)
{
    UpstreamQuestion *question = data;
    g_autoptr(DnsAnswer) answer = translate(error, result, question->type);

    ub_resolve_free(result);
    question->upstream->done(question, answer);
}

static void *take_answers(void *data)
{
    Upstream *upstream = data;
    struct pollfd fds[] = {{.fd = ub_fd(upstream->unbound), .events = POLLIN},
                           {.fd = upstream->stop, .events = POLLIN}};

    for (;;) {
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
            g_assert(errno == EINTR || errno == ENOMEM);
            continue;
        }
        if (fds[1].revents)
            return NULL;
        /* The pipe breaks only if libunbound's thread ended: no answer will ever come; callers time out. */
        if (ub_process(upstream->unbound))
            fds[0].fd = -1;
    }
}

static void warmed_up(void *data, int error, struct ub_result *result)
{
    ub_resolve_free(result);
}

/* Signals are for the main thread, and libunbound's worker inherits the mask of whoever asks first: so we ask
 * first. */
static gboolean start(Upstream *upstream, GError **error)
{
    sigset_t before;

    signals_block(&before);
    int code = ub_resolve_async(upstream->unbound, WARM_UP_ZONE, DNS_TXT, CLASS_IN, NULL, warmed_up, NULL);
    int failed = code ? 0 : pthread_create(&upstream->thread, NULL, take_answers, upstream);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code)
        return fail(error, "cannot start", code);
    if (failed) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "DNS: cannot start a thread: %s",
                    g_strerror(failed));
        return FALSE;
    }
    return TRUE;
}

Upstream *upstream_new(const char *const *servers, UpstreamDone done, GError **error)
{
    struct ub_ctx *unbound = ub_ctx_create();
    int stop = eventfd(0, EFD_CLOEXEC);

    if (!unbound || stop < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "DNS: cannot start: %s", g_strerror(errno));
    } else if (configure(unbound, servers, error)) {
        Upstream *upstream = g_new0(Upstream, 1);
        *upstream = (Upstream){.unbound = unbound, .done = done, .stop = stop};
        if (start(upstream, error))
            return upstream;
        g_free(upstream);
    }
    if (stop >= 0)
        close(stop);
    if (unbound)
        ub_ctx_delete(unbound);
    return NULL;
}

void upstream_free(Upstream *upstream)
{
    if (!upstream)
        return;
    eventfd_write(upstream->stop, 1);
    pthread_join(upstream->thread, NULL);
    ub_ctx_delete(upstream->unbound);
    close(upstream->stop);
    g_free(upstream);
}

const char *upstream_ask(Upstream *upstream, const char *name, DnsType type, UpstreamQuestion *question)
{
    *question = (UpstreamQuestion){upstream, type};

    int code =
        ub_resolve_async(upstream->unbound, *name ? name : ".", type, CLASS_IN, question, answered, NULL);
    return code ? ub_strerror(code) : NULL;
}
