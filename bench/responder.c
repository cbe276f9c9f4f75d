/*
 * responder — a milter by hand that does nothing, as cheaply as can be: one thread, epoll, and every no-send
 * and no-reply option of the protocol. What the MTA and the load generator cost by themselves; the peer of
 * "Postern with every check off".
 *
 *     responder SOCKET        unix:/path or inet:port@127.0.0.1; ends on SIGTERM
 *
 * Not for hostile peers: it believes lengths.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* SMFIP_NO* but for the envelope, and all of SMFIP_NR_*: what a filter asks for that looks at the envelope
 * only. */
#define UNWANTED    (0x10u | 0x20u | 0x40u | 0x100u | 0x200u) /* body, headers, eoh, unknown, data */
#define UNANSWERED  (0x80u | 0xff000u)
#define PEERS_MAX   4096
#define BUFFER_SIZE 65536u

typedef struct {
    uint32_t have, skip; /* bytes of a packet that has not come whole; bytes still to be thrown away */
    unsigned char buffer[BUFFER_SIZE];
} Peer;

static Peer *peers[PEERS_MAX];

static void answer(int fd, const unsigned char *packet)
{
    static const unsigned char go[] = {0, 0, 0, 1, 'c'};
    unsigned char options[17] = {0, 0, 0, 13, 'O', 0, 0, 0, 6};

    if (packet[4] == 'O') {
        uint32_t offered;
        memcpy(&offered, packet + 13, 4);
        offered = htonl(ntohl(offered) & (UNWANTED | UNANSWERED));
        memcpy(options + 13, &offered, 4);
        if (send(fd, options, sizeof options, MSG_NOSIGNAL) < 0)
            perror("responder: send");
    } else if (packet[4] == 'E') {
        if (send(fd, go, sizeof go, MSG_NOSIGNAL) < 0)
            perror("responder: send");
    }
}

/* Handles the whole packets in the buffer; of one that does not fit only the beginning is kept. */
static void take_packets(int fd, Peer *peer)
{
    uint32_t at = 0;

    while (peer->have - at >= 5) {
        uint32_t len;
        memcpy(&len, peer->buffer + at, 4);
        len = ntohl(len) + 4;
        if (peer->have - at < len && len <= BUFFER_SIZE)
            break;
        answer(fd, peer->buffer + at);
        if (peer->have - at < len) {
            peer->skip = len - (peer->have - at);
            at = peer->have;
            break;
        }
        at += len;
    }
    peer->have -= at;
    memmove(peer->buffer, peer->buffer + at, peer->have);
}

static int hear(int fd)
{
    Peer *peer = peers[fd];
    ssize_t n = recv(fd, peer->buffer + peer->have, BUFFER_SIZE - peer->have, 0);

    if (n <= 0)
        return 0;
    if (peer->skip > 0) {
        uint32_t gone = (uint32_t)n < peer->skip ? (uint32_t)n : peer->skip;
        peer->skip -= gone;
        n -= gone;
        memmove(peer->buffer, peer->buffer + gone, (size_t)n);
    }
    peer->have += (uint32_t)n;
    take_packets(fd, peer);
    return 1;
}

static int open_socket(const char *where)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    int fd, status;

    if (strncmp(where, "unix:", 5) == 0) {
        snprintf(path.sun_path, sizeof path.sun_path, "%s", where + 5);
        unlink(path.sun_path);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        status = bind(fd, (struct sockaddr *)&path, sizeof path);
        chmod(path.sun_path, 0666);
    } else {
        inet.sin_port = htons((uint16_t)atoi(where + strcspn(where, ":") + 1));
        fd = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        status = bind(fd, (struct sockaddr *)&inet, sizeof inet);
    }
    return status == 0 && listen(fd, 1024) == 0 ? fd : -1;
}

static void welcome(int loop, int listener)
{
    const int on = 1;
    int fd = accept(listener, NULL, NULL);

    if (fd < 0)
        return;
    if (fd >= PEERS_MAX) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peers[fd] = malloc(sizeof *peers[fd]);
    peers[fd]->have = peers[fd]->skip = 0;
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
}

int main(int argc, char **argv)
{
    int listener = argc == 2 ? open_socket(argv[1]) : -1, loop = epoll_create1(0);
    struct epoll_event events[64];

    if (listener < 0) {
        fprintf(stderr, "usage: responder unix:/path|inet:port@127.0.0.1\n");
        return 2;
    }
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
    for (;;) {
        int n = epoll_wait(loop, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                welcome(loop, fd);
            } else if (!hear(fd)) {
                close(fd);
                free(peers[fd]);
            }
        }
    }
}
