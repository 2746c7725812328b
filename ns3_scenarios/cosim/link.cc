// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/link.h"

#include "cosim/heart.h"
#include "cosim/peer-watch.h"
#include "cosim/schema-hash.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <regex>
#include <unistd.h>
#include <zmq.hpp>

namespace slicebridge
{

namespace
{

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>; ///< none: wait for ever

constexpr int EXIT_BAD_COMMAND_LINE = 2;
constexpr std::size_t TOKEN_MIN = 32;
constexpr std::size_t TOKEN_MAX = 128;
constexpr std::chrono::milliseconds LINGER{1'000}; ///< for BYE and ERROR to leave
constexpr std::chrono::milliseconds SEND_DEADLINE{10'000};

/// Longest wait at a stretch, so that an interruption which comes just before it is seen soon.
constexpr std::chrono::milliseconds STRETCH{100};

/// Thrown out of a wait when `LinkOptions::interrupted` says so.
struct Interrupted
{
};

bool IsToken(std::string_view token)
{
    return token.size() >= TOKEN_MIN && token.size() <= TOKEN_MAX &&
           token.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

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

int Count(std::chrono::milliseconds time)
{
    return static_cast<int>(time.count());
}

Deadline After(std::chrono::milliseconds wait)
{
    return wait.count() == 0 ? Deadline{} : Deadline{Clock::now() + wait};
}

} // namespace

LinkOptions LinkOptionsFromEnvironment(const std::string& endpoint, const std::string& runId)
{
    LinkOptions options;
    options.endpoint = endpoint;
    options.runId = runId;
    const char* token = std::getenv("SLICEBRIDGE_TOKEN");
    if (token == nullptr || !IsToken(token))
    {
        throw std::invalid_argument("SLICEBRIDGE_TOKEN must hold 32 to 128 hexadecimal digits");
    }
    options.token = token;
    options.parent = ParentFromEnvironment();
    return options;
}

class Link::Impl
{
  public:
    explicit Impl(LinkOptions options);

    void Send(MessageType type, uint8_t flags, int64_t time_ns, std::span<const std::byte> body);
    void SendJson(MessageType type, const nlohmann::json& body);
    Received Receive(const Deadline& deadline, const std::string& awaited);
    template <typename Take>
    auto Await(std::chrono::milliseconds wait, const std::string& awaited, Take&& take);
    template <typename Take>
    auto AwaitInHandshake(const std::string& awaited, Take&& take);
    std::optional<Answer> TakeAnswer(const Received& message, TensorBuffer& action);
    void Beat() noexcept;

    const LinkOptions options;
    // Held by the simulating thread while it sends, and from a STATE until its ACTION; the heart
    // beats only in between, which is when the simulation computes.
    std::mutex mutex;
    zmq::context_t context{1};
    zmq::socket_t socket{context, zmq::socket_type::dealer};
    zmq::message_t body;
    Dialogue dialogue;
    std::chrono::milliseconds actionDeadline{0}; ///< by WELCOME
    uint8_t answerFlags{0};
    ForkOrder fork;

  private:
    void Connect();
    void WatchLearner();
    std::chrono::milliseconds NextWait(const Deadline& deadline, const std::string& awaited);
    bool LearnerIsLost();
    std::size_t ReceiveFurtherFrames();

    std::optional<PeerWatch> m_watch; ///< of a learner that is not watched as a process
    bool m_lost{false};
    Heart m_heart; // last: it starts beating when all else is there, and stops before it goes
};

Link::Impl::Impl(LinkOptions linkOptions)
    : options(std::move(linkOptions)),
      m_heart(options.heartbeatPeriod, options.parent, [this] { Beat(); })
{
    const std::scoped_lock lock(mutex);
    RefuseUnlessProtected(options);
    socket.set(zmq::sockopt::linger, Count(LINGER));
    socket.set(zmq::sockopt::sndtimeo, Count(SEND_DEADLINE));
    socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(options.frameLimit_bytes));
    try
    {
        Connect();
    }
    catch (const zmq::error_t& error)
    {
        throw LinkError(EXIT_BAD_COMMAND_LINE,
                        "cannot connect to '" + options.endpoint + "': " + error.what());
    }
}

void Link::Impl::Connect()
{
    if (options.key)
    {
        socket.set(zmq::sockopt::curve_serverkey, options.key->learnerKey);
        socket.set(zmq::sockopt::curve_publickey, options.key->publicKey);
        socket.set(zmq::sockopt::curve_secretkey, options.key->secretKey);
    }
    if (options.parent == 0)
    {
        WatchLearner();
    }
    socket.set(zmq::sockopt::ipv6, options.endpoint.starts_with("tcp://["));
    socket.connect(options.endpoint);
}

/// ZeroMQ's own heartbeats are answered by a thread of the learner's, whatever it is doing.
void Link::Impl::WatchLearner()
{
    socket.set(zmq::sockopt::heartbeat_ivl, Count(options.heartbeatPeriod));
    socket.set(zmq::sockopt::heartbeat_timeout, Count(options.learnerTimeout));
    m_watch.emplace(context, socket);
}

void Link::Impl::Send(MessageType type,
                      uint8_t flags,
                      int64_t time_ns,
                      std::span<const std::byte> payload)
{
    const auto header = EncodeHeader({type, flags, dialogue.Episode(), dialogue.Step(), time_ns});
    const bool sent =
        socket.send(zmq::buffer(header), zmq::send_flags::sndmore) &&
        socket.send(zmq::buffer(payload.data(), payload.size()), zmq::send_flags::none);
    if (!sent)
    {
        throw LearnerLost("the learner takes no messages");
    }
}

void Link::Impl::SendJson(MessageType type, const nlohmann::json& json)
{
    // Reasons may quote text that is no UTF-8; it must not keep them from being told.
    const auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    Send(type, 0, 0, std::as_bytes(std::span(text)));
}

/// How long to wait at a stretch before looking around. @throws LearnerLost, Interrupted
std::chrono::milliseconds Link::Impl::NextWait(const Deadline& deadline, const std::string& awaited)
{
    if (options.interrupted && options.interrupted())
    {
        throw Interrupted{};
    }
    if (m_lost)
    {
        throw LearnerLost("the learner at " + options.endpoint + " is gone");
    }
    if (LearnerIsLost())
    {
        return std::chrono::milliseconds(0); // its last words may be here
    }
    if (!deadline)
    {
        return STRETCH;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    if (left.count() <= 0)
    {
        throw LearnerLost("no " + awaited + " from " + options.endpoint + " in time");
    }
    return std::min(left, STRETCH);
}

/// Before WELCOME a connection may come and go, but not be refused. @throws ProtocolViolation
bool Link::Impl::LearnerIsLost()
{
    const auto news = m_watch ? m_watch->Look() : PeerWatch::News::None;
    if (news == PeerWatch::News::Refused && !dialogue.Welcomed())
    {
        throw ProtocolViolation(
            "the learner at " + options.endpoint +
            (options.key ? " does not take this key" : " does not take simulations without a key"));
    }
    m_lost = m_lost || (news != PeerWatch::News::None && dialogue.Welcomed());
    return m_lost;
}

Received Link::Impl::Receive(const Deadline& deadline, const std::string& awaited)
{
    std::array<std::byte, HEADER_BYTES> frame{};
    zmq::recv_buffer_result_t size;
    while (!size)
    {
        const auto wait = NextWait(deadline, awaited);
        socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(wait.count()));
        try
        {
            size = socket.recv(zmq::buffer(frame));
        }
        catch (const zmq::error_t& error)
        {
            if (error.num() != EINTR)
            {
                throw;
            }
        }
    }
    const std::size_t furtherFrames = ReceiveFurtherFrames();
    // A header too long is not read as the beginning of it.
    const auto first = std::span(frame).first(size->truncated() ? 0 : size->size);
    return ReadMessage(first, furtherFrames, {body.data<std::byte>(), body.size()});
}

/// The last of them is left in `body`, which is empty if there is none.
std::size_t Link::Impl::ReceiveFurtherFrames()
{
    body.rebuild();
    std::size_t count = 0;
    while (socket.get(zmq::sockopt::rcvmore))
    {
        if (socket.recv(body))
        {
            ++count;
        }
    }
    return count;
}

/// What `take` makes of the first message that it does not skip; 0 waits for ever.
template <typename Take>
auto Link::Impl::Await(std::chrono::milliseconds wait, const std::string& awaited, Take&& take)
{
    const auto deadline = After(wait);
    auto taken = take(Receive(deadline, awaited));
    while (!taken)
    {
        taken = take(Receive(deadline, awaited));
    }
    return taken;
}

template <typename Take>
auto Link::Impl::AwaitInHandshake(const std::string& awaited, Take&& take)
{
    try
    {
        return Await(options.handshakeDeadline, awaited, std::forward<Take>(take));
    }
    catch (const Interrupted&)
    {
        throw LearnerLost("interrupted while waiting for " + awaited);
    }
}

std::optional<Link::Answer> Link::Impl::TakeAnswer(const Received& message, TensorBuffer& action)
{
    const auto answer = dialogue.TakeAnswer(message, action);
    if (!answer)
    {
        return std::nullopt;
    }
    answerFlags = message.header.flags;
    switch (*answer)
    {
    case MessageType::Bye:
        return Answer::Bye;
    case MessageType::Fork:
        fork = Dialogue::ReadFork(message);
        return Answer::Fork;
    default:
        return Answer::Action;
    }
}

void Link::Impl::Beat() noexcept
{
    const std::unique_lock lock(mutex, std::try_to_lock);
    if (!lock || !dialogue.Welcomed())
    {
        return;
    }
    const auto header =
        EncodeHeader({MessageType::Heartbeat, 0, dialogue.Episode(), dialogue.Step(), 0});
    try
    {
        if (LearnerIsLost())
        {
            EndProcess("the learner is gone");
        }
        socket.send(zmq::buffer(header), zmq::send_flags::dontwait);
    }
    catch (const zmq::error_t&)
    {
        // A beat may be missed; that the learner is gone shows at the next exchange.
    }
}

Link::Link(LinkOptions options)
    : m_impl(std::make_unique<Impl>(std::move(options)))
{
}

Link::~Link() = default;

Welcome Link::Handshake(const nlohmann::json& schema,
                        const nlohmann::json& versions,
                        const nlohmann::json& debug)
{
    const std::scoped_lock lock(m_impl->mutex);
    const auto text = schema.dump();
    nlohmann::json hello{{"protocol", PROTOCOL_VERSION},
                         {"run_id", m_impl->options.runId},
                         {"token", m_impl->options.token},
                         {"pid", getpid()},
                         {"schema_hash", SchemaHash(text)},
                         {"schema", text},
                         {"versions", versions}};
    if (!debug.is_null())
    {
        hello["debug"] = debug;
    }
    m_impl->SendJson(MessageType::Hello, hello);
    const auto welcome = m_impl->AwaitInHandshake(
        "WELCOME",
        [this](const Received& message) { return m_impl->dialogue.TakeWelcome(message); });
    m_impl->actionDeadline = welcome->actionDeadline;
    return *welcome;
}

std::vector<std::byte> Link::ReceivePolicy(std::size_t bytes)
{
    const std::scoped_lock lock(m_impl->mutex);
    return *m_impl->AwaitInHandshake("POLICY",
                                     [this, bytes](const Received& message)
                                     {
                                         std::optional<std::vector<std::byte>> policy;
                                         if (m_impl->dialogue.TakePolicy(message, bytes))
                                         {
                                             policy.emplace(message.body.begin(),
                                                            message.body.end());
                                         }
                                         return policy;
                                     });
}

Link::Answer Link::Exchange(const TensorBuffer& state,
                            uint8_t flags,
                            int64_t time_ns,
                            TensorBuffer& action)
{
    const std::scoped_lock lock(m_impl->mutex);
    m_impl->Send(MessageType::State, flags, time_ns, state.Bytes());
    if ((flags & LAST) != 0)
    {
        return Answer::Bye;
    }
    try
    {
        const auto answer = m_impl->Await(m_impl->actionDeadline,
                                          "ACTION",
                                          [this, &action](const Received& message)
                                          { return m_impl->TakeAnswer(message, action); });
        return *answer;
    }
    catch (const Interrupted&)
    {
        return Answer::Interrupted;
    }
}

uint8_t Link::AnswerFlags() const
{
    return m_impl->answerFlags;
}

const ForkOrder& Link::ForkOrdered() const
{
    return m_impl->fork;
}

uint64_t Link::Step() const
{
    return m_impl->dialogue.Step();
}

void Link::ResumeAt(uint64_t step)
{
    m_impl->dialogue.ResumeAt(step);
}

void Link::SendSlots(std::span<const std::byte> slots, int64_t time_ns)
{
    const std::scoped_lock lock(m_impl->mutex);
    m_impl->Send(MessageType::Slots, 0, time_ns, slots);
}

Link::Answer Link::Pause(std::span<const std::byte> slots, int64_t time_ns)
{
    const std::scoped_lock lock(m_impl->mutex);
    m_impl->Send(MessageType::Slots, PAUSED, time_ns, slots);
    try
    {
        const auto answer = m_impl->Await(m_impl->actionDeadline,
                                          "CONTINUE",
                                          [this](const Received& message)
                                          {
                                              m_impl->answerFlags = message.header.flags;
                                              return m_impl->dialogue.TakeContinue(message);
                                          });
        return *answer == MessageType::Bye ? Answer::Bye : Answer::Action;
    }
    catch (const Interrupted&)
    {
        return Answer::Interrupted;
    }
}

void Link::SendBye(std::string_view reason)
{
    const std::scoped_lock lock(m_impl->mutex);
    m_impl->SendJson(MessageType::Bye, {{"reason", reason}});
}

void Link::SendError(std::string_view reason) noexcept
{
    try
    {
        const std::scoped_lock lock(m_impl->mutex);
        m_impl->SendJson(MessageType::Error, {{"reason", reason}});
    }
    catch (const std::exception&)
    {
        // The reason is in the log as well; a broken link must not hide it.
    }
}

uint64_t Link::Dropped() const
{
    return m_impl->dialogue.Dropped();
}

} // namespace slicebridge
