// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/link.h"

#include "cosim/heart.h"
#include "cosim/schema-hash.h"
#include "cosim/wire.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <unistd.h>

namespace slicebridge
{

namespace
{

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>; ///< none: wait for ever

constexpr std::size_t TOKEN_MIN = 32;
constexpr std::size_t TOKEN_MAX = 128;

/// Longest wait at a stretch, so that an interruption which comes just before it is seen soon.
constexpr std::chrono::milliseconds STRETCH{100};

/// Thrown out of a wait when `LinkOptions::interrupted` says so.
struct Interrupted : LearnerLost
{
    Interrupted()
        : LearnerLost("interrupted")
    {
    }
};

bool IsToken(std::string_view token)
{
    return token.size() >= TOKEN_MIN && token.size() <= TOKEN_MAX &&
           token.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// 0: none.
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

    void Open(const Deadline& deadline);
    void Send(MessageType type, uint8_t flags, int64_t time_ns, std::span<const std::byte> body);
    void SendJson(MessageType type, const nlohmann::json& body);
    Received Receive(const Deadline& deadline, const std::string& awaited);
    template <typename Take>
    auto Await(const Deadline& deadline, const std::string& awaited, Take&& take);
    template <typename Wait>
    static auto InHandshake(const std::string& awaited, Wait&& wait);
    std::optional<Answer> TakeAnswer(const Received& message, TensorBuffer& action);
    void Beat() noexcept;

    const LinkOptions options;
    // Held by the simulating thread while it sends, and from a STATE until its ACTION; the heart
    // beats only in between, which is when the simulation computes.
    std::mutex mutex;
    const std::unique_ptr<Wire> wire;
    Dialogue dialogue;
    std::chrono::milliseconds actionDeadline{0}; ///< by WELCOME
    uint8_t answerFlags{0};
    bool over{false}; ///< the learner waits for nothing more, and may go
    ForkOrder fork;

  private:
    std::chrono::milliseconds NextWait(const Deadline& deadline, const std::string& awaited);
    bool LearnerIsLost();

    bool m_lost{false};
    Heart m_heart; // last: it starts beating when all else is there, and stops before it goes
};

Link::Impl::Impl(LinkOptions linkOptions)
    : options(std::move(linkOptions)),
      wire(MakeWire(options)),
      m_heart(options.heartbeatPeriod, options.parent, [this] { Beat(); })
{
}

/// @throws LearnerLost, ProtocolViolation, Interrupted
void Link::Impl::Open(const Deadline& deadline)
{
    while (!wire->Open(NextWait(deadline, "WELCOME")))
    {
    }
}

void Link::Impl::Send(MessageType type,
                      uint8_t flags,
                      int64_t time_ns,
                      std::span<const std::byte> payload)
{
    const auto header = EncodeHeader({type, flags, dialogue.Episode(), dialogue.Step(), time_ns});
    // Whether it is read at once is the learner's affair; that it is there is looked after.
    const auto patience = [this] { return NextWait(Deadline{}, "reader"); };
    if (!wire->Send(header, payload, patience))
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

/// Before WELCOME libzmq's may come and go, but not be refused. @throws ProtocolViolation
bool Link::Impl::LearnerIsLost()
{
    const auto news = wire->Look();
    if (news == PeerNews::Refused && !dialogue.Welcomed())
    {
        throw ProtocolViolation(
            "the learner at " + options.endpoint +
            (options.key ? " does not take this key" : " does not take simulations without a key"));
    }
    m_lost = m_lost || news == PeerNews::Ended || (news != PeerNews::None && dialogue.Welcomed());
    return m_lost;
}

Received Link::Impl::Receive(const Deadline& deadline, const std::string& awaited)
{
    std::optional<WireMessage> message;
    while (!message)
    {
        message = wire->Receive(NextWait(deadline, awaited));
    }
    return ReadMessage(message->first, message->furtherFrames, message->body);
}

/// What `take` makes of the first message that it does not skip.
template <typename Take>
auto Link::Impl::Await(const Deadline& deadline, const std::string& awaited, Take&& take)
{
    auto taken = take(Receive(deadline, awaited));
    while (!taken)
    {
        taken = take(Receive(deadline, awaited));
    }
    return taken;
}

/// A handshake that is interrupted has failed. @throws LearnerLost
template <typename Wait>
auto Link::Impl::InHandshake(const std::string& awaited, Wait&& wait)
{
    try
    {
        return wait();
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
        over = true;
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
    if (!lock || !dialogue.Welcomed() || over)
    {
        return;
    }
    if (LearnerIsLost())
    {
        EndProcess("the learner is gone");
    }
    wire->TrySend(
        EncodeHeader({MessageType::Heartbeat, 0, dialogue.Episode(), dialogue.Step(), 0}));
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
    const auto welcome = Impl::InHandshake(
        "WELCOME",
        [this, &hello]
        {
            const auto deadline = After(m_impl->options.handshakeDeadline);
            m_impl->Open(deadline);
            m_impl->SendJson(MessageType::Hello, hello);
            return m_impl->Await(deadline,
                                 "WELCOME",
                                 [this](const Received& message)
                                 { return m_impl->dialogue.TakeWelcome(message); });
        });
    m_impl->actionDeadline = welcome->actionDeadline;
    return *welcome;
}

std::vector<std::byte> Link::ReceivePolicy(std::size_t bytes)
{
    const std::scoped_lock lock(m_impl->mutex);
    const auto take = [this, bytes](const Received& message)
    {
        std::optional<std::vector<std::byte>> policy;
        if (m_impl->dialogue.TakePolicy(message, bytes))
        {
            policy.emplace(message.body.begin(), message.body.end());
        }
        return policy;
    };
    return *Impl::InHandshake("POLICY",
                              [&]
                              {
                                  const auto deadline = After(m_impl->options.handshakeDeadline);
                                  return m_impl->Await(deadline, "POLICY", take);
                              });
}

Link::Answer Link::Exchange(const TensorBuffer& state,
                            uint8_t flags,
                            int64_t time_ns,
                            TensorBuffer& action)
{
    const std::scoped_lock lock(m_impl->mutex);
    try
    {
        m_impl->Send(MessageType::State, flags, time_ns, state.Bytes());
        if ((flags & LAST) != 0)
        {
            m_impl->over = true;
            return Answer::Bye;
        }
        const auto answer = m_impl->Await(After(m_impl->actionDeadline),
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
    try
    {
        m_impl->Send(MessageType::Slots, PAUSED, time_ns, slots);
        const auto answer = m_impl->Await(After(m_impl->actionDeadline),
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
    m_impl->over = true;
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
