#pragma once
#include <glib.h>
gboolean rights_drop(const char*, const char*, GError**);
