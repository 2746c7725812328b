// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_ZMTP_WIRE_H
#define SLICEBRIDGE_COSIM_ZMTP_WIRE_H

#include "cosim/file-descriptor.h"
#include "cosim/header.h"
#include "cosim/socket-address.h"
#include "cosim/wire.h"
#include "cosim/zmtp-reader.h"

#include <array>
#include <optional>
#include <string>

struct iovec;

namespace slicebridge
{

/**
 * What a DEALER socket does on the wire (ZMTP 3.0, RFC 23, mechanism NULL), by the thread that
 * simulates itself: libzmq's would have to be woken up for every message, which takes longer than
 * the message does. One connection, to this host, made once.
 */
class ZmtpWire : public Wire
{
  public:
    /// @throws std::invalid_argument if the endpoint is no address
    ZmtpWire(const std::string& endpoint, std::size_t frameLimit_bytes);
    ~ZmtpWire() override;

    bool Open(std::chrono::milliseconds wait) override;
    bool Send(std::span<const std::byte> header,
              std::span<const std::byte> body,
              const Patience& patience) override;
    void TrySend(std::span<const std::byte> header) override;
    std::optional<WireMessage> Receive(std::chrono::milliseconds wait) override;
    PeerNews Look() override;

  private:
    enum class State : uint8_t
    {
        Closed,
        Greeted, ///< our version is sent
        Agreed,  ///< their greeting has come, the rest of ours and our READY are sent
        Open,    ///< their READY has come
        Ended,
        Refused,
    };

    void Connect();
    void ShakeHands();
    bool Write(std::span<iovec> pieces, const Patience& patience);
    bool AwaitRoom(const Patience& patience, bool begun);
    bool Fill(std::chrono::milliseconds wait);
    std::optional<WireMessage> TakeMessage();
    void TakeCommand(std::span<const std::byte> command);
    void Drop();

    SocketAddress m_address;
    std::size_t m_frameLimit_bytes;
    State m_state{State::Closed};
    std::optional<FileDescriptor> m_socket;
    std::optional<ZmtpReader> m_reader;
    std::chrono::milliseconds m_timeout{0}; ///< of the socket, for receiving
    std::array<std::byte, HEADER_BYTES> m_first{};
    std::size_t m_firstBytes{0};
    std::size_t m_frames{0}; ///< of the message that is being received
};

} // namespace slicebridge

#endif
