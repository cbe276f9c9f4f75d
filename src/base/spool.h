#pragma once
#include "base/quota.h"
typedef struct Spool Spool;
typedef struct { gsize memory; const char *temp_dir; Quota *budget; } SpoolSettings;
Spool *spool_new(const SpoolSettings*);
void spool_free(Spool*);
gboolean spool_append(Spool*, const void*, gsize, GError**);
