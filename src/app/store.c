/* postern store — looks after the file of what is remembered: check, compact, facts, and export and import as lines of JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/store-option.h"
#include "base/clock.h"
#include "store/journal.h"

#define IMPORT_BATCH    500                /* lines that are done in one step */
#define IMPORT_LINE_MAX ((gssize)16 << 20) /* bytes; a longer one is none of ours */

typedef struct {
    StoreOption option;
    gboolean json, journal;
    const char *input; /* of import; "-" is the standard input */
    Store *store;
    GString *path;
} Options;

static int complain(const GError *error)
{
    fprintf(stderr, "postern store: %s\n", error->message);
    return EXIT_NO;
}

/* --- check, compact, facts --- */

static void print_fault(const char *fault, void *data)
{
    puts(fault);
}

static int run_check(Options *options)
{
    g_autoptr(GError) error = NULL;
    if (store_check(options->store, print_fault, NULL, &error)) {
        printf("%s is well\n", options->path->str);
        return EXIT_DONE;
    }
    if (error)
        return complain(error);
    printf("%s is damaged. What can be read of it: postern store export --file %s --journal\n",
           options->path->str, options->path->str);
    return EXIT_NO;
}

static int run_compact(Options *options)
{
    g_autoptr(GError) error = NULL;
    return store_compact(options->store, &error) ? EXIT_DONE : complain(error);
}

static int run_facts(Options *options)
{
    g_autoptr(GError) error = NULL;
    StoreFacts facts;
    if (!store_facts(options->store, &facts, &error))
        return complain(error);
    g_autoptr(Record) record = record_new();
    record_str(record, "file", options->path->str);
    record_int(record, "schema", facts.schema);
    record_int(record, "bytes", facts.bytes);
    Record *entries = record_child(record, "entries");
    for (StoreTable table = 0; table < STORE_TABLE_COUNT; table++)
        record_int(entries, store_table_name(table), facts.entries[table]);
    Record *journal = record_child(record, "journal");
    record_int(journal, "messages", facts.messages);
    record_int(journal, "recipients", facts.recipients);
    command_print(record, options->json);
    return EXIT_DONE;
}

/* --- export --- */

/* What is not UTF-8 cannot stand in JSON as it is: NAME_base64. */
static void put_text(Record *record, const char *name, const char *text)
{
    if (g_utf8_validate(text, -1, NULL)) {
        record_str(record, name, text);
        return;
    }
    g_autofree char *coded = g_base64_encode((const guchar *)text, strlen(text));
    g_autofree char *coded_name = g_strconcat(name, "_base64", NULL);
    record_str(record, coded_name, coded);
}

static gboolean print_line(const Record *record)
{
    g_autofree char *json = record_to_json(record);
    puts(json);
    return !ferror(stdout);
}

static gboolean export_entry(const StoreEntry *entry, void *data)
{
    g_autoptr(Record) record = record_new();
    record_str(record, "table", data);
    put_text(record, "key", entry->key);
    put_text(record, "text", entry->text);
    record_int(record, "number", entry->number);
    record_int(record, "created", entry->created);
    record_int(record, "changed", entry->changed);
    record_int(record, "expires", entry->expires);
    return print_line(record);
}

/* Where the texts of a line are; one list for both ways. */
static const struct {
    const char *name;
    gsize offset;
} message_texts[] =
    {
        {"queue_id", offsetof(JournalMessage, queue_id)},
        {"client", offsetof(JournalMessage, client)},
        {"helo", offsetof(JournalMessage, helo)},
        {"login", offsetof(JournalMessage, login)},
        {"sender", offsetof(JournalMessage, sender)},
        {"sender_domain", offsetof(JournalMessage, sender_domain)},
        {"message_id", offsetof(JournalMessage, message_id)},
        {"subject", offsetof(JournalMessage, subject)},
        {"facts", offsetof(JournalMessage, facts)},
},
  recipient_texts[] = {
      {"rcpt", offsetof(JournalRecipient, rcpt)},     {"tag", offsetof(JournalRecipient, tag)},
      {"about", offsetof(JournalRecipient, subject)}, {"rule", offsetof(JournalRecipient, rule)},
      {"text", offsetof(JournalRecipient, text)},
};

#define TEXT_AT(of, row) ((const char **)((char *)(of) + (row).offset))

/* A line for each recipient: whoever counts lines with standard tools counts what the journal counts. */
static gboolean export_recipient(const JournalMessage *m, void *data)
{
    g_autoptr(Record) record = record_new();
    const JournalRecipient *r = m->recipients;
    g_autofree char *session = g_strdup_printf("%" G_GUINT64_FORMAT, m->session);
    record_int(record, "journal", m->id);
    record_int(record, "time", m->time);
    record_str(record, "session", session);
    for (gsize i = 0; i < G_N_ELEMENTS(message_texts); i++)
        put_text(record, message_texts[i].name, *TEXT_AT(m, message_texts[i]));
    record_int(record, "size", m->size);
    record_bool(record, "outgoing", m->outgoing);
    record_double(record, "score", m->score);
    record_str(record, "end", journal_end_name(r->end));
    record_int(record, "code", r->code);
    for (gsize i = 0; i < G_N_ELEMENTS(recipient_texts); i++)
        put_text(record, recipient_texts[i].name, *TEXT_AT(r, recipient_texts[i]));
    return print_line(record);
}

static int run_export(Options *options)
{
    gint64 now = clock_seconds(&clock_system);
    StoreAnswer answer = STORE_YES;
    for (StoreTable table = 0; table < STORE_TABLE_COUNT && answer == STORE_YES; table++)
        answer =
            store_each(options->store, table, "", NULL, now, export_entry, (void *)store_table_name(table));
    if (answer == STORE_YES && options->journal) {
        JournalQuery all = JOURNAL_ANY;
        all.oldest_first = TRUE;
        answer = journal_search(options->store, &all, TRUE, export_recipient, NULL);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "postern store: the output cannot be written: %s\n", g_strerror(errno));
        return EXIT_NO;
    }
    if (answer == STORE_YES)
        return EXIT_DONE;
    g_autofree char *problem = store_problem(options->store);
    fprintf(stderr, "postern store: not all could be read: %s\n", problem ? problem : options->path->str);
    return EXIT_NO;
}

/* --- import --- */

typedef struct {
    Options *options;
    StoreBatch *batch;
    guint in_batch, wrong;
    gint64 now;
    Pool *pool;     /* of the line, and of the message that is being put together */
    gint64 journal; /* its id where it comes from; 0: none */
    JournalMessage message;
    GArray *recipients; /* JournalRecipient */
} Import;

static gboolean get_number(const Record *record, const char *name, gint64 *ret)
{
    const char *text = record_lookup(record, name);
    return !text || g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, ret, NULL);
}

/* NULL: there is no such member, or it is not what it says. */
static const char *get_text(const Record *record, const char *name, Pool *pool)
{
    g_autofree char *coded_name = g_strconcat(name, "_base64", NULL);
    const char *coded = record_lookup(record, coded_name);
    if (!coded)
        return pool_strdup(pool, record_lookup(record, name));
    gsize len;
    g_autofree guchar *bytes = g_base64_decode(coded, &len);
    return len && !memchr(bytes, 0, len) ? pool_strndup(pool, (const char *)bytes, len) : NULL;
}

static gboolean commit(Import *import)
{
    import->in_batch = 0;
    return store_apply(import->options->store, import->batch, import->now) == STORE_YES;
}

static void end_message(Import *import)
{
    if (!import->journal)
        return;
    import->message.recipients = (const JournalRecipient *)import->recipients->data;
    import->message.n_recipients = import->recipients->len;
    store_batch_journal(import->batch, &import->message);
    import->in_batch += import->recipients->len;
    import->journal = 0;
    g_array_set_size(import->recipients, 0);
    pool_clear(import->pool);
}

/* NULL: taken; else what is wrong with it. */
static const char *import_entry(Import *import, const Record *record)
{
    StoreTable table;
    StoreEntry entry = {0};
    g_autoptr(Pool) pool = pool_new();
    const char *word = record_lookup(record, "table"), *key = get_text(record, "key", pool);
    if (!word || !store_table_parse(word, &table))
        return "no \"table\" that there is";
    if (!key)
        return "no \"key\"";
    if (!get_number(record, "number", &entry.number) || !get_number(record, "created", &entry.created) ||
        !get_number(record, "expires", &entry.expires))
        return "number, created and expires must be whole numbers";
    entry.text = get_text(record, "text", pool);
    store_batch_put(import->batch, table, key, STORE_ALWAYS, &entry);
    import->in_batch++;
    return NULL;
}

static const char *begin_message(Import *import, const Record *record, gint64 id)
{
    JournalMessage message = {0};
    const char *session = record_lookup(record, "session"), *score = record_lookup(record, "score");
    if (!get_number(record, "time", &message.time) || !get_number(record, "size", &message.size) ||
        (session && !g_ascii_string_to_unsigned(session, 10, 0, G_MAXUINT64, &message.session, NULL)))
        return "time, session and size must be whole numbers";
    message.score = score ? g_ascii_strtod(score, NULL) : 0;
    message.outgoing = g_strcmp0(record_lookup(record, "outgoing"), "true") == 0;
    for (gsize i = 0; i < G_N_ELEMENTS(message_texts); i++)
        *TEXT_AT(&message, message_texts[i]) = get_text(record, message_texts[i].name, import->pool);
    import->message = message;
    import->journal = id;
    return NULL;
}

static const char *import_recipient(Import *import, const Record *record)
{
    gint64 id = 0, code = 0;
    JournalRecipient recipient = {0};
    const char *end = record_lookup(record, "end");
    if (!get_number(record, "journal", &id) || id <= 0)
        return "\"journal\" must be the number of a message";
    if (!end || !journal_end_parse(end, &recipient.end))
        return "no \"end\" that there is";
    if (!get_number(record, "code", &code) || code < 0 || code > 999)
        return "no \"code\" of SMTP";
    if (id != import->journal) {
        end_message(import);
        const char *wrong = begin_message(import, record, id);
        if (wrong)
            return wrong;
    }
    recipient.code = (int)code;
    for (gsize i = 0; i < G_N_ELEMENTS(recipient_texts); i++)
        *TEXT_AT(&recipient, recipient_texts[i]) = get_text(record, recipient_texts[i].name, import->pool);
    g_array_append_val(import->recipients, recipient);
    return NULL;
}

static const char *import_line(Import *import, const char *line, gssize len, GError **error)
{
    if (len > IMPORT_LINE_MAX)
        return "too long";
    g_autoptr(Record) record = record_from_json(line, (gsize)len, error);
    if (!record)
        return error && *error ? (*error)->message : "not a JSON object";
    if (record_lookup(record, "journal"))
        return import_recipient(import, record);
    end_message(import);
    return import_entry(import, record);
}

static gboolean import_lines(Import *import, FILE *in, const char *name)
{
    g_autofree char *line = NULL;
    gsize size = 0;
    gboolean stored = TRUE;
    for (guint number = 1; stored && getline(&line, &size, in) >= 0; number++) {
        g_autoptr(GError) error = NULL;
        if (g_strchug(line)[0] == '\0')
            continue;
        const char *wrong = import_line(import, line, (gssize)strlen(line), &error);
        if (wrong) {
            fprintf(stderr, "%s:%u: %s\n", name, number, wrong);
            import->wrong++;
        }
        if (import->in_batch >= IMPORT_BATCH)
            stored = commit(import);
    }
    end_message(import);
    return stored && commit(import);
}

static int import_from(Options *options, FILE *in, const char *name)
{
    g_autoptr(Pool) pool = pool_new();
    g_autoptr(StoreBatch) batch = store_batch_new();
    g_autoptr(GArray) recipients = g_array_new(FALSE, FALSE, sizeof(JournalRecipient));
    Import import = {
        .options = options,
        .batch = batch,
        .now = clock_seconds(&clock_system),
        .pool = pool,
        .recipients = recipients,
    };
    if (!import_lines(&import, in, name)) {
        g_autofree char *problem = store_problem(options->store);
        fprintf(stderr, "postern store: not all could be written: %s\n",
                problem ? problem : options->path->str);
        return EXIT_AGAIN;
    }
    if (ferror(in)) {
        fprintf(stderr, "postern store: %s: %s\n", name, g_strerror(errno));
        return EXIT_NO;
    }
    if (import.wrong)
        fprintf(stderr, "postern store: %u lines left out\n", import.wrong);
    return import.wrong ? EXIT_NO : EXIT_DONE;
}

static int run_import(Options *options)
{
    if (strcmp(options->input, "-") == 0)
        return import_from(options, stdin, "standard input");
    FILE *in = fopen(options->input, "re");
    if (!in) {
        fprintf(stderr, "postern store: %s: %s\n", options->input, g_strerror(errno));
        return EXIT_USAGE;
    }
    int status = import_from(options, in, options->input);
    fclose(in);
    return status;
}

/* --- the command --- */

static const struct {
    const char *name;
    int (*run)(Options *options);
    StoreUse use;
} subcommands[] = {
    {"check", run_check, STORE_TO_READ},   {"compact", run_compact, STORE_TO_WRITE},
    {"facts", run_facts, STORE_TO_READ},   {"export", run_export, STORE_TO_READ},
    {"import", run_import, STORE_TO_MAKE},
};

static int run(Options *options, gsize which)
{
    int status;
    StoreUse use = subcommands[which].use;
    g_autofree char *path = store_option_path(&options->option);
    g_autoptr(Store) store = path ? store_option_open(&options->option, use, &status) : NULL;
    if (!path)
        return EXIT_USAGE;
    g_string_assign(options->path, path);
    options->store = store;
    return store ? subcommands[which].run(options) : status;
}

static int find_and_run(int argc, char **argv, Options *options)
{
    for (gsize i = 0; i < G_N_ELEMENTS(subcommands) && argc > 1; i++) {
        if (strcmp(argv[1], subcommands[i].name) != 0)
            continue;
        if (argc > (subcommands[i].run == run_import ? 3 : 2))
            break;
        options->input = argc == 3 ? argv[2] : "-";
        return run(options, i);
    }
    fprintf(stderr, "Usage: postern store check|compact|facts|export|import (-c FILE | --file PATH) [--json]"
                    " [--journal] [INPUT]\n");
    return EXIT_USAGE;
}

int command_store(int argc, char **argv)
{
    Options options = {.path = g_string_new(NULL)};
    const GOptionEntry entries[] = {
        STORE_ENTRIES(options.option),
        {"journal", 0, 0, G_OPTION_ARG_NONE, &options.journal, "export the journal, too", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines (facts)", NULL},
        {NULL},
    };
    int status = EXIT_USAGE;
    if (command_options(
            &argc, &argv, entries, "check|compact|facts|export|import [INPUT]",
            "Looks after the file of what is remembered ([store] path), also while the filter runs.\n"
            "check reads all of it and says what is broken; compact gives unused space back; facts counts;\n"
            "export prints entries as lines of JSON; import takes such lines from INPUT."))
        status = find_and_run(argc, argv, &options);
    g_string_free(options.path, TRUE);
    store_option_clear(&options.option);
    return status;
}
