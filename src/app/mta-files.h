/*
 * mta-files.h — what the doctor must understand of the MTAs' own files. Pure parsers, tolerant: they read what administrators
 * wrote, and report nothing that they do not understand.
 */
#pragma once

#include <glib.h>

/* main.cf, or what postconf prints (postconf(5)): the last value of a name counts, continuation lines begin with blanks. A hash
 * of name → value. */
GHashTable *postfix_parse(const char *text);
/* The value with $name, ${name} and $(name) replaced, `fallback` when it is not set. The caller frees. */
char *postfix_value(GHashTable *main_cf, const char *name, const char *fallback);

typedef struct {
    gboolean chrooted; /* an smtpd of type inet runs in a chroot */
    char *overrides;   /* -o smtpd_milters=…: other milters for one of them; NULL: none */
} PostfixServices;
/* master.cf (master(5)). `chroot_default`: what "-" in its column means ("n" since Postfix 3.0). */
PostfixServices postfix_services(const char *master_cf, gboolean chroot_default);
void postfix_services_clear(PostfixServices *services);

/* "30", "30s", "5m", "1h", "1d", "1w"; -1: not a time. */
int mta_seconds(const char *text, int unit_default);

/* A milter in a list of Postfix's: name and braces of "{ inet:host:port, connect_timeout=10s }" taken off. The caller frees. */
char **postfix_milters(const char *list);

typedef struct {
    char *name, *socket; /* as written, "local:/path", "inet:port@host" */
    char flag;           /* of F=: 'T', 'R', '4'; 0: none, mail passes when the filter is away */
    int send, read, end; /* seconds: S 10, R 10, E 300 unless said otherwise */
    gboolean used;       /* named by InputMailFilters, or by an .mc line that does so */
    guint line;
} SendmailFilter;
typedef struct {
    char *name;
    char *flags;      /* F=; "" : none */
    int line_max;     /* L=; 0: lines of any length */
    gboolean is_smtp; /* P=[IPC] or [TCP] */
    guint line;
} SendmailMailer;
/* M lines of sendmail.cf, continuation lines beginning with blanks. Of SendmailMailer. */
GPtrArray *sendmail_mailers(const char *text);
/* Is there a line "O name=yes" ("true", "1")? Of sendmail.cf. */
gboolean sendmail_option_is_on(const char *text, const char *name);
/* What a line "DX…" defines the macro X as, or NULL; "" is none. The caller frees. */
char *sendmail_macro(const char *text, char macro);

/* Of sendmail.cf (X lines) or sendmail.mc (INPUT_MAIL_FILTER, MAIL_FILTER). Of SendmailFilter. */
GPtrArray *sendmail_filters(const char *text);
