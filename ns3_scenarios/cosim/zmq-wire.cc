// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/zmq-wire.h"

#include <cerrno>
#include <stdexcept>

namespace slicebridge
{

namespace
{

constexpr int LINGER_MS = 1'000; ///< for BYE and ERROR to leave
constexpr int SEND_DEADLINE_MS = 10'000;

} // namespace

ZmqWire::ZmqWire(const LinkOptions& options)
{
    m_socket.set(zmq::sockopt::linger, LINGER_MS);
    m_socket.set(zmq::sockopt::sndtimeo, SEND_DEADLINE_MS);
    m_socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(options.frameLimit_bytes));
    try
    {
        Connect(options);
    }
    catch (const zmq::error_t& error)
    {
        throw std::invalid_argument(error.what());
    }
}

void ZmqWire::Connect(const LinkOptions& options)
{
    if (options.key)
    {
        m_socket.set(zmq::sockopt::curve_serverkey, options.key->learnerKey);
        m_socket.set(zmq::sockopt::curve_publickey, options.key->publicKey);
        m_socket.set(zmq::sockopt::curve_secretkey, options.key->secretKey);
    }
    if (options.parent == 0)
    {
        // ZeroMQ's own heartbeats are answered by a thread of the learner's, whatever it is doing.
        m_socket.set(zmq::sockopt::heartbeat_ivl,
                     static_cast<int>(options.heartbeatPeriod.count()));
        m_socket.set(zmq::sockopt::heartbeat_timeout,
                     static_cast<int>(options.learnerTimeout.count()));
        m_watch.emplace(m_context, m_socket);
    }
    m_socket.set(zmq::sockopt::ipv6, options.endpoint.starts_with("tcp://["));
    m_socket.connect(options.endpoint);
}

/// What is sent before there is a connection waits for it.
bool ZmqWire::Open(std::chrono::milliseconds)
{
    return true;
}

/// ZeroMQ has a deadline of its own, and takes what there is memory for.
bool ZmqWire::Send(std::span<const std::byte> header,
                   std::span<const std::byte> body,
                   const Patience&)
{
    return m_socket.send(zmq::buffer(header.data(), header.size()), zmq::send_flags::sndmore) &&
           m_socket.send(zmq::buffer(body.data(), body.size()), zmq::send_flags::none);
}

void ZmqWire::TrySend(std::span<const std::byte> header)
{
    try
    {
        m_socket.send(zmq::buffer(header.data(), header.size()), zmq::send_flags::dontwait);
    }
    catch (const zmq::error_t&)
    {
        // That the learner is gone shows at the next exchange.
    }
}

std::optional<WireMessage> ZmqWire::Receive(std::chrono::milliseconds wait)
{
    m_socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(wait.count()));
    zmq::recv_buffer_result_t size;
    try
    {
        size = m_socket.recv(zmq::buffer(m_first));
    }
    catch (const zmq::error_t& error)
    {
        if (error.num() != EINTR)
        {
            throw;
        }
    }
    if (!size)
    {
        return std::nullopt;
    }
    const std::size_t furtherFrames = ReceiveFurtherFrames();
    // A header too long is not read as the beginning of it.
    const auto first = std::span(m_first).first(size->truncated() ? 0 : size->size);
    return WireMessage{first, furtherFrames, {m_body.data<std::byte>(), m_body.size()}};
}

/// The last of them is left in `m_body`, which is empty if there is none.
std::size_t ZmqWire::ReceiveFurtherFrames()
{
    m_body.rebuild();
    std::size_t count = 0;
    while (m_socket.get(zmq::sockopt::rcvmore))
    {
        if (m_socket.recv(m_body))
        {
            ++count;
        }
    }
    return count;
}

PeerNews ZmqWire::Look()
{
    return m_watch ? m_watch->Look() : PeerNews::None;
}

} // namespace slicebridge
