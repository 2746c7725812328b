// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/link.h"
#include "ns3gym-messages.pb.h"
#include "ns3gym/ns3gym-peer.h"

#include <array>
#include <future>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace slicebridge
{

namespace
{

using namespace std::chrono_literals;
using Answer = Ns3GymPeer::Answer;

const std::vector<float> OBSERVATION{0.25F, 0.5F, 1.0F};

/// A client that the test plays by hand, with the REP socket that ns3-gym's has.
class Client
{
  public:
    Client()
        : m_socket(std::in_place, m_context, zmq::socket_type::rep)
    {
        m_socket->set(zmq::sockopt::linger, 1'000); // an answer leaves before it
        m_socket->set(zmq::sockopt::rcvtimeo, 10'000);
        m_socket->bind("tcp://127.0.0.1:*");
        options.address = m_socket->get(zmq::sockopt::last_endpoint);
        options.observationSize = 3;
        options.actionSize = 2;
        options.connectDeadline = 10s;
    }

    template <typename Message>
    Message Receive()
    {
        zmq::message_t raw;
        if (!m_socket->recv(raw))
        {
            throw std::runtime_error("the simulation says nothing");
        }
        Message message;
        EXPECT_TRUE(message.ParseFromArray(raw.data(), static_cast<int>(raw.size())));
        return message;
    }

    void Send(const google::protobuf::MessageLite& message)
    {
        SendBytes(message.SerializeAsString());
    }

    void SendBytes(const std::string& bytes)
    {
        m_socket->send(zmq::buffer(bytes));
    }

    void Leave()
    {
        m_socket.reset();
    }

    Ns3GymOptions options;

  private:
    zmq::context_t m_context{1};
    std::optional<zmq::socket_t> m_socket;
};

ns3gym::Decision Decide(const std::vector<float>& scores)
{
    ns3gym::BoxValue box;
    box.set_number(ns3gym::NUMBER_FLOAT);
    box.mutable_floats()->Add(scores.begin(), scores.end());
    ns3gym::Decision decision;
    decision.mutable_action()->set_kind(ns3gym::KIND_BOX);
    auto& packed = *decision.mutable_action()->mutable_content();
    packed.set_type_url("type.googleapis.com/ns3opengym.BoxDataContainer");
    packed.set_value(box.SerializeAsString());
    return decision;
}

/// A peer that has introduced itself to `client`.
std::unique_ptr<Ns3GymPeer> Introduced(Client& client)
{
    auto peer = std::make_unique<Ns3GymPeer>(client.options);
    auto answer = std::async(std::launch::async, [&] { return peer->Introduce(); });
    client.Receive<ns3gym::Hello>();
    client.Send(ns3gym::Welcome());
    EXPECT_EQ(answer.get(), Answer::GoOn);
    return peer;
}

/// What Exchange answers once the client has sent `bytes`; it throws as Exchange does.
Answer AnswerTo(const std::string& bytes, std::vector<float>& action)
{
    Client client;
    auto peer = Introduced(client);
    auto answer = std::async(
        std::launch::async,
        [&] { return peer->Exchange({.observation = OBSERVATION, .info = {}}, action); });
    client.Receive<ns3gym::State>();
    client.SendBytes(bytes);
    return answer.get();
}

TEST(Ns3GymPeerTest, IntroducesItselfWithTwoBoxesOfFloats)
{
    Client client;
    Ns3GymPeer peer(client.options);
    auto answer = std::async(std::launch::async, [&] { return peer.Introduce(); });
    const auto hello = client.Receive<ns3gym::Hello>();
    client.Send(ns3gym::Welcome());
    EXPECT_EQ(answer.get(), Answer::GoOn);
    EXPECT_EQ(hello.simulation_pid(), static_cast<uint64_t>(getpid()));
    EXPECT_EQ(hello.shell_pid(), 0);
    const auto& space = hello.observation_space();
    EXPECT_EQ(space.kind(), ns3gym::KIND_BOX);
    EXPECT_EQ(space.description().type_url(), "type.googleapis.com/ns3opengym.BoxSpace");
    ns3gym::BoxSpace box;
    ASSERT_TRUE(box.ParseFromString(space.description().value()));
    EXPECT_EQ(box.number(), ns3gym::NUMBER_FLOAT);
    EXPECT_EQ(box.shape_size(), 1);
    EXPECT_EQ(box.shape(0), 3);
    EXPECT_EQ(box.low(), 0.0F);
    EXPECT_EQ(box.high(), 1.0F);
}

TEST(Ns3GymPeerTest, ReportsAStepAndTakesTheAction)
{
    Client client;
    auto peer = Introduced(client);
    std::vector<float> action(2);
    const Ns3GymState report{.observation = OBSERVATION, .reward = -0.125F, .info = "text"};
    auto answer = std::async(std::launch::async, [&] { return peer->Exchange(report, action); });
    const auto state = client.Receive<ns3gym::State>();
    client.Send(Decide({0.75F, 0.125F}));
    EXPECT_EQ(answer.get(), Answer::GoOn);
    EXPECT_EQ(action, (std::vector<float>{0.75F, 0.125F}));
    EXPECT_EQ(state.reward(), -0.125F);
    EXPECT_EQ(state.info(), "text");
    EXPECT_FALSE(state.over());
    EXPECT_EQ(state.observation().content().type_url(),
              "type.googleapis.com/ns3opengym.BoxDataContainer");
    ns3gym::BoxValue box;
    ASSERT_TRUE(box.ParseFromString(state.observation().content().value()));
    EXPECT_EQ(std::vector<float>(box.floats().begin(), box.floats().end()), OBSERVATION);
}

TEST(Ns3GymPeerTest, TheClientMayStopAtEitherQuestion)
{
    ns3gym::Decision stop;
    stop.set_stop(true);
    std::vector<float> action(2);
    EXPECT_EQ(AnswerTo(stop.SerializeAsString(), action), Answer::Stop);

    Client client;
    Ns3GymPeer peer(client.options);
    auto answer = std::async(std::launch::async, [&] { return peer.Introduce(); });
    client.Receive<ns3gym::Hello>();
    ns3gym::Welcome unwelcome;
    unwelcome.set_stop(true);
    client.Send(unwelcome);
    EXPECT_EQ(answer.get(), Answer::Stop);
}

TEST(Ns3GymPeerTest, ActionsThatAreNoneAreRefused)
{
    std::vector<float> action(2);
    auto wrongKind = Decide({0.0F, 0.0F});
    wrongKind.mutable_action()->set_kind(ns3gym::KIND_DISCRETE);
    auto wrongType = Decide({0.0F, 0.0F});
    wrongType.mutable_action()->mutable_content()->set_type_url("ns3opengym.BoxSpace");
    auto wrongBytes = Decide({0.0F, 0.0F});
    wrongBytes.mutable_action()->mutable_content()->set_value("\xff\xff\xff");
    for (const auto& bytes : {std::string("\xff\xff\xff\xff"),
                              ns3gym::Decision().SerializeAsString(),
                              Decide({0.5F}).SerializeAsString(),
                              Decide({0.5F, 0.5F, 0.5F}).SerializeAsString(),
                              wrongKind.SerializeAsString(),
                              wrongType.SerializeAsString(),
                              wrongBytes.SerializeAsString()})
    {
        EXPECT_THROW(AnswerTo(bytes, action), ProtocolViolation);
    }
}

TEST(Ns3GymPeerTest, RandomBytesAreAStopOrARefusalButNeverACrash)
{
    std::mt19937 random(1);
    std::vector<float> action(2);
    const std::string sound = Decide({0.5F, 0.5F}).SerializeAsString();
    Client client;
    auto peer = Introduced(client);
    for (int i = 0; i < 500; ++i)
    {
        auto bytes = sound;
        for (auto flips = random() % 4 + 1; flips > 0; --flips)
        {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        bytes.resize(bytes.size() - random() % 3);
        auto answer = std::async(
            std::launch::async,
            [&] { return peer->Exchange({.observation = OBSERVATION, .info = {}}, action); });
        client.Receive<ns3gym::State>();
        client.SendBytes(bytes);
        try
        {
            answer.get();
        }
        catch (const ProtocolViolation&)
        {
        }
        ASSERT_TRUE(peer->MaySend());
    }
}

TEST(Ns3GymPeerTest, AClientThatLeavesIsNoticedWithoutADeadline)
{
    Client client;
    auto peer = Introduced(client);
    std::vector<float> action(2);
    auto answer = std::async(
        std::launch::async,
        [&] { return peer->Exchange({.observation = OBSERVATION, .info = {}}, action); });
    client.Receive<ns3gym::State>();
    client.Leave();
    ASSERT_EQ(answer.wait_for(10s), std::future_status::ready);
    EXPECT_THROW(answer.get(), LearnerLost);
    EXPECT_FALSE(peer->MaySend());
}

TEST(Ns3GymPeerTest, AnAnswerThatWasSentBeforeLeavingCounts)
{
    for (int i = 0; i < 20; ++i)
    {
        Client client;
        auto peer = Introduced(client);
        std::vector<float> action(2);
        auto answer = std::async(
            std::launch::async,
            [&] { return peer->Exchange({.observation = OBSERVATION, .info = {}}, action); });
        client.Receive<ns3gym::State>();
        client.Send(Decide({0.5F, 0.5F}));
        client.Leave();
        EXPECT_EQ(answer.get(), Answer::GoOn);
    }
}

TEST(Ns3GymPeerTest, NobodyThereIsAnErrorAfterTheDeadline)
{
    Client client;
    client.Leave();
    client.options.connectDeadline = 200ms;
    Ns3GymPeer peer(client.options);
    EXPECT_THROW(peer.Introduce(), LearnerLost);
}

TEST(Ns3GymPeerTest, AnInterruptionEndsAWait)
{
    Client client;
    client.options.interrupted = [] { return true; };
    Ns3GymPeer peer(client.options);
    EXPECT_EQ(peer.Introduce(), Answer::Interrupted);
}

TEST(Ns3GymAddressTest, OnlyLoopbackIsDialled)
{
    EXPECT_EQ(Ns3GymAddress("ns3gym://127.0.0.1:5555"), "tcp://127.0.0.1:5555");
    EXPECT_EQ(Ns3GymAddress("ns3gym://localhost:1"), "tcp://localhost:1");
    EXPECT_EQ(Ns3GymAddress("ns3gym://[::1]:65535"), "tcp://[::1]:65535");
    for (const char* endpoint : {"ns3gym://10.0.0.1:5555",
                                 "ns3gym://example.org:5555",
                                 "ns3gym://[::2]:5555",
                                 "ns3gym://127.0.0.1",
                                 "ns3gym://127.0.0.1:0",
                                 "ns3gym://127.0.0.1:65536",
                                 "ns3gym://:5555",
                                 "ns3gym://127.0.0.1:5555/x"})
    {
        EXPECT_THROW(Ns3GymAddress(endpoint), std::invalid_argument) << endpoint;
    }
}

} // namespace

} // namespace slicebridge
