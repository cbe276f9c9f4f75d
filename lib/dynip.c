/*
 * dynip.c — names of dynamic addresses.
 *
 * The name is cut into labels, and labels into runs of letters and of digits. Signs, strongest first: the
 * whole address in some spelling; a placeholder; a word for a kind of line; a hardware address; a part of the
 * address. A name that says "mail" outweighs the weak ones: pools of mail servers are numbered by their
 * addresses, too.
 */
#include <postern/dynip.h>

#include <string.h>

/* At most every second byte of a name begins a run or a label. */
#define PARTS_MAX (DYNIP_NAME_MAX / 2 + 1)

typedef struct {
    const char *start;
    gsize len;
} Span;

typedef struct {
    int value;   /* -1: no octet */
    gsize width; /* in digits, leading zeros included */
    guint label;
} Number;

typedef struct {
    char text[DYNIP_NAME_MAX + 1]; /* lower case, no final dot */
    char bare[DYNIP_NAME_MAX + 1]; /* the same without any separator */
    guint n_labels;
    Span labels[PARTS_MAX];
    guint n_own; /* labels before the part that is registered: those that name the host */
    guint n_numbers;
    Number numbers[PARTS_MAX];
    gboolean mail;       /* one of the host's labels has a word for a mail server */
    gboolean first_mail; /* the first has */
} Name;

/* Kinds of lines: runs of letters. */
static const char *const line_words[] = {
    "broadband", "cable",  "catv",        "cbl",        "cgn",    "cgnat", "cm",     "cpe",
    "dhcp",      "dial",   "dialin",      "dialip",     "dialup", "dip",   "docsis", "dyn",
    "dynamic",   "dynip",  "fios",        "ftth",       "fttx",   "gpon",  "gprs",   "hsd",
    "isdn",      "lte",    "modem",       "natpool",    "pcp",    "pool",  "pools",  "ppp",
    "pppoe",     "resnet", "residential", "roadrunner", "umts",   "wifi",  "wimax",  "wlan",
};

/* What a customer's line is called when only a number follows. */
static const char *const customer_words[] = {
    "c", "client", "cust", "customer", "guest", "h", "ip", "member", "p", "pc", "subscriber", "u", "user",
};

static const char *const mail_words[] = {
    "email",   "exchange", "exim",     "mailer",     "mailgw",  "mailhost", "mout",     "mta",
    "mx",      "mxout",    "news",     "newsletter", "out",     "outbound", "outgoing", "post",
    "postfix", "relay",    "sendmail", "smarthost",  "smtpout", "zimbra",
};

/* Found in the name without its separators. */
static const char *const placeholders[] = {
    "noreverse", "nordns", "noptr", "norevdns", "reversenotset", "unallocated", "unassigned", "unconfigured",
};

static gboolean in_list(const char *const *list, gsize n, const char *start, gsize len)
{
    for (gsize i = 0; i < n; i++)
        if (strlen(list[i]) == len && memcmp(list[i], start, len) == 0)
            return TRUE;
    return FALSE;
}
#define IN_LIST(list, start, len) in_list((list), G_N_ELEMENTS(list), (start), (len))

static gboolean has_prefix(const char *start, gsize len, const char *prefix)
{
    return len >= strlen(prefix) && memcmp(start, prefix, strlen(prefix)) == 0;
}

static gboolean has_suffix(const char *start, gsize len, const char *suffix)
{
    gsize n = strlen(suffix);
    return len >= n && memcmp(start + len - n, suffix, n) == 0;
}

static gboolean is_line_word(const char *start, gsize len)
{
    return IN_LIST(line_words, start, len) || has_suffix(start, len, "dsl") || has_prefix(start, len, "dsl");
}

static gboolean is_mail_word(const char *start, gsize len)
{
    return IN_LIST(mail_words, start, len) || has_prefix(start, len, "mail") ||
           has_suffix(start, len, "mail") || has_prefix(start, len, "smtp") || has_suffix(start, len, "smtp");
}

static gsize run_of(const char *p, const char *end, gboolean (*is)(char))
{
    const char *start = p;
    while (p < end && is(*p))
        p++;
    return (gsize)(p - start);
}

static gboolean is_letter(char c)
{
    return g_ascii_islower(c);
}

static gboolean is_digit(char c)
{
    return g_ascii_isdigit(c);
}

static gboolean is_hex(char c)
{
    return g_ascii_isxdigit(c);
}

static void add_number(Name *name, const char *start, gsize width, guint label)
{
    int value = width <= 3 ? 0 : -1;
    for (gsize i = 0; i < width && value >= 0; i++)
        value = value * 10 + (start[i] - '0');
    name->numbers[name->n_numbers++] =
        (Number){.value = value <= 255 ? value : -1, .width = width, .label = label};
}

/* How many labels at the end are the registered domain: two, or three below names like com.do and co.uk. */
static guint registered_labels(const Name *name)
{
    if (name->n_labels < 3)
        return name->n_labels ? name->n_labels - 1 : 0;
    const Span *top = &name->labels[name->n_labels - 1], *second = &name->labels[name->n_labels - 2];
    return top->len == 2 && second->len <= 3 ? 3 : 2;
}

static void name_split(Name *name)
{
    for (const char *p = name->text; *p;) {
        gsize len = strcspn(p, ".");
        if (len)
            name->labels[name->n_labels++] = (Span){p, len};
        p += len + (p[len] == '.');
    }
    guint registered = registered_labels(name);
    name->n_own = name->n_labels > registered ? name->n_labels - registered : 0;

    for (guint i = 0; i < name->n_labels; i++) {
        const char *p = name->labels[i].start, *end = p + name->labels[i].len;
        while (p < end) {
            gsize letters = run_of(p, end, is_letter);
            if (letters && i < name->n_own && is_mail_word(p, letters)) {
                name->mail = TRUE;
                name->first_mail |= i == 0;
            }
            p += letters;
            gsize digits = run_of(p, end, is_digit);
            if (digits)
                add_number(name, p, digits, i);
            p += digits;
            if (!letters && !digits)
                p++;
        }
    }
}

static void name_read(Name *name, const char *ptr)
{
    gsize n = 0, bare = 0;
    memset(name, 0, sizeof *name);
    for (; n < DYNIP_NAME_MAX && ptr[n]; n++) {
        name->text[n] = g_ascii_tolower(ptr[n]);
        if (!strchr("-._:", ptr[n]))
            name->bare[bare++] = name->text[n];
    }
    if (n && name->text[n - 1] == '.')
        name->text[n - 1] = '\0';
    name_split(name);
}

/* ---- spellings of an IPv4 address ---- */

/* Are the `count` numbers from `first` octets of the address, each octet used once, in any order? */
static gboolean window_matches(const Name *name, guint first, guint count, const guint8 *octets,
                               gboolean *ret_last)
{
    guint used = 0;
    for (guint i = first; i < first + count; i++) {
        guint k = 4;
        while (k-- > 0)
            if (!(used & (1u << k)) && name->numbers[i].value == octets[k])
                break;
        if (k > 3)
            return FALSE;
        used |= 1u << k;
    }
    *ret_last = (used & 8u) != 0;
    return TRUE;
}

static gboolean label_is_number(const Name *name, guint label)
{
    const Span *span = &name->labels[label];
    return run_of(span->start, span->start + span->len, is_digit) == span->len;
}

/* Numbers of one label, or labels that are numbers. */
static gboolean window_hangs_together(const Name *name, guint first, guint count)
{
    for (guint i = first + 1; i < first + count; i++) {
        guint a = name->numbers[i - 1].label, b = name->numbers[i].label;
        if (a != b && !(label_is_number(name, a) && label_is_number(name, b)))
            return FALSE;
    }
    return TRUE;
}

/* The most octets that stand side by side: 0, 2, 3 or 4. A part with few digits in all, as in "a1-2", is
 * chance. */
static guint octets_spelled(const Name *name, const guint8 *octets)
{
    for (guint count = 4; count >= 2; count--) {
        for (guint first = 0; first + count <= name->n_numbers; first++) {
            gboolean has_last;
            if (!window_matches(name, first, count, octets, &has_last))
                continue;
            gsize digits = 0;
            for (guint i = first; i < first + count; i++)
                digits += name->numbers[i].width;
            if (count < 4 && digits < count + 1)
                continue;
            if (count == 4 || (window_hangs_together(name, first, count) && (count == 3 || has_last)))
                return count;
        }
    }
    return 0;
}

/* Is the text found where no further digit of its kind stands beside it? */
static gboolean stands_alone(const char *haystack, const char *needle, gboolean (*is)(char))
{
    gsize len = strlen(needle);
    for (const char *p = haystack; (p = strstr(p, needle)); p++)
        if ((p == haystack || !is(p[-1])) && !is(p[len]))
            return TRUE;
    return FALSE;
}

/* One run of digits: 203000113017, 203011317, 3405803793, reversed ones too; or hexadecimal cb007111. */
static gboolean address_in_one_run(const Name *name, const guint8 *o)
{
    const guint32 number = (guint32)o[0] << 24 | (guint32)o[1] << 16 | (guint32)o[2] << 8 | o[3];
    char spelled[6][16];
    g_snprintf(spelled[0], sizeof spelled[0], "%03u%03u%03u%03u", o[0], o[1], o[2], o[3]);
    g_snprintf(spelled[1], sizeof spelled[1], "%03u%03u%03u%03u", o[3], o[2], o[1], o[0]);
    g_snprintf(spelled[2], sizeof spelled[2], "%u%u%u%u", o[0], o[1], o[2], o[3]);
    g_snprintf(spelled[3], sizeof spelled[3], "%u%u%u%u", o[3], o[2], o[1], o[0]);
    g_snprintf(spelled[4], sizeof spelled[4], "%u", number);
    g_snprintf(spelled[5], sizeof spelled[5], "%u", GUINT32_SWAP_LE_BE(number));
    for (gsize i = 0; i < G_N_ELEMENTS(spelled); i++)
        if (strlen(spelled[i]) >= 6 && stands_alone(name->text, spelled[i], is_digit))
            return TRUE;
    char hex[2][9];
    g_snprintf(hex[0], sizeof hex[0], "%08x", number);
    g_snprintf(hex[1], sizeof hex[1], "%08x", GUINT32_SWAP_LE_BE(number));
    return strstr(name->bare, hex[0]) || strstr(name->bare, hex[1]);
}

/* Two or three octets in one run, each with three digits: 113017. */
static gboolean padded_part(const Name *name, const guint8 *o)
{
    char last[3][10];
    g_snprintf(last[0], sizeof last[0], "%03u%03u%03u", o[1], o[2], o[3]);
    g_snprintf(last[1], sizeof last[1], "%03u%03u", o[2], o[3]);
    g_snprintf(last[2], sizeof last[2], "%03u%03u", o[3], o[2]);
    for (gsize i = 0; i < G_N_ELEMENTS(last); i++)
        if (stands_alone(name->text, last[i], is_digit))
            return TRUE;
    return FALSE;
}

/* ---- spellings of an IPv6 address ---- */

/* All eight groups without padding: 2001-db8-0-0-0-0-0-17. */
static gboolean groups_in_name(const Name *name, const guint8 *b)
{
    g_autoptr(GString) groups = g_string_new(NULL);
    for (guint i = 0; i < 16; i += 2)
        g_string_append_printf(groups, "%s%x", i ? "-" : "", (guint)b[i] << 8 | b[i + 1]);
    return strstr(name->text, groups->str) != NULL;
}

/* Whole (RFC 5952 with any separator, padded, reversed nibbles) or its last 64 bits, if they are no counter. */
static gboolean ipv6_in_name(const Name *name, const IpAddress *ip)
{
    const guint8 *b = ip->bytes;
    char text[IP_STRING_MAX], forward[33], reverse[33];
    ip_to_string(ip, text);
    if (strstr(name->text, text))
        return TRUE;
    g_strdelimit(text, ":", '-');
    if (strstr(name->text, text) || groups_in_name(name, b))
        return TRUE;
    for (gsize i = 0; i < 16; i++) {
        g_snprintf(forward + 2 * i, 3, "%02x", b[i]);
        g_snprintf(reverse + 2 * i, 3, "%x%x", b[15 - i] & 15u, b[15 - i] >> 4);
    }
    if (strstr(name->bare, forward) || strstr(name->bare, reverse))
        return TRUE;
    gboolean counter = TRUE;
    for (guint i = 8; i < 14; i++)
        counter &= b[i] == 0;
    return !counter && strstr(name->bare, forward + 16) != NULL;
}

/* ---- other signs ---- */

static gboolean has_placeholder(const Name *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(placeholders); i++)
        if (strstr(name->bare, placeholders[i]))
            return TRUE;
    return FALSE;
}

static gboolean has_line_word(const Name *name)
{
    for (guint i = 0; i < name->n_own; i++) {
        const char *p = name->labels[i].start, *end = p + name->labels[i].len;
        while (p < end) {
            gsize letters = run_of(p, end, is_letter);
            if (letters && is_line_word(p, letters))
                return TRUE;
            p += MAX(letters, 1);
        }
    }
    return FALSE;
}

/* 001122aabbcc, or 00-11-22-aa-bb-cc, in a host's first label. Words made of a…f alone are not one. */
static gboolean has_hardware_address(const Name *name)
{
    if (name->n_own == 0)
        return FALSE;
    const char *p = name->labels[0].start, *end = p + name->labels[0].len;
    guint pairs = 0;
    while (p < end) {
        gsize hex = run_of(p, end, is_hex), digits = 0;
        for (gsize i = 0; i < hex; i++)
            digits += g_ascii_isdigit(p[i]);
        if (hex >= 12 && digits >= 3 && digits < hex)
            return TRUE;
        pairs = hex == 2 ? pairs + 1 : 0;
        if (pairs == 6)
            return TRUE;
        p += hex;
        if (p < end && *p != '-' && *p != ':')
            pairs = 0;
        if (p < end)
            p++;
    }
    return FALSE;
}

/* "17", "h17", "cust-17" as the first label, the number being the last octet. */
static gboolean is_numbered_customer(const Name *name, guint8 last)
{
    if (name->n_own == 0 || name->n_numbers == 0)
        return FALSE;
    const char *p = name->labels[0].start, *end = p + name->labels[0].len;
    gsize letters = run_of(p, end, is_letter);
    if (letters && !IN_LIST(customer_words, p, letters))
        return FALSE;
    p += letters;
    if (letters && p < end && *p == '-')
        p++;
    return p < end && run_of(p, end, is_digit) == (gsize)(end - p) && name->numbers[0].value == last;
}

static gboolean spells_whole(const Name *name, const IpAddress *ip)
{
    if (ip->family == IP_V4)
        return octets_spelled(name, ip->bytes) == 4 || address_in_one_run(name, ip->bytes);
    return ip->family == IP_V6 && ipv6_in_name(name, ip);
}

static gboolean spells_part(const Name *name, const IpAddress *ip)
{
    return ip->family == IP_V4 && (octets_spelled(name, ip->bytes) >= 2 || padded_part(name, ip->bytes));
}

/* A mail server named without any number is one, whatever network it is in: smtp.dsl.example.net. */
static gboolean first_label_has_number(const Name *name)
{
    return name->n_numbers && name->numbers[0].label == 0;
}

static const char *sign_of(const Name *name, const IpAddress *ip)
{
    if (spells_whole(name, ip))
        return "spells the IP address";
    if (has_placeholder(name))
        return "is a placeholder";
    if (has_line_word(name) && !(name->first_mail && !first_label_has_number(name)))
        return "names a dial-up, cable or pool line";
    if (name->mail)
        return NULL;
    if (has_hardware_address(name))
        return "holds a hardware address";
    if (spells_part(name, ip))
        return "spells a part of the IP address";
    if (ip->family == IP_V4 && is_numbered_customer(name, ip->bytes[3]))
        return "is numbered like a customer's line";
    return NULL;
}

gboolean dynip_looks_dynamic(const char *ptr_name, const IpAddress *ip, const char **ret_why)
{
    Name name;
    name_read(&name, ptr_name);
    const char *why = sign_of(&name, ip);
    if (why && ret_why)
        *ret_why = why;
    return why != NULL;
}
