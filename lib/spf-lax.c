/*
 * What a broken record was meant to say. Postmasters write the same mistakes again and again; each row below
 * mends one of them. A mend never widens what was written: an address stays the address, a domain the domain.
 * What cannot be mended is left out if it could only have said pass, since leaving that out gives nobody
 * anything.
 */
#include "spf-internal.h"

#include <string.h>

#define WORD_MAX    256 /* longer ones are not mended: no term that a person writes is so long */
#define TRIES_MAX   64 /* words of one record that are tried; the rest of a heap of nonsense stays as it is */
#define SPLITS_MAX  64 /* terms run together into one word */
#define NEAR_MISSES 1  /* letters */

static gboolean parses(const char *word)
{
    SpfRecord record = {0};
    const char *why = spf_term_parse(&record, (SpfSpan){word, strlen(word)});

    spf_record_clear(&record);
    return why == NULL;
}

/* Is one of the two the other with one letter more, less, other, or with two neighbours swapped? */
static gboolean near_miss(SpfSpan a, const char *b)
{
    gsize n = strlen(b), i = 0, tail = 0;

    if (a.len > n + NEAR_MISSES || n > a.len + NEAR_MISSES)
        return FALSE;
    while (i < a.len && i < n && g_ascii_tolower(a.at[i]) == b[i])
        i++;
    while (tail < a.len - i && tail < n - i && g_ascii_tolower(a.at[a.len - 1 - tail]) == b[n - 1 - tail])
        tail++;
    if (a.len != n)
        return MIN(a.len, n) == i + tail;
    return n == i + tail + 1 || (n == i + tail + 2 && g_ascii_tolower(a.at[i]) == b[i + 1] &&
                                 g_ascii_tolower(a.at[i + 1]) == b[i]);
}

static const struct {
    const char *wrong, *right;
} known_names[] = {
    {"ip", "ip4"},  {"ipv4", "ip4"},     {"ip-4", "ip4"},         {"ipv6", "ip6"},    {"ip-6", "ip6"},
    {"prt", "ptr"}, {"all.", "all"},     {"includes", "include"}, {"inc", "include"}, {"mx.", "mx"},
    {"a.", "a"},    {"exist", "exists"}, {"host", "a"},           {"ip4.", "ip4"},
};

static const char *meant_name(SpfSpan name)
{
    const char *found = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(known_names); i++)
        if (name.len == strlen(known_names[i].wrong) &&
            g_ascii_strncasecmp(name.at, known_names[i].wrong, name.len) == 0)
            return known_names[i].right;
    for (guint k = 0; k < TERM_KINDS; k++) {
        const char *right = spf_kind_name(k);
        if (strlen(right) < 3 || !near_miss(name, right))
            continue;
        if (found)
            return NULL; /* ip5: which? */
        found = right;
    }
    return found;
}

static char *join(SpfWord w, const char *name, const char *sign, SpfSpan rest)
{
    const char qualifier[2] = {w.qualifier, 0};
    g_autofree char *tail = g_strndup(rest.at, rest.len);

    return g_strconcat(qualifier, name, sign, tail, NULL);
}

/* The mends. Each gives the word as it was meant, or NULL; what it gives need not be good yet. */

/* `a:example.com,` and `"v=spf1 …"` with its quotes kept, stray bytes of a pasted page at the ends. */
static char *mend_ends(const char *word)
{
    const char *start = word, *end = word + strlen(word);

    while (start < end && ((guchar)*start <= ' ' || (guchar)*start > 0x7e || strchr("\"',;", *start)))
        start++;
    while (end > start && ((guchar)end[-1] <= ' ' || (guchar)end[-1] > 0x7e || strchr("\"',;", end[-1])))
        end--;
    return end - start == (gssize)strlen(word) || start == end ? NULL
                                                               : g_strndup(start, (gsize)(end - start));
}

/* `inlcude:`, `prt`, `ip:`, `all.` */
static char *mend_name(const char *word)
{
    SpfWord w = spf_word_split((SpfSpan){word, strlen(word)});
    const char *name = meant_name(w.name);
    const char sign[2] = {w.sign == '/' ? 0 : w.sign == '=' ? ':' : w.sign, 0};

    return name ? join(w, name, sign, w.rest) : NULL;
}

/* `ip4=192.0.2.1` with a qualifier, `redirect:example.com`, `exp:example.com` */
static char *mend_sign(const char *word)
{
    SpfWord w = spf_word_split((SpfSpan){word, strlen(word)});
    g_autofree char *name = g_ascii_strdown(w.name.at, (gssize)w.name.len);
    SpfKind kind;

    if (w.sign == ':' && !w.qualifier && (!strcmp(name, "redirect") || !strcmp(name, "exp")))
        return join(w, name, "=", w.rest);
    if (w.sign == '=' && w.qualifier && spf_kind_of(w.name, &kind))
        return join(w, name, ":", w.rest);
    return NULL;
}

/* The address at the start of `text`, its prefix length included; 0: none. A colon port is no part of it. */
static gsize address_len(const char *text, IpFamily *family)
{
    gsize most = strspn(text, "0123456789abcdefABCDEF:.");
    IpAddress ip;

    for (gsize len = MIN(most, 45); len > 1; len--)
        if (ip_parse_len(text, len, &ip)) {
            gsize digits = text[len] == '/' ? strspn(text + len + 1, "0123456789") : 0;
            *family = memchr(text, ':', len) ? IP_V6 : IP_V4;
            return digits && digits <= 3 ? len + 1 + digits : len;
        }
    return 0;
}

/* `192.0.2.1`, `a:192.0.2.1`, `ip4:2001:db8::1`, `ip6:192.0.2.1`: the name by the address */
static char *mend_address(const char *word)
{
    SpfWord w = spf_word_split((SpfSpan){word, strlen(word)});
    const char *from = word + (w.qualifier ? 1 : 0);
    IpFamily family;
    gsize len = address_len(from, &family);
    SpfKind kind;

    if (len == 0 && w.sign == ':' && spf_kind_of(w.name, &kind) &&
        (kind == TERM_A || kind == TERM_MX || kind == TERM_IP4 || kind == TERM_IP6)) {
        from = w.rest.at;
        len = address_len(from, &family);
    }
    if (len == 0 || len != strlen(from))
        return NULL;
    return join(w, family == IP_V6 ? "ip6" : "ip4", ":", (SpfSpan){from, len});
}

/* `ip4:192.0.2.1//24`, `ip4:192.0.2.0/024`, `ip4:192.0.2.0\24` */
static char *mend_prefix(const char *word)
{
    const char *slash = strpbrk(word, "/\\"), *digits = slash;
    g_autofree char *start = NULL;

    if (!slash || (g_ascii_strncasecmp(word, "ip", 2) != 0 && g_ascii_strncasecmp(word + 1, "ip", 2) != 0))
        return NULL;
    digits += strspn(digits, "/\\");
    while (*digits == '0' && digits[1])
        digits++;
    start = g_strndup(word, (gsize)(slash - word));
    return g_strconcat(start, "/", digits, NULL);
}

/* `all:anything`, `all/8`: what follows says nothing */
static char *mend_all(const char *word)
{
    SpfWord w = spf_word_split((SpfSpan){word, strlen(word)});

    if (!w.sign || w.name.len != 3 || g_ascii_strncasecmp(w.name.at, "all", 3) != 0)
        return NULL;
    return join(w, "all", "", (SpfSpan){"", 0});
}

/* `ip4:192.0.2.1:25`, `a:example.com:25` */
static char *mend_port(const char *word)
{
    const char *colon = strrchr(word, ':');

    if (!colon || colon == word || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")])
        return NULL;
    return g_strndup(word, (gsize)(colon - word));
}

static char *(*const mends[])(const char *) = {mend_ends,   mend_sign, mend_name, mend_address,
                                               mend_prefix, mend_all,  mend_port};

/* One word by one mend, or by two of them one after the other (`ip:192.0.2.1,`). */
static char *mend_word(const char *word)
{
    for (guint i = 0; i < G_N_ELEMENTS(mends); i++) {
        g_autofree char *once = mends[i](word);
        if (once && parses(once))
            return g_steal_pointer(&once);
        for (guint k = 0; once && k < G_N_ELEMENTS(mends); k++) {
            char *twice = mends[k](once);
            if (twice && parses(twice))
                return twice;
            g_free(twice);
        }
    }
    return NULL;
}

/* Does a term begin here: a qualifier or not, a mechanism's name, and what may follow one? */
static gboolean term_begins(const char *p)
{
    SpfWord w = spf_word_split((SpfSpan){p, strlen(p)});
    SpfKind kind;

    if (spf_kind_of(w.name, &kind))
        return kind == TERM_ALL ? !w.sign : w.sign == ':' || (w.qualifier && w.name.len > 1);
    for (guint k = 0; k < TERM_KINDS; k++) { /* the next one is run together too: ip4:…-all */
        const char *name = spf_kind_name(k);
        gsize n = strlen(name);
        if (n > 1 && g_ascii_strncasecmp(w.name.at, name, n) == 0 && w.qualifier && w.name.len > n &&
            strchr("+-?~", w.name.at[n]))
            return TRUE;
    }
    return g_ascii_strncasecmp(p, "redirect=", 9) == 0 || g_ascii_strncasecmp(p, "exp=", 4) == 0;
}

/* Where the first term of a word that holds several ends: `ip4:192.0.2.1-all`, `mx-all`,
 * `a:example.comip4:192.0.2.1` (behind an address or a qualifier only the name must follow; inside a domain
 * only a name with its colon and an address, since a label may be called anything). 0: it does not. */
static gsize first_term_len(const char *word)
{
    const char *colon = strchr(word, ':');
    IpFamily family;
    gsize n;

    if (colon && (n = address_len(colon + 1, &family)) > 0 && colon[1 + n] && term_begins(colon + 1 + n))
        return (gsize)(colon + 1 + n - word);
    for (const char *p = word + 1; *p; p++) {
        if (strchr("+-?~", *p) && term_begins(p))
            return (gsize)(p - word);
        if (!g_ascii_strncasecmp(p, "ip4:", 4) || !g_ascii_strncasecmp(p, "ip6:", 4) ||
            !g_ascii_strncasecmp(p, "include:", 8))
            if (p - word > 1 && !strchr("+-?~", word[0]))
                return (gsize)(p - word);
    }
    return 0;
}

typedef struct {
    GString *out;
    char **broken, **corrected;
    guint tries;
} Mender;

static void note(Mender *m, const char *was, const char *is)
{
    if (*m->broken)
        return;
    *m->broken = g_strdup(was);
    *m->corrected = g_strdup(is);
}

static void put(Mender *m, const char *word)
{
    g_string_append_c(m->out, ' ');
    g_string_append(m->out, word);
}

/* `text` cut into terms, mended each, joined with blanks; NULL: not all of them come out good. */
static char *mend_run(const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *rest = g_strdup(text);

    for (guint i = 0; i < SPLITS_MAX; i++) {
        gsize n = first_term_len(rest);
        g_autofree char *head = n ? g_strndup(rest, n) : g_strdup(rest);
        g_autofree char *good = parses(head) ? g_strdup(head) : mend_word(head);

        if (!good)
            return NULL;
        g_string_append_printf(out, "%s%s", i ? " " : "", good);
        if (n == 0)
            return i ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
        memmove(rest, rest + n, strlen(rest + n) + 1);
    }
    return NULL;
}

/* A qualifier in front makes the word say something else than pass. */
static gboolean only_pass(const char *word)
{
    return !strchr("-~?", word[0]) && g_ascii_strncasecmp(word, "redirect", 8) != 0;
}

/* The word as it was meant: mended, or cut where terms are run together; NULL: as it stands. */
static char *meant_word(Mender *m, const char *word, gboolean good)
{
    char *mended = NULL;

    if (strlen(word) > WORD_MAX || (good && first_term_len(word) == 0) || ++m->tries > TRIES_MAX)
        return NULL;
    if (!good)
        mended = mend_word(word);
    return mended ? mended : mend_run(word);
}

static void take_word(Mender *m, const char *word)
{
    const gboolean good = parses(word);
    g_autofree char *meant = meant_word(m, word, good);

    if (!good || meant)
        note(m, word, meant);
    if (meant)
        put(m, meant);
    else if (good || !only_pass(word))
        put(m, word);
}

/* `ip4: 192.0.2.1`, `- all`: a word that waits for the next one. */
static gboolean is_incomplete(const char *word)
{
    gsize len = strlen(word);

    return len && (word[len - 1] == ':' || (len == 1 && strchr("+-~?", word[0])));
}

static gboolean is_modifier(const char *word, const char *name)
{
    gsize n = strlen(name);

    return g_ascii_strncasecmp(word, name, n) == 0 && word[n] == '=';
}

/* Every byte that is no visible ASCII and not in a word of UTF-8 parts words here: tabs, line ends. */
static GPtrArray *words_of(const char *text, gsize len)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    gsize i = 6;

    while (i < len && words->len < SPF_TERMS_MAX) {
        gsize start = i;
        while (i < len && (guchar)text[i] > ' ' && text[i] != 0x7f)
            i++;
        if (i > start)
            g_ptr_array_add(words, g_strndup(text + start, i - start));
        i++;
    }
    return words;
}

char *spf_lax_rewrite(const char *text, gsize len, char **broken, char **corrected)
{
    g_autoptr(GPtrArray) words = words_of(text, len);
    Mender m = {.out = g_string_new("v=spf1"), .broken = broken, .corrected = corrected};
    const char *last_exp = NULL;

    *broken = *corrected = NULL;
    for (guint i = 0; i < words->len; i++)
        if (is_modifier(words->pdata[i], "exp"))
            last_exp = words->pdata[i];
    for (guint i = 0; i < words->len; i++) {
        const char *word = words->pdata[i];
        g_autofree char *both = NULL;

        if (is_modifier(word, "exp") && word != last_exp) { /* the last one counts */
            note(&m, word, NULL);
            continue;
        }
        if (!parses(word) && is_incomplete(word) && i + 1 < words->len) {
            both = g_strconcat(word, words->pdata[i + 1], NULL);
            if (parses(both)) {
                note(&m, word, both);
                put(&m, both);
                i++;
                continue;
            }
        }
        take_word(&m, word);
    }
    return g_string_free(m.out, FALSE);
}
