// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/wire.h"

#include "cosim/link-error.h"
#include "cosim/zmq-wire.h"
#include "cosim/zmtp-wire.h"

#include <regex>

namespace slicebridge
{

namespace
{

constexpr int EXIT_BAD_COMMAND_LINE = 2;

/// Plain TCP goes no further than this host: no name that begins as its addresses do, and no second
/// address behind the one that ZeroMQ would connect from.
bool NeedsKey(const std::string& endpoint)
{
    static const std::regex here(R"(tcp://(127(\.[0-9]+){3}|localhost|\[::1\])(:[^;]*)?)");
    return endpoint.starts_with("tcp://") && !std::regex_match(endpoint, here);
}

/// ZeroMQ has transports beyond those of docs/protocol.md, which keys do not protect.
/// @throws LinkError
void RefuseUnlessProtected(const LinkOptions& options)
{
    const auto& endpoint = options.endpoint;
    if (!endpoint.starts_with("ipc://") && !endpoint.starts_with("tcp://"))
    {
        throw LinkError(EXIT_BAD_COMMAND_LINE,
                        "cannot connect to '" + endpoint +
                            "' (allowed: ipc://PATH, tcp://HOST:PORT)");
    }
    if (NeedsKey(endpoint) && !options.key)
    {
        throw LinkError(EXIT_BAD_COMMAND_LINE,
                        "cannot connect to '" + endpoint +
                            "' without a key: only loopback can do without");
    }
}

} // namespace

std::unique_ptr<Wire> MakeWire(const LinkOptions& options)
{
    RefuseUnlessProtected(options);
    try
    {
        if (options.parent != 0 && !options.key)
        {
            return std::make_unique<ZmtpWire>(options.endpoint, options.frameLimit_bytes);
        }
        return std::make_unique<ZmqWire>(options);
    }
    catch (const std::invalid_argument& error)
    {
        throw LinkError(EXIT_BAD_COMMAND_LINE,
                        "cannot connect to '" + options.endpoint + "': " + error.what());
    }
}

} // namespace slicebridge
