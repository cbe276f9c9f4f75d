/*
 * edit.h — an Edit of the flow, as packets for the MTA. Pure.
 */
#pragma once

#include "flow/edits.h"
#include "mta/negotiate.h"

/* Where a body that takes several packets has got to. Starts as zero. */
typedef struct {
    gsize done;
    gboolean begun;
} EditProgress;

/* The WIRE_MAY_… bits that the edit needs and `actions` has not; 0: it can be played. */
guint32 edit_lacking(const Edit *edit, guint32 actions);
/* Appends the next packet of the edit. FALSE: there is none left, or the MTA does not take it. A recipient
 * with arguments is added without them where only that is allowed. */
gboolean edit_put(GString *out, const Edit *edit, const Negotiation *agreed, EditProgress *progress);
/* "add a header", for the log. */
const char *edit_words(EditKind kind);
