// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/heart.h"
#include "cosim/link.h"
#include "cosim/schema-hash.h"

#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <unistd.h>
#include <zmq.hpp>

namespace slicebridge
{
namespace
{

using namespace std::chrono_literals;

const std::string TOKEN(64, 'a');

/// How a simulation reaches a learner.
struct Way
{
    std::string name;
    std::string endpoint; ///< to bind
    bool ofAChild;        ///< the learner is watched as the parent, without libzmq
};

const Way REMOTE{"Remote", "tcp://127.0.0.1:*", false};

class EachWire : public testing::TestWithParam<Way>
{
};

/// A learner that the test plays by hand: frames in, frames out.
class Learner
{
  public:
    explicit Learner(const Way& way = EachWire::GetParam())
        : Learner(way, {})
    {
    }

    /// secretKey: of a learner that takes simulations with a key only; empty: any
    Learner(const Way& way, const std::string& secretKey)
        : m_way(way)
    {
        if (!secretKey.empty())
        {
            m_socket.set(zmq::sockopt::curve_server, true);
            m_socket.set(zmq::sockopt::curve_secretkey, secretKey);
        }
        m_socket.set(zmq::sockopt::linger, 0);
        m_socket.set(zmq::sockopt::rcvtimeo, 10'000);
        m_socket.bind(way.endpoint);
    }

    LinkOptions Options() const
    {
        LinkOptions options;
        options.endpoint = m_socket.get(zmq::sockopt::last_endpoint);
        options.runId = "run-1";
        options.token = TOKEN;
        options.heartbeatPeriod = 20ms;
        options.parent = m_way.ofAChild ? getpid() : 0;
        return options;
    }

    /// Next message that is no heartbeat; the header is left in `header`.
    std::string Receive()
    {
        while (true)
        {
            zmq::message_t peer;
            zmq::message_t first;
            if (!m_socket.recv(peer) || !m_socket.recv(first))
            {
                throw std::runtime_error("the simulation says nothing");
            }
            m_peer = peer.to_string();
            header = DecodeHeader({first.data<std::byte>(), first.size()}).value();
            zmq::message_t body;
            while (m_socket.get(zmq::sockopt::rcvmore))
            {
                std::ignore = m_socket.recv(body);
            }
            if (header.type == MessageType::Heartbeat)
            {
                ++heartbeats;
                continue;
            }
            return body.to_string();
        }
    }

    void Send(const MessageHeader& message, const std::string& body)
    {
        const auto frame = EncodeHeader(message);
        SendFrames({{reinterpret_cast<const char*>(frame.data()), frame.size()}, body});
    }

    void SendFrames(const std::vector<std::string>& frames)
    {
        m_socket.send(zmq::buffer(m_peer), zmq::send_flags::sndmore);
        for (std::size_t index = 0; index < frames.size(); ++index)
        {
            const bool more = index + 1 < frames.size();
            m_socket.send(zmq::buffer(frames[index]),
                          more ? zmq::send_flags::sndmore : zmq::send_flags::none);
        }
    }

    void SendWelcome(uint64_t episode = 9, int deadline_ms = 0)
    {
        const nlohmann::json body{{"episode", episode},
                                  {"levels", "high"},
                                  {"action_deadline_ms", deadline_ms}};
        Send({MessageType::Welcome, 0, episode, 0, 0}, body.dump());
    }

    /// Without a word.
    void Vanish()
    {
        m_socket.close();
    }

    MessageHeader header;
    int heartbeats{0};

  private:
    Way m_way;
    zmq::context_t m_context{1};
    zmq::socket_t m_socket{m_context, zmq::socket_type::router};
    std::string m_peer;
};

TensorLayout StateLayout()
{
    return TensorLayout({{"s", DType::Float32, {4}}});
}

TensorLayout ActionLayout()
{
    return TensorLayout({{"a", DType::Float32, {2}, TensorRange{0, 1}}});
}

std::string ActionBody(float first, float second)
{
    std::string body(8, '\0');
    std::memcpy(body.data(), &first, 4);
    std::memcpy(body.data() + 4, &second, 4);
    return body;
}

/// Handshake and one exchange, as a simulation does them, in a thread of its own.
struct Outcome
{
    Link::Answer answer{};
    std::vector<float> action;
    uint64_t dropped{};
};

std::future<Outcome> Simulate(const LinkOptions& options, int exchanges = 1)
{
    return std::async(std::launch::async,
                      [options, exchanges]
                      {
                          Link link(options);
                          link.Handshake({{"protocol", 1}}, {{"test", "1"}});
                          TensorBuffer state(StateLayout());
                          TensorBuffer action(ActionLayout());
                          Outcome outcome;
                          for (int index = 0; index < exchanges; ++index)
                          {
                              outcome.answer = link.Exchange(state, HIGH_DECISION, 100, action);
                          }
                          outcome.action.assign(action.Floats(0).begin(), action.Floats(0).end());
                          outcome.dropped = link.Dropped();
                          return outcome;
                      });
}

TEST_P(EachWire, IntroducesItselfByHello)
{
    Learner learner;
    auto simulation = Simulate(learner.Options());
    const auto hello = nlohmann::json::parse(learner.Receive());
    EXPECT_EQ(learner.header.type, MessageType::Hello);
    EXPECT_EQ(hello["protocol"], PROTOCOL_VERSION);
    EXPECT_EQ(hello["run_id"], "run-1");
    EXPECT_EQ(hello["token"], TOKEN);
    EXPECT_EQ(hello["pid"], getpid());
    EXPECT_EQ(hello["schema"], R"({"protocol":1})");
    EXPECT_EQ(hello["schema_hash"], SchemaHash(R"({"protocol":1})"));
    EXPECT_EQ(hello["versions"]["test"], "1");
    learner.Send({MessageType::Refuse, 0, 0, 0, 0}, R"({"reason": "not today"})");
    try
    {
        simulation.get();
        FAIL() << "was not refused";
    }
    catch (const ProtocolViolation& refusal)
    {
        EXPECT_STREQ(refusal.what(), "the learner refused: not today");
        EXPECT_EQ(refusal.ExitCode(), 4);
    }
}

TEST_P(EachWire, ExchangesStatesAndActionsInLockStep)
{
    Learner learner;
    auto simulation = Simulate(learner.Options(), 3);
    learner.Receive();
    learner.SendWelcome(9);
    for (uint64_t step = 0; step < 3; ++step)
    {
        EXPECT_EQ(learner.Receive().size(), 16U);
        EXPECT_EQ(learner.header, (MessageHeader{MessageType::State, HIGH_DECISION, 9, step, 100}));
        learner.Send({MessageType::Action, 0, 9, step, 0}, ActionBody(0.25F, 1.0F));
    }
    const auto outcome = simulation.get();
    EXPECT_EQ(outcome.answer, Link::Answer::Action);
    EXPECT_EQ(outcome.action, (std::vector<float>{0.25F, 1.0F}));
    EXPECT_EQ(outcome.dropped, 0U);
}

TEST_P(EachWire, DropsAndCountsWhatIsStale)
{
    Learner learner;
    auto simulation = Simulate(learner.Options());
    learner.Receive();
    learner.SendWelcome(9);
    learner.Receive();
    learner.Send({MessageType::Action, 0, 9, 1, 0}, ActionBody(0.1F, 0.1F));
    learner.Send({MessageType::Action, 0, 8, 0, 0}, ActionBody(0.2F, 0.2F));
    learner.Send({MessageType::Bye, 0, 8, 0, 0}, "{}");
    learner.Send({MessageType::Action, 0, 8, 0, 0}, "too short, but stale");
    learner.Send({MessageType::Heartbeat, 0, 9, 0, 0}, "");
    learner.Send({MessageType::Action, 0, 9, 0, 0}, ActionBody(0.5F, 0.5F));
    const auto outcome = simulation.get();
    EXPECT_EQ(outcome.action, (std::vector<float>{0.5F, 0.5F}));
    EXPECT_EQ(outcome.dropped, 4U);
}

TEST_P(EachWire, EndsTheEpisodeByBye)
{
    Learner learner;
    auto simulation = Simulate(learner.Options());
    learner.Receive();
    learner.SendWelcome(9);
    learner.Receive();
    learner.Send({MessageType::Bye, 0, 9, 0, 0}, R"({"reason": "enough"})");
    EXPECT_EQ(simulation.get().answer, Link::Answer::Bye);
}

TEST_P(EachWire, ByeAndErrorReachTheLearnerEvenIfTheLinkIsClosedAtOnce)
{
    Learner learner;
    auto simulation = std::async(std::launch::async,
                                 [options = learner.Options()]
                                 {
                                     Link link(options);
                                     link.Handshake({}, {});
                                     link.SendBye("over");
                                     link.SendError("burnt \xFF down");
                                 });
    learner.Receive();
    learner.SendWelcome();
    EXPECT_EQ(learner.Receive(), R"({"reason":"over"})");
    EXPECT_EQ(learner.header.type, MessageType::Bye);
    EXPECT_EQ(learner.Receive(), "{\"reason\":\"burnt \xEF\xBF\xBD down\"}");
    EXPECT_EQ(learner.header.type, MessageType::Error);
    simulation.get();
}

/// What a simulation makes of one answer to its first STATE.
template <typename Reply>
std::string FaultOf(Reply reply)
{
    Learner learner;
    auto simulation = Simulate(learner.Options());
    learner.Receive();
    learner.SendWelcome(9);
    learner.Receive();
    reply(learner);
    try
    {
        simulation.get();
        return "accepted";
    }
    catch (const ProtocolViolation& fault)
    {
        return fault.what();
    }
}

TEST_P(EachWire, RefusesActionsThatBreakTheSchema)
{
    const MessageHeader action{MessageType::Action, 0, 9, 0, 0};
    EXPECT_EQ(FaultOf([&](Learner& learner) { learner.Send(action, ActionBody(0.5F, 1.5F)); }),
              "action a[1] is 1.5, allowed are 0 to 1");
    EXPECT_EQ(
        FaultOf([&](Learner& learner) { learner.Send(action, ActionBody(std::nanf(""), 0)); }),
        "action a[0] is nan, allowed are 0 to 1");
    EXPECT_EQ(FaultOf([&](Learner& learner) { learner.Send(action, "1234"); }),
              "an ACTION has 8 bytes by the schema, got 4");
    EXPECT_EQ(FaultOf([&](Learner& learner) { learner.Send(action, std::string(4096, 'x')); }),
              "an ACTION has 8 bytes by the schema, got 4096");
    EXPECT_NE(FaultOf([&](Learner& learner)
                      { learner.Send({MessageType::State, 0, 9, 0, 0}, ActionBody(0, 0)); }),
              "accepted");
}

TEST_P(EachWire, RefusesMalformedMessages)
{
    const std::string malformed = "the learner sent a malformed message";
    const auto send = [](std::vector<std::string> frames)
    { return [frames](Learner& learner) { learner.SendFrames(frames); }; };
    EXPECT_EQ(FaultOf(send({""})), malformed);
    EXPECT_EQ(FaultOf(send({"SLB1"})), malformed);
    EXPECT_EQ(FaultOf(send({std::string(32, '\0'), ""})), malformed);
    EXPECT_EQ(FaultOf(send({std::string(64, 'S'), ""})), malformed);
    const auto good = EncodeHeader({MessageType::Action, 0, 9, 0, 0});
    const std::string header(reinterpret_cast<const char*>(good.data()), good.size());
    EXPECT_EQ(FaultOf(send({header, ActionBody(0, 0), "third"})), malformed);
    EXPECT_EQ(FaultOf(send({header})), "an ACTION has 8 bytes by the schema, got 0");
}

TEST_P(EachWire, RefusesAMalformedWelcome)
{
    for (const std::string body : {"",
                                   "[]",
                                   "{",
                                   R"({"episode": 1})",
                                   R"({"episode": 1, "levels": "low", "action_deadline_ms": 0})",
                                   R"({"episode": "x", "levels": "high", "action_deadline_ms": 0})",
                                   "\xFF\xFE"})
    {
        Learner learner;
        auto simulation = Simulate(learner.Options());
        learner.Receive();
        learner.Send({MessageType::Welcome, 0, 1, 0, 0}, body);
        EXPECT_THROW(simulation.get(), ProtocolViolation) << body;
    }
}

TEST_P(EachWire, NoFramesAtAllCanHurt)
{
    EXPECT_TRUE(rc::check(
        [](const std::vector<std::string>& noise)
        {
            auto frames = noise;
            frames.resize(std::max<std::size_t>(frames.size(), 1));
            const auto fault = FaultOf([&](Learner& learner) { learner.SendFrames(frames); });
            RC_ASSERT(fault == "the learner sent a malformed message");
        }));
}

TEST_P(EachWire, GivesUpOnALearnerThatDoesNotAnswer)
{
    Learner learner;
    auto options = learner.Options();
    options.handshakeDeadline = 100ms;
    auto unwelcome = Simulate(options);
    EXPECT_THROW(unwelcome.get(), LearnerLost);

    options.handshakeDeadline = 10s;
    auto simulation = Simulate(options);
    learner.Receive(); // of the first, which has gone
    learner.Receive();
    learner.SendWelcome(9, 100);
    try
    {
        simulation.get();
        FAIL() << "waited for an action that never came";
    }
    catch (const LearnerLost& lost)
    {
        EXPECT_EQ(lost.ExitCode(), 3);
        EXPECT_NE(std::string(lost.what()).find("no ACTION"), std::string::npos);
    }
}

TEST(Link, GivesUpOnAnEndpointWhereNobodyListens)
{
    LinkOptions options;
    options.token = TOKEN;
    options.handshakeDeadline = 100ms;
    for (const pid_t parent : {0, getpid()})
    {
        options.parent = parent;
        options.endpoint = "ipc:///tmp/slicebridge-test-nobody-is-here";
        EXPECT_THROW(Simulate(options).get(), LearnerLost);
        options.endpoint = "tcp://127.0.0.1:1";
        EXPECT_THROW(Simulate(options).get(), LearnerLost);
    }
}

TEST(Link, RefusesAnEndpointThatIsNoAddress)
{
    const std::vector<std::string> endpoints{"",
                                             "nonsense",
                                             "tcp://127.0.0.1",
                                             "ipc://" + std::string(200, 'x')};
    for (std::size_t number = 0; number < 2 * endpoints.size(); ++number)
    {
        const auto& endpoint = endpoints[number / 2];
        LinkOptions options;
        options.endpoint = endpoint;
        options.parent = number % 2 == 0 ? 0 : getpid();
        try
        {
            const Link link(options);
            FAIL() << endpoint;
        }
        catch (const LinkError& error)
        {
            EXPECT_EQ(error.ExitCode(), 2) << endpoint;
        }
    }
}

TEST_P(EachWire, CanBeInterruptedWhileItWaitsForAnAction)
{
    Learner learner;
    std::atomic<bool> interrupt{false};
    auto options = learner.Options();
    options.interrupted = [&] { return interrupt.load(); };
    auto simulation = Simulate(options);
    learner.Receive();
    learner.SendWelcome(9);
    learner.Receive();
    interrupt = true;
    EXPECT_EQ(simulation.get().answer, Link::Answer::Interrupted);
}

TEST_P(EachWire, BeatsWhileTheSimulationComputes)
{
    Learner learner;
    std::promise<void> computed;
    auto simulation = std::async(std::launch::async,
                                 [&, options = learner.Options()]
                                 {
                                     Link link(options);
                                     link.Handshake({}, {});
                                     computed.get_future().wait();
                                     link.SendBye("over");
                                 });
    learner.Receive();
    learner.SendWelcome();
    std::this_thread::sleep_for(300ms);
    computed.set_value();
    learner.Receive();
    simulation.get();
    EXPECT_GE(learner.heartbeats, 2);
}

struct KeyPair
{
    KeyPair()
        : publicKey(41, '\0'),
          secretKey(41, '\0')
    {
        zmq_curve_keypair(publicKey.data(), secretKey.data());
        publicKey.pop_back();
        secretKey.pop_back();
    }

    std::string publicKey;
    std::string secretKey;
};

TEST(LinkKeys, ASimulationAndALearnerThatKnowEachOtherUnderstandEachOther)
{
    const KeyPair learnerKey;
    const KeyPair own;
    Learner learner(REMOTE, learnerKey.secretKey);
    auto options = learner.Options();
    options.key = {own.publicKey, own.secretKey, learnerKey.publicKey};
    auto simulation = Simulate(options);
    learner.Receive();
    learner.SendWelcome(9);
    learner.Receive();
    learner.Send({MessageType::Action, 0, 9, 0, 0}, ActionBody(0.5F, 0.5F));
    EXPECT_EQ(simulation.get().answer, Link::Answer::Action);
}

TEST(LinkKeys, AWrongOrMissingKeyIsToldAndNotWaitedFor)
{
    const KeyPair learnerKey;
    const KeyPair own;
    const KeyPair other;
    Learner learner(REMOTE, learnerKey.secretKey);
    auto options = learner.Options();
    EXPECT_THROW(Simulate(options).get(), ProtocolViolation);
    options.parent = getpid();
    EXPECT_THROW(Simulate(options).get(), ProtocolViolation);
    Learner open(REMOTE);
    options = open.Options();
    options.key = {own.publicKey, own.secretKey, other.publicKey};
    EXPECT_THROW(Simulate(options).get(), ProtocolViolation);
}

TEST(LinkKeys, PlainTcpGoesNoFurtherThanThisHost)
{
    for (const char* endpoint : {"tcp://192.0.2.1:5555",
                                 "tcp://127.example.org:5555",
                                 "tcp://localhost.example.org:5555",
                                 "tcp://127.0.0.1:0;192.0.2.1:5555",
                                 "tcp://localhost:0;192.0.2.1:5555",
                                 "tcp://[::1]:0;192.0.2.1:5555",
                                 "ws://192.0.2.1:5555"})
    {
        LinkOptions options;
        options.endpoint = endpoint;
        EXPECT_THROW(const Link link(options), LinkError) << endpoint;
    }
}

TEST(Link, ReachesALearnerAtTheLoopbackAddressOfIpv6)
{
    zmq::context_t context;
    zmq::socket_t learner(context, zmq::socket_type::router);
    learner.set(zmq::sockopt::ipv6, true);
    learner.set(zmq::sockopt::rcvtimeo, 10'000);
    try
    {
        learner.bind("tcp://[::1]:*");
    }
    catch (const zmq::error_t&)
    {
        GTEST_SKIP() << "this machine has no IPv6";
    }
    LinkOptions options;
    options.endpoint = learner.get(zmq::sockopt::last_endpoint);
    options.handshakeDeadline = std::chrono::seconds(2);
    for (const pid_t parent : {0, getpid()})
    {
        options.parent = parent;
        auto simulation = Simulate(options);
        zmq::message_t frame;
        EXPECT_TRUE(learner.recv(frame)) << "no HELLO";
        EXPECT_THROW(simulation.get(), LearnerLost);
        while (learner.recv(frame, zmq::recv_flags::dontwait))
        {
        }
    }
}

TEST(LinkKeys, AreReadFromAFileThatNobodyElseCanRead)
{
    const KeyPair own;
    const auto path = testing::TempDir() + "simulation-" + std::to_string(getpid()) + ".key";
    const nlohmann::json good{{"role", "simulation"},
                              {"public", own.publicKey},
                              {"secret", own.secretKey},
                              {"learner_public", own.publicKey}};
    const auto write = [&](const std::string& text)
    {
        std::ofstream(path) << text;
        std::filesystem::permissions(path,
                                     std::filesystem::perms::owner_read |
                                         std::filesystem::perms::owner_write);
    };
    write(good.dump());
    EXPECT_EQ(ReadSimulationKey(path).secretKey, own.secretKey);
    std::filesystem::permissions(path,
                                 std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    EXPECT_THROW(ReadSimulationKey(path), std::invalid_argument);
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"role", "learner"},
                                                          {"public", ""},
                                                          {"secret", std::string(40, '"')}})
    {
        auto bad = good;
        bad[name] = value;
        write(bad.dump());
        EXPECT_THROW(ReadSimulationKey(path), std::invalid_argument) << name;
    }
    write("{");
    EXPECT_THROW(ReadSimulationKey(path), std::invalid_argument);
    std::filesystem::remove(path);
    EXPECT_THROW(ReadSimulationKey(path), std::invalid_argument);
}

TEST_P(EachWire, ALearnerThatVanishesWhileItsActionIsAwaitedIsMissed)
{
    Learner learner;
    auto simulation = Simulate(learner.Options());
    learner.Receive();
    learner.SendWelcome(9);
    learner.Receive();
    learner.Vanish();
    try
    {
        simulation.get();
        FAIL() << "waited for nobody";
    }
    catch (const LearnerLost& lost)
    {
        EXPECT_NE(std::string(lost.what()).find("is gone"), std::string::npos);
    }
}

using EachWireDeathTest = EachWire;

TEST_P(EachWireDeathTest, ALearnerThatVanishesWhileTheSimulationComputesIsMissed)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            Learner learner;
            auto simulation = std::async(std::launch::async,
                                         [options = learner.Options()]
                                         {
                                             Link link(options);
                                             link.Handshake({}, {});
                                             std::this_thread::sleep_for(5s);
                                         });
            learner.Receive();
            learner.SendWelcome();
            std::this_thread::sleep_for(100ms);
            learner.Vanish();
            simulation.get();
            _exit(0);
        },
        testing::ExitedWithCode(3),
        "is gone");
}

TEST(LinkOptions, ComeFromTheEnvironmentOrAreRefused)
{
    setenv("SLICEBRIDGE_TOKEN", TOKEN.c_str(), 1);
    setenv("SLICEBRIDGE_PARENT_PID", "4711", 1);
    const auto options = LinkOptionsFromEnvironment("ipc:///x", "run");
    EXPECT_EQ(options.token, TOKEN);
    EXPECT_EQ(options.parent, 4711);
    for (const char* parent : {"", "0", "-1", "12x", "99999999999999999999"})
    {
        setenv("SLICEBRIDGE_PARENT_PID", parent, 1);
        EXPECT_THROW(LinkOptionsFromEnvironment("ipc:///x", "run"), std::invalid_argument)
            << parent;
    }
    unsetenv("SLICEBRIDGE_PARENT_PID");
    EXPECT_EQ(LinkOptionsFromEnvironment("ipc:///x", "run").parent, 0);
    for (const auto& token : {std::string(31, 'a'), std::string(129, 'a'), std::string(64, 'g')})
    {
        setenv("SLICEBRIDGE_TOKEN", token.c_str(), 1);
        EXPECT_THROW(LinkOptionsFromEnvironment("ipc:///x", "run"), std::invalid_argument) << token;
    }
    unsetenv("SLICEBRIDGE_TOKEN");
    EXPECT_THROW(LinkOptionsFromEnvironment("ipc:///x", "run"), std::invalid_argument);
}

TEST(HeartDeathTest, TheProcessEndsSoonAfterItsParent)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            const pid_t learner = fork();
            if (learner == 0)
            {
                pause();
                _exit(0);
            }
            const Heart heart(1s, learner, [] {});
            kill(learner, SIGKILL);
            std::this_thread::sleep_for(2s);
            _exit(0);
        },
        testing::ExitedWithCode(3),
        "is gone");
}

TEST(HeartDeathTest, AProcessWhoseParentIsGoneAlreadyEnds)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            constexpr pid_t nobody = 0x3FFFFFFF; // beyond the largest pid_max of Linux
            const Heart heart(100ms, nobody, [] {});
            std::this_thread::sleep_for(2s);
            _exit(0);
        },
        testing::ExitedWithCode(3),
        "is gone");
}

const std::vector<Way> WAYS{
    REMOTE,
    {"ChildOverTcp", "tcp://127.0.0.1:*", true},
    {"ChildOverIpc", "ipc:///tmp/slb-link-test-" + std::to_string(getpid()), true},
};

const auto NAME = [](const auto& instance) { return instance.param.name; };

INSTANTIATE_TEST_SUITE_P(Wires, EachWire, testing::ValuesIn(WAYS), NAME);
INSTANTIATE_TEST_SUITE_P(Wires, EachWireDeathTest, testing::ValuesIn(WAYS), NAME);

} // namespace
} // namespace slicebridge
