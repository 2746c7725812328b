// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_PEER_WATCH_H
#define SLICEBRIDGE_COSIM_PEER_WATCH_H

#include <cstdint>
#include <zmq.hpp>

namespace slicebridge
{

/// Tells what became of the connection of a ZeroMQ socket that has one.
class PeerWatch
{
  public:
    enum class News : uint8_t
    {
        None,
        Refused, ///< the other side does not take our key, or has none where we have one
        Lost,    ///< it was there and is gone
    };

    /// To be made before the socket connects. @throws zmq::error_t
    PeerWatch(zmq::context_t& context, zmq::socket_t& socket);

    /// The weightiest news since it was asked before. @throws zmq::error_t
    News Look();

  private:
    zmq::socket_t m_events;
};

} // namespace slicebridge

#endif
