// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/socket-address.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/un.h>

namespace slicebridge
{

namespace
{

constexpr std::string_view IPC = "ipc://";
constexpr std::string_view TCP = "tcp://";

SocketAddress UnixAddress(std::string_view path)
{
    sockaddr_un address{};
    if (path.empty() || path.size() >= sizeof(address.sun_path))
    {
        throw std::invalid_argument("a path has 1 to " +
                                    std::to_string(sizeof(address.sun_path) - 1) + " bytes");
    }
    address.sun_family = AF_UNIX;
    std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
    const bool isAbstract = path.front() == '@';
    if (isAbstract)
    {
        address.sun_path[0] = '\0';
    }
    const auto bytes = offsetof(sockaddr_un, sun_path) + path.size() + (isAbstract ? 0 : 1);
    SocketAddress result{.bytes = static_cast<socklen_t>(bytes)};
    std::memcpy(&result.storage, &address, sizeof(address));
    return result;
}

SocketAddress TcpAddress(std::string_view hostAndPort)
{
    const auto colon = hostAndPort.rfind(':');
    const bool isV6 = hostAndPort.starts_with('[');
    if (colon == std::string_view::npos || (isV6 && hostAndPort[colon - 1] != ']'))
    {
        throw std::invalid_argument("a port is missing");
    }
    const std::string port(hostAndPort.substr(colon + 1));
    const std::string host(isV6 ? hostAndPort.substr(1, colon - 2) : hostAndPort.substr(0, colon));
    addrinfo hints{};
    hints.ai_family = isV6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (error != 0)
    {
        throw std::invalid_argument(gai_strerror(error));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
    SocketAddress result{.bytes = found->ai_addrlen};
    std::memcpy(&result.storage, found->ai_addr, found->ai_addrlen);
    return result;
}

} // namespace

SocketAddress ParseEndpoint(std::string_view endpoint)
{
    if (endpoint.starts_with(IPC))
    {
        return UnixAddress(endpoint.substr(IPC.size()));
    }
    if (endpoint.starts_with(TCP))
    {
        return TcpAddress(endpoint.substr(TCP.size()));
    }
    throw std::invalid_argument("allowed are ipc://PATH and tcp://HOST:PORT");
}

} // namespace slicebridge
