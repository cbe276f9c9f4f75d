#include "app/rights.h"
gboolean rights_drop(const char*u, const char*g, GError**e){return TRUE;}
