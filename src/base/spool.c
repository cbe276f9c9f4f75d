#include "base/spool.h"
struct Spool { GString *s; };
Spool *spool_new(const SpoolSettings*x){ Spool *s=g_new0(Spool,1); s->s=g_string_new(NULL); return s;}
void spool_free(Spool*s){ if(!s) return; g_string_free(s->s,TRUE); g_free(s);}
gboolean spool_append(Spool*s, const void*b, gsize l, GError**e){ g_string_append_len(s->s,b,l); return TRUE;}
