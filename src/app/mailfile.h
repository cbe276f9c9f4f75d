/* mailfile.h — a message file and a key file, as `postern dkim` and `postern arc` take them. */
#pragma once

#include <postern/dkim.h>

#include "app/outside.h"

typedef struct {
    char *bytes;      /* with CRLF line ends; the header borrows from it */
    gsize len, start; /* start: of the body */
    DkimHeader *header;
} MailFile;

/* The bytes as they are, owned by the caller; `path` NULL or "-": standard input. FALSE with *error. */
gboolean mailfile_bytes(const char *path, char **bytes, gsize *len, GError **error);
/* The same `path`. A file whose first line ends with LF alone is taken for a local one, and all its
 * LFs for line ends; any other is taken as it is. FALSE with *error. */
gboolean mailfile_read(MailFile *mail, const char *path, GError **error);
void mailfile_clear(MailFile *mail);
/* The whole body, and its end. */
void mailfile_hash(const MailFile *mail, DkimBody *body);

/* A subcommand that takes one message: reads it, opens what is needed from outside, and runs. The exit status. */
typedef int (*MailFileRun)(const void *options, const Outside *outside, const MailFile *mail);
int mailfile_run(const char *command, const char *path, const OutsideOptions *outside, MailFileRun run,
                 const void *options);
/* g_get_monotonic_time() by which all keys must have been looked up. */
gint64 mailfile_deadline(void);

/* What both take to sign. Option parsing makes the strings. */
typedef struct {
    char *key, *domain, *selector, *canon;
    char **fields, **oversign;
    char *names;
} SignerOptions;

/* clang-format off */
#define SIGNER_ENTRIES(o)                                                                                    \
    {"key", 'k', 0, G_OPTION_ARG_FILENAME, &(o).key, "the private key, in PEM", "FILE"},                     \
    {"domain", 'd', 0, G_OPTION_ARG_STRING, &(o).domain, "who signs", "DOMAIN"},                             \
    {"selector", 's', 0, G_OPTION_ARG_STRING, &(o).selector, "which of the domain's keys it is", "NAME"},    \
    {"canon", 0, 0, G_OPTION_ARG_STRING, &(o).canon,                                                         \
     "simple or relaxed, for header and body; relaxed/relaxed if not given", "HEADER/BODY"},                 \
    {"field", 0, 0, G_OPTION_ARG_STRING_ARRAY, &(o).fields, "sign the fields of this name, once for each",   \
     "NAME"},                                                                                                \
    {"oversign", 0, 0, G_OPTION_ARG_STRING_ARRAY, &(o).oversign,                                             \
     "allow no more fields of this name, once for each; From if not given", "NAME"},                         \
    {"names", 0, 0, G_OPTION_ARG_STRING, &(o).names, "exactly this list of fields", "NAME:NAME…"}
/* clang-format on */

/* The same, understood. */
typedef struct {
    DkimKey *key;
    DkimCanon header_canon, body_canon;
    char **names;
} Signer;

/* FALSE with *error. */
gboolean signer_open(Signer *signer, const SignerOptions *options, GError **error);
void signer_close(Signer *signer);
void signer_options_clear(SignerOptions *options);
