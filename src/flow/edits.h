/*
 * edits.h — what is to be changed in a message, as a list. Collected while the message is judged, shown, tested as
 * text, and applied once by the adapter at end of message.
 *
 * Headers and body are marked apart (I6): a header edit never makes the body be sent back. One thread.
 */
#pragma once

#include <glib.h>

typedef enum {
    EDIT_HEADER_CHANGE,  /* the nth field of that name, 1 is the topmost as received */
    EDIT_HEADER_DELETE,  /* the same */
    EDIT_HEADER_APPEND,  /* below all others */
    EDIT_HEADER_PREPEND, /* above all others, the MTA's own Received included; the last one added is topmost */
    EDIT_SENDER,         /* new MFROM; value with brackets, args may be NULL */
    EDIT_RCPT_ADD,       /* value with brackets */
    EDIT_RCPT_DELETE,    /* value exactly as the MTA sent it */
    EDIT_BODY,           /* the whole new body */
    EDIT_HOLD,           /* into the MTA's own quarantine; value is the reason */
} EditKind;

typedef struct {
    EditKind kind;
    const char *by;   /* the check or action that wants it */
    const char *name; /* header name */
    guint nth;        /* HEADER_CHANGE, HEADER_DELETE */
    /* Header value without the blank after the colon; lines are folded with "\n\t" or "\n ". */
    const char *value;
    const char *args; /* EDIT_SENDER, EDIT_RCPT_ADD: ESMTP arguments */
    GBytes *body;     /* EDIT_BODY, with CRLF line ends */
} Edit;

typedef struct Edits Edits;

Edits *edits_new(void);
void edits_free(Edits *edits); /* NULL is allowed */
/* From now on header values are made ASCII: each other byte becomes "?". For messages that did not come with SMTPUTF8, of
 * which an 8-bit field of ours could make one that the next hop refuses (RFC 6532 §3.2, RFC 6531 §3.4). */
void edits_keep_ascii(Edits *edits);
/* The value that a header edit with this value has, for who signs it before it is one. The caller frees. */
char *edits_header_value(const Edits *edits, const char *value);
/* All strings are copied. */
void edits_change_header(Edits *edits, const char *by, const char *name, guint nth, const char *value);
void edits_delete_header(Edits *edits, const char *by, const char *name, guint nth);
void edits_append_header(Edits *edits, const char *by, const char *name, const char *value);
void edits_prepend_header(Edits *edits, const char *by, const char *name, const char *value);
void edits_change_sender(Edits *edits, const char *by, const char *sender, const char *args);
void edits_add_rcpt(Edits *edits, const char *by, const char *rcpt, const char *args);
void edits_delete_rcpt(Edits *edits, const char *by, const char *rcpt);
void edits_replace_body(Edits *edits, const char *by, GBytes *body);
void edits_hold(Edits *edits, const char *by, const char *reason);

guint edits_len(const Edits *edits);
gboolean edits_touch_headers(const Edits *edits);
gboolean edits_touch_body(const Edits *edits);
/* In the order that both MTAs apply rightly: sender and recipients; header changes and deletes, the highest instance
 * first; appends; prepends, so that the first collected ends up lowest; body; hold. `index` < edits_len(). */
const Edit *edits_at(const Edits *edits, guint index);
/* One line an edit: `header + Received-SPF: pass …` (tests, trace). The caller frees. */
char *edits_to_text(const Edits *edits);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Edits, edits_free)
