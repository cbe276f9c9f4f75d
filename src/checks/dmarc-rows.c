#include "checks/dmarc-rows.h"

#include <string.h>

#include "checks/dkim.h"
#include "checks/relay.h"
#include "checks/spf.h"

#define DAY            (24 * 60 * 60)
#define HASH_LENGTH    16   /* hex digits that tell the rows of a domain and day apart */
#define DKIM_BYTES_MAX 1024 /* of the list of signatures, so that a row fits into an entry */

/* What became of the message, as far as it was DMARC's doing (RFC 9990 §3.1.1.8). NULL: it will come again. */
static const char *disposition_of(Message *message, const DmarcFact *fact)
{
    const char *word = fact->code == DMARC_PASS ? "pass" : "none";
    for (guint i = 0; i < message_n_recipients(message); i++) {
        const Recipient *recipient = message_recipient(message, i);
        const Weighing *weighing = recipient_weighing(recipient);
        if (recipient_state(recipient) != RCPT_ACCEPTED || !weighing)
            continue;
        if (weighing->reply.kind == REPLY_TEMPFAIL)
            return NULL;
        if (!weighing->decider || strcmp(weighing->decider->finding->check, "dmarc") != 0)
            continue;
        if (weighing->reply.kind == REPLY_REJECT)
            return "reject";
        if (weighing->verb >= VERB_HOLD)
            word = "quarantine";
    }
    return word;
}

/* Why it is not what the owner has published (RFC 9990 §3.1.1.9); NULL: it is. */
static const char *reason_of(Message *message, const DmarcFact *fact, const char *disposition)
{
    if (fact->code != DMARC_FAIL || strcmp(disposition, dmarc_policy_name((int)fact->policy)) == 0)
        return NULL;
    if (message_has_finding(message, TAG_ARC_TRUSTED) || message_has_finding(message, TAG_SPF_FORWARDER))
        return "trusted_forwarder";
    if (strcmp(disposition, dmarc_policy_name((int)fact->disposition)) == 0)
        return "policy_test_mode";
    return "local_policy";
}

static void add_dkim(Record *row, Message *message)
{
    const DkimFact *dkim = dkim_fact(message);
    g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func(g_free);
    gsize bytes = 0;
    for (guint i = 0; i < dkim->n; i++) {
        const DkimSigned *signature = &dkim->signatures[i];
        if (!*signature->domain || !signature->result->selector)
            continue;
        char *text = g_strdup_printf("%s %s %s", signature->domain, signature->result->selector,
                                     dkim_code_name((int)signature->code));
        bytes += strlen(text);
        if (bytes > DKIM_BYTES_MAX) {
            g_free(text);
            break;
        }
        g_ptr_array_add(results, text);
    }
    g_ptr_array_add(results, NULL);
    record_strv(row, "dkim_results", (const char *const *)results->pdata);
}

static void add_spf(Record *row, Message *message)
{
    const RelayFact *relay = relay_fact(message);
    if (relay->relay) {
        record_str(row, "spf_domain", message_sender(message)->domain);
        record_str(row, "spf_result", relay->spf);
        return;
    }
    const SpfFact *spf = spf_fact(message);
    record_str(row, "spf_domain", spf->domain);
    record_str(row, "spf_result", spf->skipped ? NULL : spf_code_name(spf->code));
}

static char *row_text(Message *message, const DmarcFact *fact, const char *disposition)
{
    g_autoptr(Record) row = record_new();
    record_str(row, "ip", session_ip_text(message_session(message)));
    record_str(row, "disposition", disposition);
    record_str(row, "dkim", fact->dkim_aligned ? "pass" : "fail");
    record_str(row, "spf", fact->spf_aligned ? "pass" : "fail");
    record_str(row, "reason", reason_of(message, fact, disposition));
    record_str(row, "header_from", fact->author);
    record_str(row, "envelope_from", message_sender(message)->domain);
    add_spf(row, message);
    add_dkim(row, message);
    return record_to_json(row);
}

/* Fewer than `max` rows are counted under `key`. */
static gboolean has_room(Session *session, Pool *pool, const char *key, gint64 max)
{
    StoreEntry entry;
    return session_recall(session, pool, STORE_DMARC, key, &entry) != STORE_YES || entry.number < max;
}

static void count(Message *message, const DmarcFact *fact, const char *text)
{
    Session *session = message_session(message);
    Pool *pool = message_pool(message);
    gint64 expires = session_now(session) + DMARC_ROWS_DAYS * DAY;
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(session_now(session));
    g_autofree char *day = g_date_time_format(now, "%Y-%m-%d");
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    const char *of = pool_printf(pool, "%s %s", day, fact->policy_domain);
    const char *row = pool_printf(pool, "%s row %.*s", of, HASH_LENGTH, hash);
    const char *rows = pool_printf(pool, "%s rows", of);
    const char *all_rows = pool_printf(pool, "%s rows", day);
    StoreEntry entry;
    StoreBatch *batch = session_batch(session);
    if (session_recall(session, pool, STORE_DMARC, row, &entry) != STORE_YES) {
        if (!has_room(session, pool, rows, DMARC_ROWS_MAX) ||
            !has_room(session, pool, all_rows, DMARC_DAY_MAX))
            return;
        store_batch_add(batch, STORE_DMARC, rows, 1, expires, FALSE, NULL);
        store_batch_add(batch, STORE_DMARC, all_rows, 1, expires, FALSE, NULL);
    }
    store_batch_put(batch, STORE_DMARC, pool_printf(pool, "%s record", of), STORE_IF_NEW,
                    &(StoreEntry){.text = fact->result->text, .expires = expires});
    store_batch_add(batch, STORE_DMARC, row, 1, expires, FALSE, text);
}

void dmarc_rows_add(Message *message, const DmarcFact *fact)
{
    Session *session = message_session(message);
    gboolean judged = !fact->skipped && (fact->code == DMARC_PASS || fact->code == DMARC_FAIL);
    if (!judged || !fact->policy_domain || !fact->result->record->rua[0] || !session_remembers(session))
        return;
    const char *disposition = disposition_of(message, fact);
    if (!disposition)
        return;
    g_autofree char *text = row_text(message, fact, disposition);
    count(message, fact, text);
}
