/* What is done to mail that will be delivered, from top to bottom. */
#include "actions/actions.h"

const Action *const all_actions[] = {
    &action_supply_sender, /* E7: Sender, where From names somebody else */
    &action_hide_path,     /* H5: internal Received fields of outgoing mail removed */
    &action_authres,       /* C2, E5: Received-SPF, Authentication-Results; forged ones of our name removed */
    &action_srs,           /* H1–H3: senders rewritten and signed, recipients of genuine bounces put back */
    &action_sign,          /* E2: DKIM, on mail of our own people; after all that edits */
    &action_seal,          /* E3: ARC, on everybody else's */
    NULL,
};
