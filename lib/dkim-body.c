/* dkim-body.c — each canonical form of a body is made and hashed once, for all who ask (RFC 6376 §3.7). */
#include <string.h>

#include "dkim-internal.h"

typedef struct {
    DkimCanon canon;
    guint64 limit;
    guint8 hash[DKIM_HASH_SIZE];
} Form;

/* One canonical form and its running hash. */
typedef struct {
    DkimBody *body;
    DkimCanonBody *canon; /* NULL: nobody asked */
    EVP_MD_CTX *hash;
    guint64 length;  /* of the canonical form so far */
    GArray *waiting; /* of guint: forms, by rising limit; those before `next` have their hash */
    guint next;
} Stream;

struct DkimBody {
    GArray *forms; /* of Form */
    Stream streams[DKIM_N_CANONS];
    gboolean started, ended;
};

static Form *form_at(const DkimBody *body, guint index)
{
    return &g_array_index(body->forms, Form, index);
}

DkimBody *dkim_body_new(void)
{
    DkimBody *body = g_new0(DkimBody, 1);
    body->forms = g_array_new(FALSE, TRUE, sizeof(Form));
    return body;
}

void dkim_body_free(DkimBody *body)
{
    if (!body)
        return;
    for (guint i = 0; i < DKIM_N_CANONS; i++) {
        Stream *stream = &body->streams[i];
        dkim_canon_body_free(stream->canon);
        EVP_MD_CTX_free(stream->hash);
        g_clear_pointer(&stream->waiting, g_array_unref);
    }
    g_array_unref(body->forms);
    g_free(body);
}

/* The form whose limit comes next; NULL: nobody waits for more bytes. */
static Form *next_form(const Stream *stream)
{
    return stream->next < stream->waiting->len
               ? form_at(stream->body, g_array_index(stream->waiting, guint, stream->next))
               : NULL;
}

/* A limit inside of this piece takes the hash as it is there; the hashing goes on for the others. */
static void take_piece(const void *bytes, gsize len, void *data)
{
    Stream *stream = data;
    const char *p = bytes;
    for (Form *form; (form = next_form(stream)) && form->limit - stream->length <= len; stream->next++) {
        gsize part = (gsize)(form->limit - stream->length);
        dkim_hash_add(stream->hash, p, part);
        dkim_hash_peek(stream->hash, form->hash);
        stream->length += part;
        p += part;
        len -= part;
    }
    if (next_form(stream))
        dkim_hash_add(stream->hash, p, len);
    stream->length += len;
}

static void open_stream(DkimBody *body, DkimCanon canon)
{
    Stream *stream = &body->streams[canon];
    stream->body = body;
    stream->canon = dkim_canon_body_new(canon, take_piece, stream);
    stream->hash = dkim_hash_new();
    stream->waiting = g_array_new(FALSE, FALSE, sizeof(guint));
}

guint dkim_body_want(DkimBody *body, DkimCanon canon, guint64 limit)
{
    g_assert(!body->started);
    Stream *stream = &body->streams[canon];
    if (!stream->canon)
        open_stream(body, canon);
    guint at = 0;
    for (; at < stream->waiting->len; at++) {
        guint known = g_array_index(stream->waiting, guint, at);
        if (form_at(body, known)->limit == limit)
            return known;
        if (form_at(body, known)->limit > limit)
            break;
    }
    const Form form = {.canon = canon, .limit = limit};
    guint index = body->forms->len;
    g_array_append_val(body->forms, form);
    g_array_insert_val(stream->waiting, at, index);
    return index;
}

void dkim_body_add(DkimBody *body, const void *bytes, gsize len)
{
    g_assert(!body->ended);
    body->started = TRUE;
    for (guint i = 0; i < DKIM_N_CANONS; i++)
        if (body->streams[i].canon)
            dkim_canon_body_add(body->streams[i].canon, bytes, len);
}

static void close_stream(Stream *stream)
{
    dkim_canon_body_end(stream->canon);
    for (Form *form; (form = next_form(stream)); stream->next++)
        dkim_hash_peek(stream->hash, form->hash);
}

void dkim_body_end(DkimBody *body)
{
    g_assert(!body->ended);
    body->started = body->ended = TRUE;
    for (guint i = 0; i < DKIM_N_CANONS; i++)
        if (body->streams[i].canon)
            close_stream(&body->streams[i]);
}

const guint8 *dkim_body_hash(const DkimBody *body, guint form)
{
    g_assert(body->ended && form < body->forms->len);
    return form_at(body, form)->hash;
}

guint64 dkim_body_length(const DkimBody *body, guint form)
{
    g_assert(body->ended && form < body->forms->len);
    return body->streams[form_at(body, form)->canon].length;
}

guint dkim_body_form(const DkimBody *body, DkimCanon canon, guint64 limit)
{
    for (guint i = 0; i < body->forms->len; i++)
        if (form_at(body, i)->canon == canon && form_at(body, i)->limit == limit)
            return i;
    g_assert_not_reached(); /* dkim_body_want() was not called */
}
