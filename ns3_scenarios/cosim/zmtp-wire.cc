// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/zmtp-wire.h"

#include "cosim/link-error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string_view>
#include <sys/uio.h>
#include <thread>
#include <utility>

namespace slicebridge
{

namespace
{

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds CONNECT_DEADLINE{1'000};
constexpr milliseconds MESSAGE_DEADLINE{1'000}; ///< for the rest of a short one that has begun
constexpr milliseconds RETRY{10};               ///< between attempts to connect

constexpr std::size_t MOST_FRAMES = 2;   ///< of a message; that it has more is enough to know
constexpr std::size_t SHORT_FRAME = 255; ///< largest whose size takes one byte
constexpr auto MORE = std::byte{1};
constexpr auto LONG = std::byte{2};
constexpr auto COMMAND = std::byte{4};
/// Of the greeting, the version included. A peer that wants a key hangs up at the rest of it,
/// before it has told so.
constexpr std::size_t VERSION_BYTES = 11;
constexpr std::size_t PING_TTL_BYTES = 2;
constexpr std::size_t PING_CONTEXT_BYTES = 16;

std::string Name(std::string_view command)
{
    return static_cast<char>(command.size()) + std::string(command);
}

/// Signature, version 3.0, mechanism, not as server, and zeros up to 64 bytes.
std::string Greeting()
{
    using namespace std::string_literals;
    std::string greeting = "\xFF\0\0\0\0\0\0\0\0\x7F\x03\0NULL"s;
    greeting.resize(ZmtpReader::GREETING_BYTES);
    return greeting;
}

std::string Ready()
{
    const std::string type = "DEALER";
    const std::string size{'\0', '\0', '\0', static_cast<char>(type.size())};
    return Name("READY") + Name("Socket-Type") + size + type;
}

bool BeginsWith(std::span<const std::byte> bytes, const std::string& text)
{
    return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

iovec Piece(const void* bytes, std::size_t size)
{
    return {.iov_base = const_cast<void*>(bytes), .iov_len = size};
}

/// What is left of the pieces when so many bytes are gone.
std::span<iovec> Rest(std::span<iovec> pieces, std::size_t gone)
{
    while (!pieces.empty() && gone >= pieces.front().iov_len)
    {
        gone -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
    }
    if (gone > 0)
    {
        auto& piece = pieces.front();
        piece = Piece(static_cast<const std::byte*>(piece.iov_base) + gone, piece.iov_len - gone);
    }
    return pieces;
}

/// Flags and size before the body of a frame.
class FrameHeader
{
  public:
    FrameHeader(std::byte flags, std::size_t size)
        : m_bytes{flags, static_cast<std::byte>(size)}
    {
        if (size > SHORT_FRAME)
        {
            m_bytes[0] |= LONG;
            m_size = m_bytes.size();
            for (std::size_t at = m_size; --at > 0; size >>= 8)
            {
                m_bytes[at] = static_cast<std::byte>(size);
            }
        }
    }

    iovec Bytes() const
    {
        return Piece(m_bytes.data(), m_size);
    }

  private:
    std::array<std::byte, 9> m_bytes;
    std::size_t m_size{2};
};

void SetTimeout(int socket, int option, milliseconds time)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds);
    const timeval value{.tv_sec = seconds.count(), .tv_usec = rest.count()};
    setsockopt(socket, SOL_SOCKET, option, &value, sizeof(value));
}

} // namespace

ZmtpWire::ZmtpWire(const std::string& endpoint, std::size_t frameLimit_bytes)
    : m_address(ParseEndpoint(endpoint)),
      m_frameLimit_bytes(frameLimit_bytes)
{
}

/// What was sent must arrive: a TCP connection that is closed with bytes unread is reset.
ZmtpWire::~ZmtpWire()
{
    if (m_state != State::Open)
    {
        return;
    }
    shutdown(m_socket->Get(), SHUT_WR);
    constexpr std::size_t ENOUGH_BYTES = std::size_t{1} << 20;
    for (std::size_t unread = 0; unread < ENOUGH_BYTES; unread += m_reader->Capacity())
    {
        m_reader.emplace(m_frameLimit_bytes);
        const auto room = m_reader->Room();
        if (recv(m_socket->Get(), room.data(), room.size(), MSG_DONTWAIT) <= 0)
        {
            return;
        }
    }
}

bool ZmtpWire::Open(milliseconds wait)
{
    if (m_state == State::Closed)
    {
        Connect();
    }
    if (m_state == State::Closed)
    {
        std::this_thread::sleep_for(std::min(wait, RETRY));
        return false;
    }
    if (Fill(wait))
    {
        ShakeHands();
    }
    return m_state == State::Open;
}

void ZmtpWire::Connect()
{
    m_socket.emplace(socket(m_address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    m_timeout = milliseconds(0);
    SetTimeout(m_socket->Get(), SO_SNDTIMEO, CONNECT_DEADLINE);
    const int noDelay = 1;
    if (m_address.storage.ss_family != AF_UNIX)
    {
        setsockopt(m_socket->Get(), IPPROTO_TCP, TCP_NODELAY, &noDelay, sizeof(noDelay));
    }
    const auto* address = reinterpret_cast<const sockaddr*>(&m_address.storage);
    if (connect(m_socket->Get(), address, m_address.bytes) != 0)
    {
        return;
    }
    m_reader.emplace(m_frameLimit_bytes);
    m_frames = 0;
    m_state = State::Greeted;
    const auto greeting = Greeting();
    std::array pieces{Piece(greeting.data(), VERSION_BYTES)};
    Write(pieces, nullptr);
}

void ZmtpWire::ShakeHands()
{
    if (m_state == State::Greeted)
    {
        const auto mechanism = m_reader->TakeGreeting();
        if (!mechanism)
        {
            return;
        }
        if (*mechanism != "NULL")
        {
            m_state = State::Refused;
            return;
        }
        m_state = State::Agreed;
        const auto greeting = Greeting().substr(VERSION_BYTES);
        const auto ready = Ready();
        const FrameHeader header(COMMAND, ready.size());
        std::array pieces{Piece(greeting.data(), greeting.size()),
                          header.Bytes(),
                          Piece(ready.data(), ready.size())};
        Write(pieces, nullptr);
    }
    if (const auto frame = m_state == State::Agreed ? m_reader->Next() : std::nullopt)
    {
        const bool isReady = frame->command && BeginsWith(frame->body, Name("READY"));
        m_state = isReady ? State::Open : State::Refused;
    }
}

bool ZmtpWire::Send(std::span<const std::byte> header,
                    std::span<const std::byte> body,
                    const Patience& patience)
{
    const FrameHeader first(MORE, header.size());
    const FrameHeader second(std::byte{0}, body.size());
    std::array pieces{first.Bytes(),
                      Piece(header.data(), header.size()),
                      second.Bytes(),
                      Piece(body.data(), body.size())};
    return m_state == State::Open && Write(pieces, patience);
}

void ZmtpWire::TrySend(std::span<const std::byte> header)
{
    const FrameHeader first(std::byte{0}, header.size());
    std::array pieces{first.Bytes(), Piece(header.data(), header.size())};
    if (m_state == State::Open)
    {
        Write(pieces, nullptr);
    }
}

/// All of it, or nothing if there is no room and `patience` has none. What was begun and is not
/// ended would garble what follows, so that is the end of the connection.
/// @return false if nothing was written
bool ZmtpWire::Write(std::span<iovec> pieces, const Patience& patience)
{
    bool begun = false;
    while (!pieces.empty())
    {
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.size();
        const auto sent = sendmsg(m_socket->Get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
        {
            pieces = Rest(pieces, static_cast<std::size_t>(sent));
            begun = true;
        }
        else if (errno != EAGAIN && errno != EINTR)
        {
            Drop();
            return false;
        }
        else if (!AwaitRoom(patience, begun))
        {
            return false;
        }
    }
    return true;
}

/// @return false if there is no room and no patience
bool ZmtpWire::AwaitRoom(const Patience& patience, bool begun)
{
    try
    {
        const auto wait = patience ? patience() : begun ? MESSAGE_DEADLINE : milliseconds(0);
        pollfd room{.fd = m_socket->Get(), .events = POLLOUT, .revents = 0};
        if (poll(&room, 1, static_cast<int>(wait.count())) > 0 || patience)
        {
            return true;
        }
    }
    catch (...)
    {
        if (begun)
        {
            Drop();
        }
        throw;
    }
    if (begun)
    {
        Drop();
    }
    return false;
}

/// Take what comes within so long. @return false if nothing did
bool ZmtpWire::Fill(milliseconds wait)
{
    if (wait != m_timeout && wait.count() > 0)
    {
        SetTimeout(m_socket->Get(), SO_RCVTIMEO, wait);
        m_timeout = wait;
    }
    const auto room = m_reader->Room();
    const int flags = wait.count() > 0 ? 0 : MSG_DONTWAIT;
    const auto received = recv(m_socket->Get(), room.data(), room.size(), flags);
    if (received > 0)
    {
        m_reader->Filled(static_cast<std::size_t>(received));
        return true;
    }
    if (received == 0 || (errno != EAGAIN && errno != EINTR))
    {
        Drop();
    }
    return false;
}

std::optional<WireMessage> ZmtpWire::Receive(milliseconds wait)
{
    auto message = TakeMessage();
    if (!message && m_state == State::Open && Fill(wait))
    {
        message = TakeMessage();
    }
    return message;
}

/// Of what has come.
std::optional<WireMessage> ZmtpWire::TakeMessage()
{
    while (const auto frame = m_reader->Next())
    {
        if (frame->command)
        {
            TakeCommand(frame->body);
            continue;
        }
        if (m_frames == 0)
        {
            // A header too long is not read as the beginning of it.
            m_firstBytes = frame->body.size() > m_first.size() ? 0 : frame->body.size();
            std::copy_n(frame->body.begin(), m_firstBytes, m_first.begin());
        }
        ++m_frames;
        if (!frame->more || m_frames > MOST_FRAMES)
        {
            const auto furtherFrames = std::exchange(m_frames, 0) - 1;
            return WireMessage{std::span(m_first).first(m_firstBytes),
                               furtherFrames,
                               furtherFrames == 0 ? std::span<const std::byte>{} : frame->body};
        }
    }
    return std::nullopt;
}

/// A PING is answered (ZMTP 3.1); of others nothing follows for a simulation.
void ZmtpWire::TakeCommand(std::span<const std::byte> command)
{
    const auto name = Name("PING");
    if (!BeginsWith(command, name) || command.size() < name.size() + PING_TTL_BYTES)
    {
        return;
    }
    const auto all = command.subspan(name.size() + PING_TTL_BYTES);
    const auto context = all.first(std::min(all.size(), PING_CONTEXT_BYTES));
    const auto pong = Name("PONG");
    const FrameHeader header(COMMAND, pong.size() + context.size());
    std::array pieces{header.Bytes(),
                      Piece(pong.data(), pong.size()),
                      Piece(context.data(), context.size())};
    Write(pieces, nullptr);
}

PeerNews ZmtpWire::Look()
{
    if (m_state == State::Refused)
    {
        return PeerNews::Refused;
    }
    return m_state == State::Ended ? PeerNews::Ended : PeerNews::None;
}

/// A connection that ends before the hands are shaken may be made again.
void ZmtpWire::Drop()
{
    m_state = m_state == State::Open ? State::Ended : State::Closed;
    m_socket.reset();
}

} // namespace slicebridge
