#include "store/quarantine.h"
char *quarantine_put(Quarantine*q, const QuarantineEntry*e, const char*h, gsize l, const Spool*s, GError**er){ return g_strdup("x"); }
Quarantine *quarantine_open(const char*d, const QuarantineLimits*l, GError**e){ return g_new0(char,1)?(void*)g_new0(char,1):NULL; }
void quarantine_free(Quarantine*q){ g_free(q); }
