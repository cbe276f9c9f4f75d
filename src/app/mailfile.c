#include "app/mailfile.h"

#include <stdio.h>
#include <string.h>

#include "app/command.h"

#define READ_SIZE   65536
#define KEY_TIMEOUT 20 /* seconds */

static gboolean read_input(char **bytes, gsize *len, GError **error)
{
    GString *text = g_string_new(NULL);
    char buffer[READ_SIZE];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
        g_string_append_len(text, buffer, (gssize)n);
    *len = text->len;
    *bytes = g_string_free(text, FALSE);
    if (ferror(stdin))
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO, "standard input cannot be read");
    return !ferror(stdin);
}

static void add_crs(MailFile *mail)
{
    const char *lf = memchr(mail->bytes, '\n', mail->len);
    if (!lf || (lf > mail->bytes && lf[-1] == '\r'))
        return;
    GString *text = g_string_sized_new(mail->len + mail->len / 32);
    const char *p = mail->bytes, *end = p + mail->len;
    for (; p < end && (lf = memchr(p, '\n', (gsize)(end - p))); p = lf + 1) {
        g_string_append_len(text, p, lf - p);
        g_string_append(text, "\r\n");
    }
    g_string_append_len(text, p, end - p);
    g_free(mail->bytes);
    mail->len = text->len;
    mail->bytes = g_string_free(text, FALSE);
}

gboolean mailfile_bytes(const char *path, char **bytes, gsize *len, GError **error)
{
    gboolean input = !path || strcmp(path, "-") == 0;
    return input ? read_input(bytes, len, error) : g_file_get_contents(path, bytes, len, error);
}

gboolean mailfile_read(MailFile *mail, const char *path, GError **error)
{
    *mail = (MailFile){0};
    if (!mailfile_bytes(path, &mail->bytes, &mail->len, error))
        return FALSE;
    add_crs(mail);
    mail->header = dkim_header_new();
    mail->start = dkim_header_read(mail->header, mail->bytes, mail->len);
    return TRUE;
}

void mailfile_clear(MailFile *mail)
{
    g_clear_pointer(&mail->header, dkim_header_free);
    g_clear_pointer(&mail->bytes, g_free);
}

void mailfile_hash(const MailFile *mail, DkimBody *body)
{
    dkim_body_add(body, mail->bytes + mail->start, mail->len - mail->start);
    dkim_body_end(body);
}

int mailfile_run(const char *command, const char *path, const OutsideOptions *outside_options,
                 MailFileRun run, const void *options)
{
    g_autoptr(GError) error = NULL;
    MailFile mail;
    Outside outside;
    int status = EXIT_USAGE;
    if (!mailfile_read(&mail, path, &error)) {
        fprintf(stderr, "postern %s: %s\n", command, error->message);
        return status;
    }
    if (outside_open(&outside, outside_options, NULL)) {
        status = run(options, &outside, &mail);
        outside_close(&outside);
    }
    mailfile_clear(&mail);
    return status;
}

gint64 mailfile_deadline(void)
{
    return g_get_monotonic_time() + KEY_TIMEOUT * G_TIME_SPAN_SECOND;
}

/* ---- signer ---- */

static gboolean parse_canon(Signer *signer, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    return parts[0] && parts[1] && dkim_canon_parse(parts[0], -1, &signer->header_canon) &&
           dkim_canon_parse(parts[1], -1, &signer->body_canon);
}

gboolean signer_open(Signer *signer, const SignerOptions *options, GError **error)
{
    g_autofree char *pem = NULL;
    gsize len;
    *signer = (Signer){0};
    if (!options->key || !options->domain || !options->selector) {
        g_set_error_literal(error, DKIM_ERROR, DKIM_ERROR_KEY, "--key, --domain and --selector are needed");
        return FALSE;
    }
    if (!parse_canon(signer, options->canon ? options->canon : "relaxed/relaxed")) {
        g_set_error(error, DKIM_ERROR, DKIM_ERROR_MESSAGE, "--canon %s: write it as relaxed/simple",
                    options->canon);
        return FALSE;
    }
    if (!g_file_get_contents(options->key, &pem, &len, error))
        return FALSE;
    signer->key = dkim_key_from_pem(pem, len, error);
    signer->names = options->names ? g_strsplit(options->names, ":", -1) : NULL;
    g_prefix_error(error, "%s: ", options->key);
    return signer->key != NULL;
}

void signer_close(Signer *signer)
{
    g_clear_pointer(&signer->key, dkim_key_unref);
    g_clear_pointer(&signer->names, g_strfreev);
}

void signer_options_clear(SignerOptions *options)
{
    g_free(options->key);
    g_free(options->domain);
    g_free(options->selector);
    g_free(options->canon);
    g_free(options->names);
    g_strfreev(options->fields);
    g_strfreev(options->oversign);
}
