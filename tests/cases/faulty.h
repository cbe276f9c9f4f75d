/* faulty.h — a store in memory that fails when it is told to. */
#pragma once

#include "store/store.h"

Store *faulty_store_new(void);
/* What it can do from now on. */
void faulty_store_set(Store *store, gboolean can_read, gboolean can_write);
