// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/link-error.h"
#include "cosim/zmtp-reader.h"
#include "cosim/zmtp-wire.h"

#include <algorithm>
#include <cstring>
#include <future>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace slicebridge
{
namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;

const std::string GREETING = "\xFF\0\0\0\0\0\0\0\1\x7F\x03\1NULL"s + std::string(48, '\0');
const std::string READY = "\x04\x06\x05READY"s;

std::string Frame(const std::string& body, int flags = 0)
{
    if (body.size() < 256)
    {
        return static_cast<char>(flags) + std::string(1, static_cast<char>(body.size())) + body;
    }
    std::string size(8, '\0');
    for (std::size_t at = 8, rest = body.size(); at-- > 0; rest >>= 8)
    {
        size[at] = static_cast<char>(rest);
    }
    return static_cast<char>(flags | 2) + size + body;
}

std::span<const std::byte> Bytes(const std::string& text)
{
    return std::as_bytes(std::span(text));
}

const Wire::Patience PATIENT = [] { return 100ms; };

std::string Text(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Frames with their flags, of bytes that come in pieces of these sizes, over and over.
std::vector<std::string> FramesOf(const std::string& bytes, const std::vector<std::size_t>& pieces)
{
    ZmtpReader reader(100'000);
    std::vector<std::string> frames;
    bool greeted = false;
    for (std::size_t at = 0, number = 0; at < bytes.size(); ++number)
    {
        const auto room = reader.Room();
        const auto size =
            std::min({pieces[number % pieces.size()], room.size(), bytes.size() - at});
        std::memcpy(room.data(), &bytes[at], size);
        reader.Filled(size);
        at += size;
        greeted = greeted || reader.TakeGreeting();
        while (const auto frame = greeted ? reader.Next() : std::nullopt)
        {
            frames.push_back(Text(frame->body) + (frame->more ? "+" : "") +
                             (frame->command ? "!" : ""));
        }
    }
    return frames;
}

TEST(ZmtpReader, TakesTheSameFramesInWhateverPiecesTheyCome)
{
    const std::string large(70'000, 'x');
    const auto bytes = GREETING + READY + Frame("head", 1) + Frame(large) + Frame("");
    const std::vector<std::string> expected{"\x05READY!", "head+", large, ""};
    EXPECT_TRUE(rc::check(
        [&](const std::vector<uint16_t>& sizes)
        {
            std::vector<std::size_t> pieces{1};
            pieces.insert(pieces.end(), sizes.begin(), sizes.end());
            RC_ASSERT(FramesOf(bytes, pieces) == expected);
        }));
}

/// What is thrown at bytes after the greeting.
std::string FaultOf(const std::string& bytes)
{
    try
    {
        FramesOf(GREETING + bytes, {bytes.size() + GREETING.size()});
        return "";
    }
    catch (const ProtocolViolation& fault)
    {
        return fault.what();
    }
}

TEST(ZmtpReader, RefusesFramesThatAreNone)
{
    EXPECT_EQ(FaultOf("\x08\0"s), "the learner sent a malformed frame");
    EXPECT_EQ(FaultOf("\x05\0"s), "the learner sent a malformed frame");
    EXPECT_EQ(FaultOf("\x02\0\0\0\0\0\1\x86\xA1"s),
              "the learner sent a frame of 100001 bytes (allowed: up to 100000)");
    EXPECT_NE(FaultOf("\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s), "");
    EXPECT_EQ(FaultOf("\x02\0\0\0\0\0\1\x86\xA0"s), "");
}

TEST(ZmtpReader, RefusesAGreetingOfAnotherProtocol)
{
    for (const auto& greeting :
         {std::string(64, '\0'), "HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(64, ' ')})
    {
        EXPECT_THROW(FramesOf(greeting, {1}), ProtocolViolation);
    }
    auto older = GREETING;
    older[10] = 1;
    EXPECT_THROW(FramesOf(older, {1}), ProtocolViolation);
}

TEST(ZmtpReader, HoldsNoMoreThanWhatIsAllowed)
{
    ZmtpReader reader(1'000'000);
    EXPECT_LE(reader.Capacity(), 10'000U);
    const auto bytes = "\x02\0\0\0\0\0\x0F\x42\x40"s;
    const auto room = reader.Room();
    std::memcpy(room.data(), bytes.data(), bytes.size());
    reader.Filled(bytes.size());
    EXPECT_FALSE(reader.Next());
    EXPECT_GT(reader.Room().size(), 0U);
    EXPECT_LE(reader.Capacity(), 1'000'009U);
}

/// What listens where a wire connects to; bytes in, bytes out.
class RawLearner
{
  public:
    RawLearner()
        : m_listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        m_path.copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
        unlink(m_path.c_str());
        if (bind(m_listening.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
            listen(m_listening.Get(), 1) != 0)
        {
            throw std::runtime_error("cannot listen");
        }
    }

    ~RawLearner()
    {
        unlink(m_path.c_str());
    }

    RawLearner(const RawLearner&) = delete;
    RawLearner& operator=(const RawLearner&) = delete;

    std::string Endpoint() const
    {
        return "ipc://" + m_path;
    }

    void Accept()
    {
        m_connection.emplace(accept(m_listening.Get(), nullptr, nullptr));
    }

    void HangUp()
    {
        m_connection.reset();
    }

    void Send(const std::string& bytes)
    {
        EXPECT_EQ(send(m_connection->Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }

    std::string Receive(std::size_t size)
    {
        std::string bytes(size, '?');
        const auto received = recv(m_connection->Get(), bytes.data(), size, MSG_WAITALL);
        bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(received, 0)));
        return bytes;
    }

  private:
    std::string m_path{"/tmp/slb-zmtp-test-" + std::to_string(getpid())};
    FileDescriptor m_listening;
    std::optional<FileDescriptor> m_connection;
};

/// A wire and who it talks to, with hands shaken.
class Connected : public testing::Test
{
  protected:
    Connected()
    {
        EXPECT_FALSE(wire.Open(0ms)); // it greets
        learner.Accept();
        EXPECT_EQ(learner.Receive(11), "\xFF\0\0\0\0\0\0\0\0\x7F\x03"s);
        learner.Send(GREETING + READY);
        EXPECT_TRUE(wire.Open(1s));
        EXPECT_EQ(learner.Receive(53), "\0NULL"s + std::string(48, '\0'));
        EXPECT_EQ(learner.Receive(30),
                  "\x04\x1C\x05READY\x0BSocket-Type\0\0\0\x06"
                  "DEALER"s);
    }

    RawLearner learner;
    ZmtpWire wire{learner.Endpoint(), 100'000};
};

TEST_F(Connected, WritesAMessageAsTwoFrames)
{
    const std::string header = "header";
    for (const auto& body :
         {""s, std::string(255, 'x'), std::string(256, 'x'), std::string(70'000, 'y')})
    {
        const auto expected = Frame(header, 1) + Frame(body);
        auto received =
            std::async(std::launch::async, [&] { return learner.Receive(expected.size()); });
        EXPECT_TRUE(wire.Send(Bytes(header), Bytes(body), PATIENT));
        EXPECT_EQ(received.get(), expected);
    }
}

TEST_F(Connected, ReadsMessagesAndTellsOfEndlessOnes)
{
    learner.Send(Frame("one", 1) + Frame("body"));
    learner.Send(Frame("alone"));
    learner.Send(Frame(std::string(33, 'h'), 1) + Frame("body", 1) + Frame("too many", 1));
    auto message = wire.Receive(1s);
    ASSERT_TRUE(message);
    EXPECT_EQ(Text(message->first), "one");
    EXPECT_EQ(message->furtherFrames, 1U);
    EXPECT_EQ(Text(message->body), "body");
    message = wire.Receive(1s);
    ASSERT_TRUE(message);
    EXPECT_EQ(Text(message->first), "alone");
    EXPECT_EQ(message->furtherFrames, 0U);
    EXPECT_TRUE(message->body.empty());
    message = wire.Receive(1s);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->first.empty()); // longer than any header
    EXPECT_EQ(message->furtherFrames, 2U);
    EXPECT_FALSE(wire.Receive(0ms));
}

struct EnoughWaited
{
};

TEST_F(Connected, WaitsUntilThereIsRoomOrItsPatienceEnds)
{
    const std::string body(2'000'000, 'x');
    int stretches = 0;
    const auto impatient = [&]() -> std::chrono::milliseconds
    {
        if (++stretches == 3)
        {
            throw EnoughWaited{};
        }
        return 1ms;
    };
    EXPECT_THROW(wire.Send(Bytes("header"), Bytes(body), impatient), EnoughWaited);
    EXPECT_EQ(wire.Look(), PeerNews::Ended); // half a message was sent
    EXPECT_FALSE(wire.Send(Bytes("header"), Bytes("body"), PATIENT));
}

TEST_F(Connected, AMessageThatNeedsWaitingIsLeftOutIfItIsNotWorthIt)
{
    const std::string header(32, 'h');
    for (int number = 0; number < 20'000; ++number)
    {
        wire.TrySend(Bytes(header));
    }
    EXPECT_EQ(wire.Look(), PeerNews::None);
    EXPECT_EQ(learner.Receive(34), Frame(header));
}

TEST_F(Connected, AnswersPing)
{
    learner.Send(Frame("\x04PING\0\x64"
                       "abc"s,
                       4) +
                 Frame("\x04PING"s, 4) + Frame("message"));
    const auto message = wire.Receive(1s);
    ASSERT_TRUE(message);
    EXPECT_EQ(Text(message->first), "message");
    EXPECT_EQ(learner.Receive(10),
              "\x04\x08\x04PONG"
              "abc"s);
}

TEST_F(Connected, HandsOutWhatCameBeforeTheEndAndTellsOfTheEnd)
{
    learner.Send(Frame("last words"));
    EXPECT_EQ(wire.Look(), PeerNews::None);
    learner.HangUp();
    EXPECT_TRUE(wire.Receive(1s));
    EXPECT_FALSE(wire.Receive(1s));
    EXPECT_EQ(wire.Look(), PeerNews::Ended);
    EXPECT_FALSE(wire.Send({}, {}, PATIENT));
}

TEST(ZmtpWire, ConnectsAgainAsLongAsNoHandsWereShaken)
{
    RawLearner learner;
    ZmtpWire wire(learner.Endpoint(), 1000);
    EXPECT_FALSE(wire.Open(0ms));
    learner.Accept();
    learner.HangUp();
    EXPECT_FALSE(wire.Open(1s)); // that it ended
    EXPECT_FALSE(wire.Open(0ms));
    learner.Accept();
    learner.Send(GREETING + READY);
    EXPECT_TRUE(wire.Open(1s));
}

TEST(ZmtpWire, TellsOfALearnerThatWantsAKey)
{
    RawLearner learner;
    ZmtpWire wire(learner.Endpoint(), 1000);
    EXPECT_FALSE(wire.Open(0ms));
    learner.Accept();
    auto curve = GREETING;
    curve.replace(12, 5, "CURVE");
    learner.Send(curve);
    EXPECT_FALSE(wire.Open(1s));
    EXPECT_EQ(wire.Look(), PeerNews::Refused);
}

} // namespace
} // namespace slicebridge
