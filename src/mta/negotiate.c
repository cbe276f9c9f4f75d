#include "mta/negotiate.h"

#define OUR_ACTIONS                                                                                          \
    (WIRE_MAY_ADD_HEADERS | WIRE_MAY_CHANGE_HEADERS | WIRE_MAY_CHANGE_BODY | WIRE_MAY_ADD_RCPT |             \
     WIRE_MAY_ADD_RCPT_PAR | WIRE_MAY_DELETE_RCPT | WIRE_MAY_CHANGE_SENDER | WIRE_MAY_QUARANTINE |           \
     WIRE_MAY_SET_MACROS)

#define OUR_PROTOCOL (WIRE_RCPT_REJ | WIRE_LEAD_SPACE | WIRE_QUIET_HEADERS | WIRE_QUIET_EOH | WIRE_QUIET_BODY)

typedef struct {
    Stage stage;
    guint32 bits;
} StepBits;

static const StepBits declinable[] = {
    {STAGE_CONNECT, WIRE_NO_CONNECT}, {STAGE_HELO, WIRE_NO_HELO},
    {STAGE_DATA, WIRE_NO_DATA},       {STAGE_HEADERS, WIRE_NO_HEADERS | WIRE_NO_EOH},
    {STAGE_BODY, WIRE_NO_BODY},
};

#define ALL_NO                                                                                               \
    (WIRE_NO_CONNECT | WIRE_NO_HELO | WIRE_NO_MAIL | WIRE_NO_RCPT | WIRE_NO_DATA | WIRE_NO_HEADERS |         \
     WIRE_NO_EOH | WIRE_NO_BODY | WIRE_NO_UNKNOWN)

/* Those that the flow may leave unanswered; the others are in OUR_PROTOCOL, or always answered. */
static const StepBits silenceable[] = {
    {STAGE_CONNECT, WIRE_QUIET_CONNECT},
    {STAGE_HELO, WIRE_QUIET_HELO},
    {STAGE_MAIL, WIRE_QUIET_MAIL},
};

#define ALL_SILENCEABLE (WIRE_QUIET_CONNECT | WIRE_QUIET_HELO | WIRE_QUIET_MAIL)

static guint32 bits_of(const StepBits *steps, gsize n, guint stages)
{
    guint32 bits = 0;

    for (gsize i = 0; i < n; i++)
        if (stages & 1u << steps[i].stage)
            bits |= steps[i].bits;
    return bits;
}

static guint32 left_out(NotNeeded not_needed)
{
    return bits_of(declinable, G_N_ELEMENTS(declinable), not_needed.unwanted) |
           bits_of(silenceable, G_N_ELEMENTS(silenceable), not_needed.unanswered);
}

/* Both MTAs close the connection on a version above theirs and, Sendmail, on any bit that was not offered. */
static Negotiation agree(const Negotiation *offer, guint32 actions, guint32 protocol)
{
    return (Negotiation){
        .version = MIN(offer->version, WIRE_VERSION_MAX),
        .actions = offer->actions & actions,
        .protocol = offer->protocol & protocol,
    };
}

Negotiation negotiate(const Negotiation *offer, NotNeeded not_needed)
{
    return agree(offer, OUR_ACTIONS, OUR_PROTOCOL | left_out(not_needed));
}

Negotiation negotiate_refusal(const Negotiation *offer)
{
    return agree(offer, 0, ALL_NO & ~WIRE_NO_CONNECT);
}

gboolean negotiation_lacks_steps(const Negotiation *agreed, NotNeeded not_needed)
{
    return (agreed->protocol & (ALL_NO | ALL_SILENCEABLE) & ~left_out(not_needed)) != 0;
}

/* End of headers and end of message have the same list on purpose: see WireMacroStep. Sendmail takes 50 a
 * step. */
const WireMacroList *negotiation_macros(const Negotiation *agreed)
{
    static const WireMacroList lists[] = {
        {WIRE_MACROS_CONNECT,
         "j _ v {daemon_name} {daemon_addr} {daemon_port} {if_name} {if_addr} {client_addr} "
         "{client_name} {client_port} {client_ptr} {client_resolve}"},
        {WIRE_MACROS_HELO, "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} {verify}"},
        {WIRE_MACROS_MAIL,
         "i {auth_type} {auth_authen} {auth_author} {auth_ssf} {mail_mailer} {mail_host} {mail_addr} "
         "{tls_version} {verify}"},
        {WIRE_MACROS_RCPT, "i {rcpt_mailer} {rcpt_host} {rcpt_addr}"},
        {WIRE_MACROS_DATA, "i {nrcpts}"},
        {WIRE_MACROS_EOH, "i {msg_id}"},
        {WIRE_MACROS_EOM, "i {msg_id}"},
        {0, NULL},
    };

    return agreed->actions & WIRE_MAY_SET_MACROS ? lists : NULL;
}
