/* postern doctor — what usually goes wrong, looked for from here; each finding with the line to change (K11). */
#include "app/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "app/command.h"

static const DoctorCheck checks[] = {
    {"config", doctor_config},
    {"sockets", doctor_sockets, TRUE},
    {"postfix", doctor_postfix, TRUE},
    {"sendmail", doctor_sendmail, TRUE},
    {"macros", doctor_macros, TRUE},
    {"files", doctor_files, TRUE},
    {"rights", doctor_rights, TRUE},
    {"maps", doctor_maps, TRUE},
    {"limits", doctor_limits, TRUE},
    {"resolver", doctor_resolver},
    {"name", doctor_name},
    {"clock", doctor_clock},
    {"keys", doctor_keys, TRUE},
};

static const char *const level_words[] = {"error", "warning", "note"};

void advise(Doctor *doctor, AdviceLevel level, const char *file, const char *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    Record *finding = record_element(doctor->findings, "findings");
    record_str(finding, "check", doctor->check);
    record_str(finding, "severity", level_words[level]);
    record_str(finding, "text", text);
    record_str(finding, "file", file);
    record_str(finding, "change", line);
    doctor->n[level]++;
}

static const char *look(const Doctor *doctor, guint i, const char *name)
{
    g_autofree char *path = g_strdup_printf("findings.%u.%s", i, name);
    return record_lookup(doctor->findings, path);
}

static void show(const Doctor *doctor, gboolean json)
{
    if (json) {
        command_print(doctor->findings, TRUE);
        return;
    }
    const char *text;
    for (guint i = 0; (text = look(doctor, i, "text")); i++) {
        const char *file = look(doctor, i, "file"), *change = look(doctor, i, "change");
        printf("%s: %s: %s\n", look(doctor, i, "severity"), look(doctor, i, "check"), text);
        if (change)
            printf("    %s%s%s\n", file ? file : "", file ? ": " : "", change);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(level_words); i++)
        printf("%u %s%s%s", doctor->n[i], level_words[i], doctor->n[i] == 1 ? "" : "s",
               i + 1 < G_N_ELEMENTS(level_words) ? ", " : "\n");
}

static int examine(Doctor *doctor, const OutsideOptions *options, gboolean json)
{
    g_autoptr(Problems) quiet = problems_new(); /* doctor_config() tells them */
    g_autoptr(Config) config = config_load(doctor->config_path, quiet);
    doctor->config = config;
    if (!outside_open(&doctor->outside, options, config))
        return EXIT_USAGE;
    doctor->findings = record_new();
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++) {
        doctor->check = checks[i].name;
        if (config || !checks[i].needs_config)
            checks[i].run(doctor);
    }
    show(doctor, json);
    record_free(doctor->findings);
    outside_close(&doctor->outside);
    return doctor->n[ADVICE_ERROR] + doctor->n[ADVICE_WARNING] ? EXIT_NO : EXIT_DONE;
}

int command_doctor(int argc, char **argv)
{
    g_autofree char *config = NULL, *postfix = NULL, *sendmail = NULL;
    gboolean json = FALSE;
    OutsideOptions outside = {0};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config, "the configuration file", "FILE"},
        {"postfix", 0, 0, G_OPTION_ARG_FILENAME, &postfix, "the folder of main.cf and master.cf", "FOLDER"},
        {"sendmail", 0, 0, G_OPTION_ARG_FILENAME, &sendmail, "sendmail.cf or sendmail.mc", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "JSON for machines", NULL},
        OUTSIDE_ENTRIES(outside),
        {NULL},
    };
    if (!command_options(&argc, &argv, entries, "",
                         "Looks for what usually goes wrong between the filter, its MTA and its host, and "
                         "says which line to\n"
                         "change. Run it as root: then it sees what the MTA sees.\n"
                         "Exit status 0: all is well; 1: errors or warnings; 2: usage."))
        return EXIT_USAGE;
    if (argc != 1 || !config) {
        fprintf(stderr, "Usage: postern doctor -c FILE [--postfix FOLDER] [--sendmail FILE]\n");
        return EXIT_USAGE;
    }
    Doctor doctor = {.config_path = config, .postfix = postfix, .sendmail = sendmail};
    int status = examine(&doctor, &outside, json);
    outside_options_clear(&outside);
    return status;
}
