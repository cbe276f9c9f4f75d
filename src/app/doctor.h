/* doctor.h — between doctor.c (the table of checks, the command) and the files that hold them. */
#pragma once

#include <glib/gstdio.h>
#include <pwd.h>
#include <sys/types.h>

#include "app/outside.h"
#include "base/record.h"

typedef enum {
    ADVICE_ERROR,
    ADVICE_WARNING,
    ADVICE_NOTE
} AdviceLevel; /* a note is no reason to say that all is not well */

typedef struct {
    const char *config_path, *postfix, *sendmail; /* as given; NULL: not to be looked at */
    Config *config;                               /* NULL: it cannot be used */
    Outside outside;                              /* without a configuration: the defaults' */
    gboolean dns_is_away;                         /* so there is no sense in more questions */
    pid_t pid;                                    /* of the filter that listens; 0: not known */
    const char *check;                            /* the one that is under way */
    Record *findings;                             /* what the checks have to say, in a list "findings" */
    guint n[3];                                   /* by level */
} Doctor;

/* `file` is where something is to be changed and `line` what should stand there; both may be NULL. */
void advise(Doctor *doctor, AdviceLevel level, const char *file, const char *line, const char *format, ...)
    G_GNUC_PRINTF(5, 6);

typedef struct {
    const char *name;
    void (*run)(Doctor *doctor);
    gboolean needs_config;
} DoctorCheck;

/* doctor-mta.c */
void doctor_postfix(Doctor *doctor);
void doctor_sendmail(Doctor *doctor);
void doctor_macros(Doctor *doctor);
/* May `user` do that to a file of this status: 4 read, 2 write, 1 pass through? ACLs are not looked at. */
gboolean doctor_may(const GStatBuf *st, const struct passwd *user, mode_t bit);
/* doctor-host.c */
void doctor_config(Doctor *doctor);
void doctor_sockets(Doctor *doctor);
void doctor_files(Doctor *doctor);
void doctor_rights(Doctor *doctor);
void doctor_maps(Doctor *doctor);
void doctor_limits(Doctor *doctor);
void doctor_resolver(Doctor *doctor);
void doctor_name(Doctor *doctor);
void doctor_clock(Doctor *doctor);
/* doctor-sign.c; the last two are parts of doctor_postfix() and doctor_sendmail(). */
void doctor_keys(Doctor *doctor);
void doctor_postfix_signing(Doctor *doctor, const char *main_path, GHashTable *values);
void doctor_sendmail_signing(Doctor *doctor, const char *text);
