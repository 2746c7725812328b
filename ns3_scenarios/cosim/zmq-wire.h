// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_ZMQ_WIRE_H
#define SLICEBRIDGE_COSIM_ZMQ_WIRE_H

#include "cosim/header.h"
#include "cosim/peer-watch.h"
#include "cosim/wire.h"

#include <array>
#include <optional>
#include <zmq.hpp>

namespace slicebridge
{

/// A DEALER socket of libzmq, for learners on other hosts, keys, and learners that nobody watches.
class ZmqWire : public Wire
{
  public:
    /// @throws std::invalid_argument if the endpoint is no address
    explicit ZmqWire(const LinkOptions& options);

    bool Open(std::chrono::milliseconds wait) override;
    bool Send(std::span<const std::byte> header,
              std::span<const std::byte> body,
              const Patience& patience) override;
    void TrySend(std::span<const std::byte> header) override;
    std::optional<WireMessage> Receive(std::chrono::milliseconds wait) override;
    PeerNews Look() override;

  private:
    void Connect(const LinkOptions& options);
    std::size_t ReceiveFurtherFrames();

    zmq::context_t m_context{1};
    zmq::socket_t m_socket{m_context, zmq::socket_type::dealer};
    std::optional<PeerWatch> m_watch; ///< of a learner that is not watched as a process
    std::array<std::byte, HEADER_BYTES> m_first{};
    zmq::message_t m_body;
};

} // namespace slicebridge

#endif
