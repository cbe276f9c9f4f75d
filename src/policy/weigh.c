#include "policy/weigh.h"

#include <string.h>

static const char *const fate_names[] = {
#define X(id, word) [FATE_##id] = word,
    FATES(X)
#undef X
};

const char *fate_name(Fate fate)
{
    return fate_names[fate];
}

static const char *const stage_names[STAGE_COUNT] = {
#define X(id, word) [STAGE_##id] = word,
    STAGES(X)
#undef X
};

const char *stage_name(Stage stage)
{
    g_assert(stage < STAGE_COUNT);
    return stage_names[stage];
}

/* One weighing in progress. */
typedef struct {
    const WeighQuestion *q;
    Pool *pool;
    Weighing *out;
    guint silencers; /* SILENCE_ bits in force */
    gboolean proven;
} Scale;

/* Verbs that can be an answer while the envelope is still open; the others wait for end of message, where the work
 * can be done (callbacks) or the whole message be dealt with (quarantine, discard). */
#define EARLY_VERBS                                                                                          \
    (VERB_BIT(VERB_OK) | VERB_BIT(VERB_SCORE) | VERB_BIT(VERB_NOTSPAM) | VERB_BIT(VERB_PROBATION) |          \
     VERB_BIT(VERB_WHITELIST) | VERB_BIT(VERB_TEMPFAIL) | VERB_BIT(VERB_REJECT) | VERB_BIT(VERB_BAN) |       \
     VERB_BIT(VERB_DENY))

/* 1. Each finding gets its verb. */

static Verb fall_back(const Scale *s, Judgement *j)
{
    Verb verb = j->ruling.verb;
    if (verb == VERB_DSN && !s->proven) { /* D4 */
        verb = policy_unproven_dsn(s->q->policy);
        j->why = "sender not proven";
    }
    if (VERB_BIT(verb) & VERB_DEMANDS & ~s->q->available) {
        verb = policy_unavailable(s->q->policy);
        j->why = "not available";
    }
    if (verb == VERB_WHITELIST && tag_info(j->finding->tag)->class != CLASS_PROOF) { /* B7 */
        verb = VERB_PROBATION;
        j->why = "sender not proven";
    }
    return verb;
}

static void judge(Scale *s)
{
    const WeighQuestion *q = s->q;
    for (guint i = 0; i < q->n_findings; i++)
        s->proven |= tag_proves_sender(q->findings[i]->tag) && !q->findings[i]->of_another;
    for (guint i = 0; i < q->n_findings; i++) {
        Judgement *j = &s->out->judgements[i];
        j->finding = q->findings[i];
        j->fate = FATE_WEAKER;
        policy_rule(q->policy, s->pool, j->finding->tag, j->finding->keys, q->rcpt_keys, &j->ruling,
                    &j->rule);
        j->verb = fall_back(s, j);
    }
    s->out->n_judgements = q->n_findings;
}

/* What the verbs and facts put into force for all findings. */
static void set_silencers(Scale *s)
{
    Weighing *out = s->out;
    if (s->q->authenticated)
        s->silencers |= SILENCE_AUTH;
    for (guint i = 0; i < out->n_judgements; i++) {
        const Judgement *j = &out->judgements[i];
        if (j->finding->tag == TAG_BOUNCE_GENUINE)
            s->silencers |= SILENCE_GENUINE;
        out->whitelisted |= j->verb == VERB_WHITELIST;
        out->probation |= j->verb == VERB_PROBATION;
        out->notspam |= j->verb == VERB_NOTSPAM;
    }
    out->probation &= !out->whitelisted; /* a proof that came later ends it (B7) */
    if (out->whitelisted)
        s->silencers |= SILENCE_WHITELIST;
    if (out->probation)
        s->silencers |= SILENCE_PROBATION;
    if (out->notspam)
        s->silencers |= SILENCE_NOTSPAM;
}

/* 2. Silence (D9). */

/* DENY by its nature; the others say nothing against the message, and are what silences. */
#define NEVER_SILENCED                                                                                       \
    (VERB_BIT(VERB_DENY) | VERB_BIT(VERB_OK) | VERB_BIT(VERB_NOTSPAM) | VERB_BIT(VERB_PROBATION) |           \
     VERB_BIT(VERB_WHITELIST))

/* A proof speaks for the sender, whatever its verb, unless that is work to be done. */
static gboolean is_fixed(Tag tag, Verb verb)
{
    if (tag_info(tag)->class == CLASS_PROOF && !(VERB_BIT(verb) & VERB_DEMANDS))
        return TRUE;
    return (VERB_BIT(verb) & NEVER_SILENCED) != 0;
}

guint weigh_silencers(Tag tag, Verb verb)
{
    if (is_fixed(tag, verb))
        return 0;
    guint by = tag_silencers(tag);
    /* B7: nobody calls a whitelisted sender back; under probation only for a softfail or a permerror. */
    if (VERB_BIT(verb) & VERB_CALLBACKS)
        by |=
            SILENCE_WHITELIST | (tag != TAG_SPF_SOFTFAIL && tag != TAG_SPF_PERMERROR ? SILENCE_PROBATION : 0);
    if (verb == VERB_QUARANTINE || verb == VERB_HOLD)
        by |= SILENCE_NOTSPAM;
    return by;
}

/* By what, or NULL. */
static const char *silencer(const Scale *s, const Judgement *j)
{
    static const struct {
        guint bit;
        const char *word;
    } words[] = {
        {SILENCE_WHITELIST, "whitelisted"},  {SILENCE_AUTH, "authenticated"},
        {SILENCE_GENUINE, "genuine bounce"}, {SILENCE_PROBATION, "probation"},
        {SILENCE_NOTSPAM, "NOTSPAM"},
    };
    guint by = weigh_silencers(j->finding->tag, j->verb) & s->silencers;
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
        if (by & words[i].bit)
            return words[i].word;
    return NULL;
}

/* 3. Another proof settles it, or may still (D10). */

static const char *settled_by(const Scale *s, const Judgement *j)
{
    for (guint i = 0; i < s->q->n_findings; i++) {
        Tag proof = s->q->findings[i]->tag;
        if (policy_settles(s->q->policy, j->finding->tag, proof))
            return tag_name(proof);
    }
    return NULL;
}

static gboolean waits(const Scale *s, const Judgement *j)
{
    if (s->q->stage >= STAGE_MESSAGE)
        return FALSE;
    if (policy_decide_at(s->q->policy, j->finding->tag) == STAGE_MESSAGE)
        return TRUE;
    if (j->verb == VERB_GREYLIST)
        return s->q->rcpt_keys == NULL; /* it is about a recipient */
    return !(VERB_BIT(j->verb) & EARLY_VERBS);
}

/* What a temporary finding may become and the sum of scores are made anew in each weighing. */
static gboolean same_finding(const Finding *a, const Finding *b)
{
    a = a->future_of ? a->future_of : a;
    b = b->future_of ? b->future_of : b;
    gboolean sums = (a->tag == TAG_SCORE || a->tag == TAG_SCORE_EARLY) && a->tag == b->tag;
    return a == b || (sums && strcmp(a->subject, b->subject) == 0);
}

static gboolean carried_out(const Scale *s, const Judgement *j)
{
    for (guint i = 0; i < s->q->n_done; i++)
        if (s->q->done[i].verb == j->verb && same_finding(s->q->done[i].finding, j->finding))
            return TRUE;
    return FALSE;
}

static void set_fate(const Scale *s, Judgement *j)
{
    const char *by;
    if (is_fixed(j->finding->tag, j->verb))
        return;
    if ((by = silencer(s, j)))
        j->fate = FATE_SILENCED, j->why = by;
    else if ((by = settled_by(s, j)))
        j->fate = FATE_SETTLED, j->why = by;
    else if (waits(s, j))
        j->fate = FATE_WAITS, j->why = "for end of message";
    else if (carried_out(s, j))
        j->fate = FATE_DONE;
    else if (j->verb == VERB_SCORE)
        j->fate = FATE_ADDED;
}

/* 4. Scores (D12): the sum is one finding more, with the verb of the threshold that it reaches. */

static void add_score(Scale *s)
{
    Weighing *out = s->out;
    for (guint i = 0; i < out->n_judgements; i++) {
        Judgement *j = &out->judgements[i];
        if (j->verb != VERB_SCORE || (j->fate != FATE_ADDED && j->fate != FATE_WEAKER))
            continue;
        j->fate = FATE_ADDED;
        out->score += j->ruling.score;
    }
    gboolean early = s->q->stage < STAGE_MESSAGE;
    const Threshold *threshold = policy_threshold(s->q->policy, out->score, early);
    if (!threshold)
        return;
    Finding *sum = pool_alloc0(s->pool, sizeof *sum);
    sum->tag = early ? TAG_SCORE_EARLY : TAG_SCORE;
    sum->scope = ABOUT_RECIPIENT;
    sum->stage = s->q->stage;
    sum->check = "score";
    sum->subject = threshold->name;
    sum->sentence =
        pool_printf(s->pool, "score %.2f reaches %s (%.2f)", out->score, threshold->name, threshold->least);
    Judgement *j = &out->judgements[out->n_judgements++];
    *j = (Judgement){.finding = sum, .ruling = threshold->ruling, .fate = FATE_WEAKER};
    j->rule = (Rule){threshold->source, threshold->name};
    j->verb = fall_back(s, j);
    set_fate(s, j);
}

/* 5. The strongest decides. */

/* A reply's class must be that of its verb, whatever the tag's usual code is (RFC 5321 §4.2.1). */
static void set_codes(Scale *s, const Judgement *j, Reply *reply, int class)
{
    const TagInfo *info = tag_info(j->finding->tag);
    reply->code = j->ruling.code;
    reply->xcode = j->ruling.xcode;
    if (!reply->code && j->finding->code) {
        reply->code = j->finding->code;
        reply->xcode = reply->xcode ? reply->xcode : j->finding->xcode;
    }
    if (!reply->code || reply->code / 100 != class)
        reply->code = info->code / 100 == class ? info->code : class == 5 ? 550 : 451;
    if (!reply->xcode)
        reply->xcode = info->xcode;
    if (reply->xcode[0] != '0' + class)
        reply->xcode = pool_printf(s->pool, "%d%s", class, reply->xcode + 1);
}

/* The rule's own words, else the check's; and the page that explains refusals. */
static const char *reply_text(Scale *s, const Judgement *j)
{
    const char *text = j->ruling.text ? j->ruling.text : j->finding->sentence;
    const char *url = policy_errors_url(s->q->policy);
    if (!*url)
        return text;
    return pool_printf(s->pool, "%s\nsee %s", text,
                       page_of(s->pool, url, policy_errors_pages(s->q->policy), j->finding, &s->q->client));
}

static void set_reply(Scale *s, const Judgement *j)
{
    Reply *reply = &s->out->reply;
    reply->text = reply_text(s, j);
    switch (j->verb) {
    case VERB_DENY:
    case VERB_BAN:
    case VERB_REJECT:
        reply->kind = REPLY_REJECT;
        set_codes(s, j, reply, 5);
        break;
    case VERB_TEMPFAIL:
        reply->kind = REPLY_TEMPFAIL;
        set_codes(s, j, reply, 4);
        break;
    case VERB_DISCARD:
        reply->kind = REPLY_DISCARD;
        break;
    default:
        reply->kind = REPLY_CONTINUE;
    }
}

static void decide(Scale *s, Judgement *j)
{
    Weighing *out = s->out;
    if (!j || j->verb == VERB_OK || j->verb == VERB_SCORE)
        return;
    j->fate = FATE_DECIDES;
    out->decider = j;
    out->verb = j->verb;
    set_reply(s, j);
    if (VERB_BIT(j->verb) & VERB_DEMANDS)
        out->demand = (Demand){j->verb, j->finding};
}

static Judgement *strongest(const Weighing *out)
{
    Judgement *best = NULL;
    for (guint i = 0; i < out->n_judgements; i++) {
        Judgement *j = &out->judgements[i];
        if (j->fate == FATE_WEAKER && (!best || j->verb > best->verb))
            best = j;
    }
    return best;
}

/* 6. What is not known yet. */

static const Weighing *weigh_known(const WeighQuestion *q, Pool *pool)
{
    Weighing *out = pool_alloc0(pool, sizeof *out);
    out->judgements = pool_alloc0(pool, (q->n_findings + 1) * sizeof *out->judgements);
    Scale s = {.q = q, .pool = pool, .out = out};
    judge(&s);
    set_silencers(&s);
    for (guint i = 0; i < out->n_judgements; i++)
        set_fate(&s, &out->judgements[i]);
    add_score(&s);
    decide(&s, strongest(out));
    return out;
}

/* A temporary finding is open when its own policy says "try again later" and it still counts. With any other policy
 * the administrator has decided what not knowing is worth. */
static int first_open(const Weighing *out)
{
    for (guint i = 0; i < out->n_judgements; i++) {
        const Judgement *j = &out->judgements[i];
        if (j->finding->n_becomes && j->verb == VERB_TEMPFAIL &&
            (j->fate == FATE_WEAKER || j->fate == FATE_DECIDES))
            return (int)i;
    }
    return -1;
}

static gboolean same_answer(const Weighing *a, const Weighing *b)
{
    const guint told_apart = VERB_BIT(VERB_QUARANTINE) | VERB_BIT(VERB_HOLD);
    return a->reply.kind == b->reply.kind && a->demand.verb == b->demand.verb &&
           (VERB_BIT(a->verb) & told_apart) == (VERB_BIT(b->verb) & told_apart);
}

static const Weighing *weigh_open(const WeighQuestion *q, Pool *pool, guint depth);

/* The question as it would be if finding `open` had turned out to be `tag`. */
static const Weighing *weigh_as(const WeighQuestion *q, Pool *pool, guint open, Tag tag, guint depth)
{
    const Finding **findings = pool_alloc0(pool, q->n_findings * sizeof *findings);
    memcpy(findings, q->findings, q->n_findings * sizeof *findings);
    Finding *settled = pool_alloc0(pool, sizeof *settled);
    *settled = *q->findings[open];
    settled->tag = tag;
    settled->n_becomes = 0;
    settled->future_of = q->findings[open];
    findings[open] = settled;
    WeighQuestion as = *q;
    as.findings = findings;
    return weigh_open(&as, pool, depth + 1);
}

/* What is known has no demand: the open finding is stronger than any. */
static const Weighing *try_again_later(const WeighQuestion *q, const Weighing *known, Pool *pool, guint open)
{
    Weighing *out = pool_alloc0(pool, sizeof *out);
    *out = *known;
    if (out->decider)
        ((Judgement *)out->decider)->fate = FATE_WEAKER;
    Scale s = {.q = q, .pool = pool, .out = out};
    decide(&s, &out->judgements[open]);
    return out;
}

/* All futures agree: theirs is the answer. One that was not decided by the open finding itself explains it best. */
static const Weighing *no_matter(const WeighQuestion *q, Pool *pool, guint open, const Weighing *answer)
{
    Weighing *out = pool_alloc0(pool, sizeof *out);
    *out = *answer;
    Judgement *j = &out->judgements[open];
    if (out->decider != j)
        j->fate = FATE_IDLE;
    j->why = "the answer is the same whatever it becomes";
    j->finding = q->findings[open];
    return out;
}

static const Weighing *weigh_open(const WeighQuestion *q, Pool *pool, guint depth)
{
    const Weighing *known = weigh_known(q, pool);
    int open = first_open(known);
    if (open < 0)
        return known;
    if (depth >= WEIGH_TEMPORARIES_MAX)
        return try_again_later(q, known, pool, open);
    const Finding *finding = q->findings[open];
    const Weighing *answer = NULL;
    for (guint i = 0; i < finding->n_becomes; i++) {
        const Weighing *as = weigh_as(q, pool, open, finding->becomes[i], depth);
        if (answer && !same_answer(answer, as))
            return try_again_later(q, known, pool, open);
        if (!answer || answer->decider == &answer->judgements[open])
            answer = as;
    }
    g_assert(answer); /* an open finding may become something */
    return no_matter(q, pool, open, answer);
}

const Weighing *weigh(const WeighQuestion *question, Pool *pool)
{
    return weigh_open(question, pool, 0);
}
