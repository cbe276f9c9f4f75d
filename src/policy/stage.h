/* stage.h — the steps of an SMTP session, in their order; words and values are one list. */
#pragma once

#define STAGES(X)                                                                                            \
    X(CONNECT, "connect")                                                                                    \
    X(HELO, "helo")                                                                                          \
    X(MAIL, "mail")                                                                                          \
    X(RCPT, "rcpt")                                                                                          \
    X(DATA, "data")                                                                                          \
    X(HEADERS, "headers") /* end of headers */                                                               \
    X(BODY, "body")                                                                                          \
    X(MESSAGE, "message") /* end of message */

typedef enum {
#define X(id, word) STAGE_##id,
    STAGES(X)
#undef X
        STAGE_COUNT
} Stage;

const char *stage_name(Stage stage);
