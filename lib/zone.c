#include <postern/zone.h>

#include <pthread.h>
#include <string.h>

/* RFC 1035 §2.3.4: 255 bytes on the wire; text may need more where bytes are escaped, ours are not. */
#define NAME_MAX_LEN 255u
#define CNAME_HOPS   10 /* more is a loop, or as good as one */
#define ZONE_TYPES   7  /* how many of DnsType a name can have */

typedef struct {
    DnsType type;
    DnsAnswer *answer;
} Answered;

typedef struct {
    guint n;
    Answered by_type[ZONE_TYPES];
    char *cname;      /* target, or NULL */
    DnsAnswer *error; /* for every other type, or NULL */
} Node;

typedef struct {
    Resolver base;
    GHashTable *nodes; /* lower-case name without final dot → Node */
    DnsAnswer *nodata, *nxdomain, *loop, *too_long;
    guint ttl;
    pthread_mutex_t lock; /* the log only */
    GPtrArray *log;       /* NULL: off */
} Zone;

GQuark zone_error_quark(void)
{
    return g_quark_from_static_string("postern-zone-error");
}

/* Lower case, no final dot. FALSE: too long to be a name. */
static gboolean normalize(const char *name, char buf[static NAME_MAX_LEN + 1])
{
    gsize len = strlen(name);

    if (len && name[len - 1] == '.')
        len--;
    if (len > NAME_MAX_LEN)
        return FALSE;
    for (gsize i = 0; i < len; i++)
        buf[i] = g_ascii_tolower(name[i]);
    buf[len] = '\0';
    return TRUE;
}

static void node_free(gpointer data)
{
    Node *node = data;

    for (guint i = 0; i < node->n; i++)
        dns_answer_unref(node->by_type[i].answer);
    dns_answer_unref(node->error);
    g_free(node->cname);
    g_free(node);
}

/* The node of `key`, made with all names above it (RFC 4592 §2.2.2: empty non-terminals exist). */
static Node *node_make(Zone *zone, const char *key)
{
    Node *wanted = g_hash_table_lookup(zone->nodes, key);
    const char *dot;

    if (wanted)
        return wanted;
    wanted = g_new0(Node, 1);
    g_hash_table_insert(zone->nodes, g_strdup(key), wanted);
    while ((dot = strchr(key, '.'))) {
        key = dot + 1;
        if (g_hash_table_contains(zone->nodes, key))
            break;
        g_hash_table_insert(zone->nodes, g_strdup(key), g_new0(Node, 1));
    }
    return wanted;
}

static Node *node_of(Resolver *resolver, const char *owner)
{
    char key[NAME_MAX_LEN + 1];

    return normalize(owner, key) ? node_make((Zone *)resolver, key) : NULL;
}

static Answered *answered(Node *node, DnsType type)
{
    for (guint i = 0; i < node->n; i++)
        if (node->by_type[i].type == type)
            return &node->by_type[i];
    return NULL;
}

static DnsAnswer *answer_for_adding(Resolver *resolver, const char *owner, DnsType type)
{
    Node *node = node_of(resolver, owner);
    Answered *slot = node ? answered(node, type) : NULL;

    if (!node)
        return NULL;
    if (slot && slot->answer->status == DNS_OK)
        return slot->answer;
    if (!slot) {
        g_assert(node->n < ZONE_TYPES);
        slot = &node->by_type[node->n++];
        slot->type = type;
    }
    dns_answer_unref(slot->answer); /* a record where an error was: the record */
    slot->answer = dns_answer_new(DNS_OK, NULL);
    dns_answer_set_ttl(slot->answer, ((Zone *)resolver)->ttl);
    return slot->answer;
}

void zone_add_ip(Resolver *zone, const char *owner, DnsType type, const IpAddress *ip)
{
    DnsAnswer *answer = answer_for_adding(zone, owner, type);

    g_assert(type == DNS_A || type == DNS_AAAA);
    if (answer)
        dns_answer_add_ip(answer, ip);
}

void zone_add_name(Resolver *zone, const char *owner, DnsType type, guint preference, const char *target)
{
    DnsAnswer *answer = answer_for_adding(zone, owner, type);
    Node *node;

    if (!answer)
        return;
    dns_answer_add_name(answer, preference, target);
    node = node_of(zone, owner);
    if (type == DNS_CNAME && !node->cname)
        node->cname = g_strdup(answer->records[0].name);
}

void zone_add_text(Resolver *zone, const char *owner, const char *bytes, gsize len)
{
    DnsAnswer *answer = answer_for_adding(zone, owner, DNS_TXT);

    if (answer)
        dns_answer_add_text(answer, bytes, len);
}

void zone_add_empty(Resolver *zone, const char *owner)
{
    node_of(zone, owner);
}

void zone_add_error(Resolver *zone, const char *owner, DnsType type, const char *why)
{
    Node *node = node_of(zone, owner);

    if (!node)
        return;
    if (type == 0) {
        dns_answer_unref(node->error);
        node->error = dns_answer_new(DNS_TEMPERROR, why);
    } else if (!answered(node, type)) {
        g_assert(node->n < ZONE_TYPES);
        node->by_type[node->n++] = (Answered){type, dns_answer_new(DNS_TEMPERROR, why)};
    }
}

/* RFC 4592 §3.3: the wildcard below the closest name that exists, unless that name is the one asked for. */
static Node *wildcard(Zone *zone, const char *key)
{
    char name[NAME_MAX_LEN + 3];
    const char *dot = strchr(key, '.');

    while (dot && !g_hash_table_contains(zone->nodes, dot + 1))
        dot = strchr(dot + 1, '.');
    if (!dot)
        return NULL;
    g_snprintf(name, sizeof name, "*%s", dot);
    return g_hash_table_lookup(zone->nodes, name);
}

static DnsAnswer *answer_of(Zone *zone, const char *key, DnsType type)
{
    for (int hop = 0; hop <= CNAME_HOPS; hop++) {
        Node *node = g_hash_table_lookup(zone->nodes, key);
        Answered *found;

        if (!node)
            node = wildcard(zone, key);
        if (!node)
            return zone->nxdomain;
        found = answered(node, type);
        if (found)
            return found->answer;
        if (node->error)
            return node->error;
        if (!node->cname)
            return zone->nodata;
        key = node->cname;
    }
    return zone->loop;
}

static void note(Zone *zone, const char *key, DnsType type)
{
    pthread_mutex_lock(&zone->lock);
    if (zone->log && zone->log->len < ZONE_LOG_MAX)
        g_ptr_array_add(zone->log, g_strdup_printf("%s %s", dns_type_name(type), key));
    pthread_mutex_unlock(&zone->lock);
}

static DnsAnswer *zone_query(Resolver *self, const char *name, DnsType type, gint64 deadline)
{
    Zone *zone = (Zone *)self;
    char key[NAME_MAX_LEN + 1];

    if (!normalize(name, key))
        return dns_answer_ref(zone->too_long);
    note(zone, key, type);
    return dns_answer_ref(answer_of(zone, key, type));
}

static void zone_free(Resolver *self)
{
    Zone *zone = (Zone *)self;

    g_hash_table_unref(zone->nodes);
    dns_answer_unref(zone->nodata);
    dns_answer_unref(zone->nxdomain);
    dns_answer_unref(zone->loop);
    dns_answer_unref(zone->too_long);
    g_clear_pointer(&zone->log, g_ptr_array_unref);
    pthread_mutex_destroy(&zone->lock);
    g_free(zone);
}

Resolver *zone_new(void)
{
    Zone *zone = g_new0(Zone, 1);

    zone->base.query = zone_query;
    zone->base.free = zone_free;
    zone->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, node_free);
    zone->nodata = dns_answer_new(DNS_NODATA, NULL);
    zone->nxdomain = dns_answer_new(DNS_NXDOMAIN, NULL);
    zone->loop = dns_answer_new(DNS_TEMPERROR, "CNAME loop");
    zone->too_long = dns_answer_new(DNS_TEMPERROR, "name too long");
    zone->ttl = ZONE_TTL;
    pthread_mutex_init(&zone->lock, NULL);
    return &zone->base;
}

void zone_log(Resolver *resolver)
{
    Zone *zone = (Zone *)resolver;

    pthread_mutex_lock(&zone->lock);
    g_clear_pointer(&zone->log, g_ptr_array_unref);
    zone->log = g_ptr_array_new_with_free_func(g_free);
    pthread_mutex_unlock(&zone->lock);
}

char **zone_queries(Resolver *resolver)
{
    Zone *zone = (Zone *)resolver;
    GPtrArray *copy = g_ptr_array_new();

    pthread_mutex_lock(&zone->lock);
    for (guint i = 0; zone->log && i < zone->log->len; i++)
        g_ptr_array_add(copy, g_strdup(zone->log->pdata[i]));
    pthread_mutex_unlock(&zone->lock);
    g_ptr_array_add(copy, NULL);
    return (char **)g_ptr_array_free(copy, FALSE);
}

guint zone_query_count(Resolver *zone, DnsType type, const char *name)
{
    g_auto(GStrv) asked = zone_queries(zone);
    g_autofree char *wanted = g_strdup_printf("%s %s", dns_type_name(type), name);
    guint n = 0;

    for (char **q = asked; *q; q++)
        n += g_ascii_strcasecmp(*q, wanted) == 0;
    return n;
}
