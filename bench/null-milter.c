/*
 * null-milter — a milter on libmilter that does nothing: the peer of the benchmarks, and what the live tests
 * use to prove that the bench itself changes no mail.
 *
 *     null-milter [--quiet] SOCKET        SOCKET as libmilter spells it: unix:/path, inet:port@host
 *
 * By default it asks for every step and answers each, as most filters on libmilter do. With --quiet it uses
 * the protocol's no-reply and no-send options as far as libmilter knows them. Ends on SIGTERM.
 */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool quiet;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
                             unsigned long ignored_1, unsigned long ignored_2, unsigned long *ret_actions,
                             unsigned long *ret_steps, unsigned long *ret_1, unsigned long *ret_2)
{
    const unsigned long unwanted = SMFIP_NOHDRS | SMFIP_NOBODY | SMFIP_NOEOH | SMFIP_NOUNKNOWN |
                                   SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT |
                                   SMFIP_NR_DATA;

    *ret_actions = 0;
    *ret_steps = quiet ? steps & unwanted : 0;
    *ret_1 = *ret_2 = 0;
    return SMFIS_CONTINUE;
}

static sfsistat step(void)
{
    return quiet ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    return step();
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    return step();
}

static sfsistat on_envelope(SMFICTX *ctx, char **args)
{
    return step();
}

static sfsistat on_data(SMFICTX *ctx)
{
    return step();
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t len)
{
    return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *ctx)
{
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct smfiDesc filter = {
        .xxfi_name = "null-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_envelope,
        .xxfi_envrcpt = on_envelope,
        .xxfi_header = on_header,
        .xxfi_eoh = on_end,
        .xxfi_body = on_body,
        .xxfi_eom = on_end,
        .xxfi_abort = on_end,
        .xxfi_close = on_end,
        .xxfi_data = on_data,
        .xxfi_negotiate = on_negotiate,
    };

    quiet = argc == 3 && strcmp(argv[1], "--quiet") == 0;
    if (argc != 2 && !quiet) {
        fprintf(stderr, "usage: null-milter [--quiet] SOCKET\n");
        return 2;
    }
    if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(argv[argc - 1]) != MI_SUCCESS ||
        smfi_opensocket(true) != MI_SUCCESS) {
        fprintf(stderr, "null-milter: cannot listen on %s\n", argv[argc - 1]);
        return 1;
    }
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
