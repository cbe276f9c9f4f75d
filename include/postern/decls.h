/* decls.h — around every declaration of the library: C linkage, and visible outside of it. All else in it is hidden. */
#pragma once

#include <glib.h>

#define POSTERN_BEGIN_DECLS _Pragma("GCC visibility push(default)") G_BEGIN_DECLS
#define POSTERN_END_DECLS   G_END_DECLS _Pragma("GCC visibility pop")
