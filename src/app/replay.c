/* postern replay — stored mail through two configurations: what would become of it otherwise (K8). */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/offline.h"
#include "app/stored.h"

#define FOLDERS_DEEP_MAX 16

typedef struct {
    char *old_path, *new_path;
    EnvelopeOptions envelope;
    gboolean json;
    OutsideOptions outside;
} Options;

typedef struct {
    const Options *options;
    Offline old, new;
    guint messages, differ, skipped;
    gboolean told; /* something about the message that is being compared */
} Replay;

static void drop_line(LogLevel level, const char *line, void *data)
{
}

/* --- what became of one recipient --- */

typedef struct {
    const char *verb, *tag, *subject, *rule; /* borrowed from the outcome; NULL: none */
    const char *answer;                      /* the last that was said about it */
} Verdict;

static const char *look(const Outcome *outcome, guint rcpt, const char *rest)
{
    g_autofree char *path = g_strdup_printf("recipients.%u.%s", rcpt, rest);
    return record_lookup(outcome->record, path);
}

static const char *look_finding(const Outcome *outcome, guint rcpt, guint finding, const char *name)
{
    g_autofree char *rest = g_strdup_printf("findings.%u.%s", finding, name);
    return look(outcome, rcpt, rest);
}

static Verdict verdict(const Outcome *outcome, guint rcpt)
{
    Verdict v = {.verb = look(outcome, rcpt, "verb")};
    const char *fate;
    for (guint i = 0; (fate = look_finding(outcome, rcpt, i, "fate")); i++) {
        if (strcmp(fate, "decides") != 0)
            continue;
        v.tag = look_finding(outcome, rcpt, i, "tag");
        v.subject = look_finding(outcome, rcpt, i, "subject");
        v.rule = look_finding(outcome, rcpt, i, "rule");
        break;
    }
    gboolean told = outcome->rcpts[0] != NULL; /* else MAIL was refused */
    v.answer = !told ? record_lookup(outcome->record, "answers.mail")
               : strcmp(outcome->rcpts[rcpt], "accepted") == 0 ? outcome->end
                                                               : outcome->rcpts[rcpt];
    return v;
}

/* Which rule gave the verb is shown, and is no difference: it stands in another file. */
static gboolean same(const Verdict *a, const Verdict *b)
{
    return g_strcmp0(a->verb, b->verb) == 0 && g_strcmp0(a->tag, b->tag) == 0 &&
           g_strcmp0(a->subject, b->subject) == 0 && g_strcmp0(a->answer, b->answer) == 0;
}

static char *verdict_to_string(const Verdict *v)
{
    GString *text = g_string_new(v->verb ? v->verb : "nothing");
    if (v->tag)
        g_string_append_printf(text, " by %s%s%s (%s)", v->tag, v->subject && *v->subject ? " for " : "",
                               v->subject ? v->subject : "", v->rule);
    if (v->answer)
        g_string_append_printf(text, ", %s", v->answer);
    return g_string_free(text, FALSE);
}

static void record_verdict(Record *record, const Verdict *v)
{
    record_str(record, "verb", v->verb);
    record_str(record, "tag", v->tag);
    record_str(record, "subject", v->subject);
    record_str(record, "rule", v->rule);
    record_str(record, "answer", v->answer);
}

static void print_json(const Record *record)
{
    g_autofree char *line = record_to_json(record);
    puts(line);
}

static void compare_rcpt(Replay *replay, const char *path, const char *rcpt, const Verdict *was,
                         const Verdict *is)
{
    if (same(was, is))
        return;
    replay->told = TRUE;
    if (replay->options->json) {
        g_autoptr(Record) record = record_new();
        record_str(record, "message", path);
        record_str(record, "rcpt", rcpt);
        record_verdict(record_child(record, "old"), was);
        record_verdict(record_child(record, "new"), is);
        print_json(record);
        return;
    }
    g_autofree char *before = verdict_to_string(was), *after = verdict_to_string(is);
    printf("%s: %s\n    old: %s\n    new: %s\n", path, rcpt, before, after);
}

/* --- edits --- */

/* Lines of `some` that `others` has not. */
static char **missing_from(char **some, char **others)
{
    GPtrArray *lines = g_ptr_array_new();
    for (char **line = some; *line; line++)
        if (**line && !g_strv_contains((const char *const *)others, *line))
            g_ptr_array_add(lines, g_strdup(*line));
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}

static void compare_edits(Replay *replay, const char *path, const Outcome *was, const Outcome *is)
{
    g_auto(GStrv) before = g_strsplit(was->edits, "\n", -1), after = g_strsplit(is->edits, "\n", -1);
    g_auto(GStrv) gone = missing_from(before, after), come = missing_from(after, before);
    if (!*gone && !*come)
        return;
    replay->told = TRUE;
    if (replay->options->json) {
        g_autoptr(Record) record = record_new();
        record_str(record, "message", path);
        record_strv(record, "edits_old", (const char *const *)gone);
        record_strv(record, "edits_new", (const char *const *)come);
        print_json(record);
        return;
    }
    printf("%s: edits\n", path);
    for (char **line = gone; *line; line++)
        printf("    old: %s\n", *line);
    for (char **line = come; *line; line++)
        printf("    new: %s\n", *line);
}

/* --- one message --- */

static void skip(Replay *replay, const char *path, const char *why)
{
    fprintf(stderr, "postern replay: %s: %s, skipped\n", path, why);
    replay->skipped++;
}

static void compare(Replay *replay, const char *path, const ReplayEnvelope *envelope, const Stored *stored)
{
    g_autoptr(GError) error = NULL;
    Outcome was, is;
    if (!offline_judge(&replay->old, envelope, stored->bytes, stored->len, &was, &error)) {
        skip(replay, path, error->message);
        return;
    }
    if (offline_judge(&replay->new, envelope, stored->bytes, stored->len, &is,
                      NULL)) { /* the same envelope */
        replay->messages++;
        replay->told = FALSE;
        for (guint i = 0; envelope->rcpts[i]; i++) {
            Verdict before = verdict(&was, i), after = verdict(&is, i);
            compare_rcpt(replay, path, envelope->rcpts[i], &before, &after);
        }
        compare_edits(replay, path, &was, &is);
        replay->differ += replay->told;
        outcome_clear(&is);
    }
    outcome_clear(&was);
}

/* What the command line says goes before what the file says. */
static void replay_file(Replay *replay, const char *path)
{
    const Options *options = replay->options;
    g_autoptr(GError) error = NULL;
    Stored stored;
    if (!stored_read(path, &stored, &error)) {
        skip(replay, path, error->message);
        return;
    }
    g_ptr_array_add(stored.rcpts, NULL);
    const ReplayEnvelope envelope = {
        .ip = options->envelope.ip ? options->envelope.ip : stored.ip,
        .ptr = options->envelope.ptr  ? options->envelope.ptr
               : options->envelope.ip ? NULL
                                      : stored.ptr,
        .helo = options->envelope.helo ? options->envelope.helo : stored.helo,
        .from = options->envelope.from ? options->envelope.from
                : stored.from          ? stored.from
                                       : "<>",
        .rcpts = options->envelope.rcpts ? (const char *const *)options->envelope.rcpts
                                         : (const char *const *)stored.rcpts->pdata,
        .login = options->envelope.login,
        .receiver = options->envelope.receiver,
    };
    if (!envelope.rcpts[0])
        skip(replay, path, "no recipient is known (X-Envelope-To, Delivered-To or --rcpt)");
    else if (!options->envelope.from && !stored.from)
        skip(replay, path, "no sender is known (X-Envelope-From, Return-Path or --from)");
    else
        compare(replay, path, &envelope, &stored);
    stored_clear(&stored);
}

/* --- files and folders --- */

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void replay_path(Replay *replay, const char *path, int deep);

static void replay_folder(Replay *replay, const char *path, GDir *dir, int deep)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while ((name = g_dir_read_name(dir)))
        if (*name != '.' && !g_str_has_suffix(name, ".json"))
            g_ptr_array_add(names, g_build_filename(path, name, NULL));
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len; i++)
        replay_path(replay, names->pdata[i], deep + 1);
}

static void replay_path(Replay *replay, const char *path, int deep)
{
    g_autoptr(GDir) dir = deep < FOLDERS_DEEP_MAX ? g_dir_open(path, 0, NULL) : NULL;
    if (dir)
        replay_folder(replay, path, dir, deep);
    else
        replay_file(replay, path);
}

static int summary(const Replay *replay)
{
    if (replay->options->json) {
        g_autoptr(Record) record = record_new();
        record_int(record, "messages", replay->messages);
        record_int(record, "differ", replay->differ);
        record_int(record, "skipped", replay->skipped);
        print_json(record);
    } else {
        printf("%u messages, %u differ, %u skipped\n", replay->messages, replay->differ, replay->skipped);
    }
    if (!replay->messages)
        return EXIT_USAGE;
    return replay->differ ? EXIT_NO : EXIT_DONE;
}

static Config *load(const char *path)
{
    g_autoptr(Problems) problems = problems_new();
    Config *config = config_load(path, problems);
    command_print_problems(problems);
    return config;
}

static int run(const Options *options, char **paths)
{
    g_autoptr(Config) old = load(options->old_path), new = load(options->new_path);
    Outside outside;
    if (!old || !new || !outside_open(&outside, &options->outside, new))
        return EXIT_USAGE;
    g_autoptr(Problems) problems = problems_new();
    Replay replay = {.options = options};
    int status = EXIT_USAGE;
    log_set_sink(drop_line, NULL); /* what differs is said here */
    gboolean opened = offline_open(&replay.old, &outside, old, problems);
    opened = offline_open(&replay.new, &outside, new, problems) && opened;
    command_print_problems(problems);
    if (opened) {
        for (char **path = paths; *path; path++)
            replay_path(&replay, *path, 0);
        status = summary(&replay);
    }
    offline_close(&replay.old);
    offline_close(&replay.new);
    outside_close(&outside);
    return status;
}

static void options_clear(Options *options)
{
    g_free(options->old_path);
    g_free(options->new_path);
    envelope_options_clear(&options->envelope);
    outside_options_clear(&options->outside);
}

int command_replay(int argc, char **argv)
{
    Options options = {0};
    const GOptionEntry entries[] = {
        {"old", 0, 0, G_OPTION_ARG_FILENAME, &options.old_path, "the configuration that is in force", "FILE"},
        {"new", 0, 0, G_OPTION_ARG_FILENAME, &options.new_path, "the one that is to be tried", "FILE"},
        ENVELOPE_ENTRIES(options.envelope),
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "JSON for machines, one object a line", NULL},
        OUTSIDE_ENTRIES(options.outside),
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "MESSAGE|FOLDER…",
                         "Judges stored mail by two configurations and shows recipients, deciding findings "
                         "and edits that\n"
                         "differ. The envelope is the quarantine's (.json beside .eml), or that of "
                         "X-Envelope-From and -To,\n"
                         "Return-Path, Delivered-To and the topmost Received with a client's address.\n"
                         "Exit status 0: no difference; 1: differences; 2: nothing could be judged."))
        return EXIT_USAGE;
    if (argc < 2 || !options.old_path || !options.new_path) {
        fprintf(stderr, "postern replay: --old FILE, --new FILE and messages are needed\n");
        return EXIT_USAGE;
    }
    int status = run(&options, argv + 1);
    options_clear(&options);
    return status;
}
