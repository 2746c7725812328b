// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/peer-watch.h"

#include <cstring>

namespace slicebridge
{

namespace
{

constexpr const char* ADDRESS = "inproc://slicebridge-peer-watch";
constexpr int REFUSALS = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                         ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

} // namespace

PeerWatch::PeerWatch(zmq::context_t& context, zmq::socket_t& socket)
    : m_events(context, zmq::socket_type::pair)
{
    if (zmq_socket_monitor(socket.handle(), ADDRESS, REFUSALS | ZMQ_EVENT_DISCONNECTED) != 0)
    {
        throw zmq::error_t();
    }
    m_events.set(zmq::sockopt::linger, 0);
    m_events.connect(ADDRESS);
}

PeerNews PeerWatch::Look()
{
    auto news = PeerNews::None;
    zmq::message_t event;
    while (m_events.recv(event, zmq::recv_flags::dontwait))
    {
        uint16_t kind = 0; // an event is its kind, a value that is of no interest, and an address
        std::memcpy(&kind, event.data(), sizeof(kind));
        // A refusal is followed by the end of the connection.
        news = (kind & REFUSALS) != 0 || news == PeerNews::Refused ? PeerNews::Refused
                                                                   : PeerNews::Lost;
        zmq::message_t address;
        std::ignore = m_events.recv(address);
    }
    return news;
}

} // namespace slicebridge
