#include <postern/resolver.h>

#include <string.h>

/* A DnsAnswer as it is made; callers see the first member only. */
typedef struct {
    DnsAnswer seen;
    gint refs;
    guint room;
    DnsRecord *records;
    char *why;
} Answer;

DnsAnswer *dns_query(Resolver *resolver, const char *name, DnsType type, gint64 deadline)
{
    DnsAnswer *answer = resolver->query(resolver, name, type, deadline);

    g_assert(answer);
    return answer;
}

void dns_prefetch(Resolver *resolver, const char *name, DnsType type)
{
    if (resolver->prefetch)
        resolver->prefetch(resolver, name, type);
}

void resolver_free(Resolver *resolver)
{
    if (resolver)
        resolver->free(resolver);
}

DnsAnswer *dns_answer_new(DnsStatus status, const char *why)
{
    Answer *a = g_new0(Answer, 1);

    a->refs = 1;
    a->why = g_strdup(why);
    a->seen.status = status;
    a->seen.why = a->why;
    return &a->seen;
}

static DnsRecord *add(DnsAnswer *answer)
{
    Answer *a = (Answer *)answer;
    DnsRecord *record;

    if (answer->n_records == a->room) {
        a->room = a->room ? 2 * a->room : 2;
        a->records = g_renew(DnsRecord, a->records, a->room);
        answer->records = a->records;
    }
    record = &a->records[answer->n_records++];
    memset(record, 0, sizeof *record);
    return record;
}

void dns_answer_add_ip(DnsAnswer *answer, const IpAddress *ip)
{
    add(answer)->ip = *ip;
}

void dns_answer_add_name(DnsAnswer *answer, guint preference, const char *name)
{
    DnsRecord *record = add(answer);
    gsize len = strlen(name);

    if (len && name[len - 1] == '.')
        len--;
    record->preference = preference;
    record->name = g_ascii_strdown(name, (gssize)len);
}

void dns_answer_add_text(DnsAnswer *answer, const char *bytes, gsize len)
{
    DnsRecord *record = add(answer);
    char *text = g_malloc(len + 1);

    if (len)
        memcpy(text, bytes, len);
    text[len] = '\0';
    record->text = text;
    record->text_len = len;
}

void dns_answer_set_ttl(DnsAnswer *answer, guint seconds)
{
    answer->ttl = seconds;
}

void dns_answer_set_secure(DnsAnswer *answer, gboolean secure)
{
    answer->secure = secure;
}

DnsAnswer *dns_answer_ref(DnsAnswer *answer)
{
    g_atomic_int_inc(&((Answer *)answer)->refs);
    return answer;
}

void dns_answer_unref(DnsAnswer *answer)
{
    Answer *a = (Answer *)answer;

    if (!a || !g_atomic_int_dec_and_test(&a->refs))
        return;
    for (guint i = 0; i < answer->n_records; i++) {
        g_free((char *)a->records[i].name);
        g_free((char *)a->records[i].text);
    }
    g_free(a->records);
    g_free(a->why);
    g_free(a);
}

static const struct {
    DnsType type;
    const char *word;
} type_words[] = {
    {DNS_A, "A"},   {DNS_NS, "NS"},   {DNS_CNAME, "CNAME"}, {DNS_PTR, "PTR"},
    {DNS_MX, "MX"}, {DNS_TXT, "TXT"}, {DNS_AAAA, "AAAA"},
};

const char *dns_type_name(DnsType type)
{
    for (guint i = 0; i < G_N_ELEMENTS(type_words); i++)
        if (type_words[i].type == type)
            return type_words[i].word;
    return "?";
}

gboolean dns_type_parse(const char *word, DnsType *type)
{
    for (guint i = 0; i < G_N_ELEMENTS(type_words); i++)
        if (g_ascii_strcasecmp(type_words[i].word, word) == 0) {
            *type = type_words[i].type;
            return TRUE;
        }
    return FALSE;
}
