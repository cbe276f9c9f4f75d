/* arc-internal.h — what the arc-*.c share: the sets of a header. */
#pragma once

#include <postern/arc.h>

#include "dkim-internal.h"

typedef struct {
    guint authres;               /* field; DKIM_NO_FIELD: none */
    Span results;                /* of it, after "i=1;" */
    DkimSignature message, seal; /* their field is DKIM_NO_FIELD: none */
} ArcLink;

typedef struct {
    guint n;        /* sets: the highest instance */
    ArcLink *links; /* [instance - 1]; ARC_INSTANCES_MAX */
    char *wrong;    /* NULL: the structure is right (RFC 8617 §5.2, steps 1 to 3) */
    gboolean at_end;
} ArcChain;

void arc_chain_read(ArcChain *chain, const DkimHeader *header, gint64 now);
void arc_chain_clear(ArcChain *chain);
/* A whole field, relaxed, with its CRLF (RFC 8617 §5.1.1). */
void arc_hash_field(EVP_MD_CTX *hash, const DkimField *field);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ArcChain, arc_chain_clear)
