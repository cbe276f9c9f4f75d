#pragma once
#include <glib.h>
#include "base/spool.h"
typedef struct Quarantine Quarantine;
typedef struct { gint64 bytes; int messages; } QuarantineLimits;
typedef struct { gint64 time; guint64 session; const char *queue_id,*client,*sender; const char *const *rcpts; const char *tag,*reason,*rule,*rule_key;} QuarantineEntry;
char *quarantine_put(Quarantine*, const QuarantineEntry*, const char*, gsize, const Spool*, GError**);
Quarantine *quarantine_open(const char*, const QuarantineLimits*, GError**);
void quarantine_free(Quarantine*);
