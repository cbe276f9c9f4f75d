/*
 * map-server.h — the sockets on which an MTA's maps are served (net/socketmap.h). One thread for all connections: an
 * answer is computed, never waited for. What the maps hold is for a handler.
 *
 * An MTA's process keeps its connection, and asks on it for as long as it lives.
 */
#pragma once

#include "net/socketmap.h"

/* Of answers that the MTA does not read; then it is not asked for more requests until it has read. */
#define MAP_SERVER_UNREAD_MAX 65536

/* Appends the value or the reason to `text`. In the server's thread. */
typedef SocketmapAnswer (*MapHandler)(const char *map, const char *key, GString *text, void *data);

typedef struct {
    const char *const *listen;
    int socket_mode; /* of unix sockets */
    const char *socket_group;
    guint connections_max; /* one more is closed at once: the MTA tries again later */
    int idle_timeout;      /* s */
    MapHandler handler;
    void *data;
} MapServerSettings;

typedef struct MapServer MapServer;

/* Opens the sockets, with the rights of now. NULL: one cannot be opened. */
MapServer *map_server_new(const MapServerSettings *settings, GError **error);
gboolean map_server_start(MapServer *server, GError **error);
/* For the log; NULL ends. */
const char *const *map_server_addresses(const MapServer *server);
/* What has been asked is answered, as far as the MTA reads; then all is closed. NULL is allowed. */
void map_server_free(MapServer *server);
