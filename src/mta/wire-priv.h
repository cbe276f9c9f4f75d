/* wire-priv.h — what the files of the codec share; nobody else includes it. */
#pragma once

#include <glib.h>

#define WIRE_HEAD 5 /* length and letter */

guint32 wire_get_u32(const guint8 *at);
void wire_append_u32(GString *out, guint32 value);
/* A packet is written in place: begin, append the payload, end. */
gsize wire_begin(GString *out, guint8 letter);
void wire_end(GString *out, gsize begin);
