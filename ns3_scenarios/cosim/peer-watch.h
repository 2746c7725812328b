// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_PEER_WATCH_H
#define SLICEBRIDGE_COSIM_PEER_WATCH_H

#include "cosim/wire.h"

#include <zmq.hpp>

namespace slicebridge
{

/// Tells what became of the connection of a ZeroMQ socket that has one.
class PeerWatch
{
  public:
    /// To be made before the socket connects. @throws zmq::error_t
    PeerWatch(zmq::context_t& context, zmq::socket_t& socket);

    /// The weightiest news since it was asked before. @throws zmq::error_t
    PeerNews Look();

  private:
    zmq::socket_t m_events;
};

} // namespace slicebridge

#endif
