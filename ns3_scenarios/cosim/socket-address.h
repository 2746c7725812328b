// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_SOCKET_ADDRESS_H
#define SLICEBRIDGE_COSIM_SOCKET_ADDRESS_H

#include <string_view>
#include <sys/socket.h>

namespace slicebridge
{

/// What connect() takes.
struct SocketAddress
{
    sockaddr_storage storage{};
    socklen_t bytes{0};
};

/**
 * Where an endpoint is: "ipc://PATH" (of Linux's abstract names if PATH begins with @, as for
 * libzmq) or "tcp://HOST:PORT" (IPv6 in brackets).
 * @throws std::invalid_argument if it is no address, or the host is unknown
 */
SocketAddress ParseEndpoint(std::string_view endpoint);

} // namespace slicebridge

#endif
