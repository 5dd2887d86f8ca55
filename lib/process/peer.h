/*
 * Whose socket is at the other end of a connection over loopback. TCP does not tell; the machine knows, because that socket is one of its own. The endpoint listens where every program can connect to
 * it: by this it takes connections of its sandbox alone.
 *
 * A socket's user is who made it, whatever becomes of the process; it cannot be changed. What has to be seen to is that the socket found under the peer's address is still the one that was connected to
 * ours: a port can be used again. So both ends have to be there, and be held by somebody: who has sent something and hung up at once is nobody.
 */
#ifndef LAMBDA_PROCESS_PEER_H
#define LAMBDA_PROCESS_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

/** What is asked. */
typedef enum lambda__peer_source {
    LAMBDA__PEER_UNKNOWN, /* there is nothing */
    LAMBDA__PEER_NETLINK, /* sock_diag(7): ten microseconds */
    LAMBDA__PEER_TABLE /* /proc/net/tcp, proc_net_tcp(5), where that is refused: a millisecond, and more with many sockets */
} lambda__peer_source;

/** What this machine has, tried on the name of a socket that listens. */
lambda__peer_source lambda__peer_find_source(const struct sockaddr_in *listening);

/**
 * The user of the socket `peer` that is connected to ours, `own`, which was accepted and is open; in this process's user namespace. False: it is not known, or is no more. Addresses are of IPv4 as ours sees
 * them; the peer's socket may be one of IPv6.
 */
bool lambda__peer_user(lambda__peer_source source, const struct sockaddr_in *peer, const struct sockaddr_in *own,
                       uid_t *user);

#endif
