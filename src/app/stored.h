/*
 * stored.h — a message from a file, with the envelope it came in, as far as that can still be known.
 *
 * In this order: the quarantine's sidecar beside it (NAME.json beside NAME.eml); X-Envelope-From and -To; Return-Path,
 * Delivered-To, X-Original-To; the topmost Received field that has a client's address, for that, its HELO and its name.
 */
#pragma once

#include <glib.h>

/* Over it a file is no message: 256 MiB. */
#define STORED_BYTES_MAX ((gsize)256 << 20)
/* Recipients that are taken from header fields. */
#define STORED_RCPTS_MAX 1000

typedef struct {
    char *bytes;
    gsize len;
    char *ip, *ptr, *helo; /* NULL: not known */
    char *from;            /* NULL: not known; "<>" or "" is the null sender */
    GPtrArray *rcpts;      /* of char *, without a NULL at the end; may be empty */
} Stored;

gboolean stored_read(const char *path, Stored *stored, GError **error);
void stored_clear(Stored *stored);
/* The envelope of what is in `bytes` alone. Pure, for stored_read() and tests. */
void stored_from_headers(Stored *stored);
