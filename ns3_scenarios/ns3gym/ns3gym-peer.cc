// SPDX-License-Identifier: GPL-2.0-only
#include "ns3gym/ns3gym-peer.h"

#include "cosim/link.h"
#include "ns3gym-messages.pb.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <regex>
#include <stdexcept>
#include <unistd.h>
#include <utility>
#include <zmq.hpp>

namespace slicebridge
{

namespace
{

namespace wire = ns3gym;
using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>; ///< none: wait for ever

/// Longest wait at a stretch, so that an interruption which comes just before it is seen soon.
constexpr std::chrono::milliseconds STRETCH{100};
constexpr std::chrono::milliseconds LINGER{1'000};
constexpr std::chrono::milliseconds FAREWELL_DEADLINE{5'000};
constexpr int64_t MESSAGE_LIMIT_BYTES = 1 << 20;
constexpr const char* MONITOR = "inproc://ns3gym-monitor";
constexpr const char* TYPE_PREFIX = "type.googleapis.com/ns3opengym.";
constexpr const char* BOX_VALUE = "BoxDataContainer"; ///< as ns3-gym calls it

void Pack(const google::protobuf::MessageLite& message, const char* type, wire::Packed& packed)
{
    packed.set_type_url(std::string(TYPE_PREFIX) + type);
    packed.set_value(message.SerializeAsString());
}

void DescribeBox(uint32_t size, wire::Space& space)
{
    wire::BoxSpace box;
    box.set_low(0.0F);
    box.set_high(1.0F);
    box.set_number(wire::NUMBER_FLOAT);
    box.add_shape(size);
    space.set_kind(wire::KIND_BOX);
    Pack(box, "BoxSpace", *space.mutable_description());
}

void PackFloats(std::span<const float> values, wire::Value& value)
{
    wire::BoxValue box;
    box.set_number(wire::NUMBER_FLOAT);
    box.add_shape(static_cast<uint32_t>(values.size()));
    box.mutable_floats()->Add(values.begin(), values.end());
    value.set_kind(wire::KIND_BOX);
    Pack(box, BOX_VALUE, *value.mutable_content());
}

template <typename Message>
Message Parse(const zmq::message_t& raw, const char* name)
{
    Message message;
    if (!message.ParseFromArray(raw.data(), static_cast<int>(raw.size())))
    {
        throw ProtocolViolation(std::string("the ns3-gym client's ") + name + " is malformed");
    }
    return message;
}

/// The client sends what its Box of floats holds; a hand-written one may send doubles.
void ReadAction(const wire::Value& value, std::span<float> action)
{
    wire::BoxValue box;
    if (value.kind() != wire::KIND_BOX ||
        value.content().type_url() != std::string(TYPE_PREFIX) + BOX_VALUE ||
        !box.ParseFromString(value.content().value()))
    {
        throw ProtocolViolation("the ns3-gym client's action is no Box");
    }
    const bool isDouble = box.number() == wire::NUMBER_DOUBLE;
    const auto found = static_cast<std::size_t>(isDouble ? box.doubles_size() : box.floats_size());
    if (found != action.size())
    {
        throw ProtocolViolation("the ns3-gym client's action has " + std::to_string(found) +
                                " floats (allowed: " + std::to_string(action.size()) + ")");
    }
    if (isDouble)
    {
        std::ranges::transform(box.doubles(),
                               action.begin(),
                               [](double number) { return static_cast<float>(number); });
    }
    else
    {
        std::ranges::copy(box.floats(), action.begin());
    }
}

} // namespace

class Ns3GymPeer::Impl
{
  public:
    explicit Impl(Ns3GymOptions options);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void Send(const google::protobuf::MessageLite& message);
    bool Receive(zmq::message_t& message, const Deadline& deadline);

    const Ns3GymOptions options;
    bool awaitsAnswer{};

  private:
    void Watch();
    bool Take(zmq::message_t& message);
    void Wait();
    void ReadMonitor();
    [[noreturn]] void GiveUp() const;

    bool m_connected{};
    bool m_disconnected{};
    zmq::context_t m_context{1};
    zmq::socket_t m_monitor{m_context, zmq::socket_type::pair};
    zmq::socket_t m_socket{m_context, zmq::socket_type::req};
};

Ns3GymPeer::Impl::Impl(Ns3GymOptions opts)
    : options(std::move(opts))
{
    m_monitor.set(zmq::sockopt::linger, 0);
    m_socket.set(zmq::sockopt::linger, static_cast<int>(LINGER.count()));
    m_socket.set(zmq::sockopt::maxmsgsize, MESSAGE_LIMIT_BYTES);
    m_socket.set(zmq::sockopt::ipv6, options.address.starts_with("tcp://["));
    Watch();
    m_socket.connect(options.address);
}

Ns3GymPeer::Impl::~Impl()
{
    zmq_socket_monitor(m_socket.handle(), nullptr, 0);
}

void Ns3GymPeer::Impl::Watch()
{
    constexpr int EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
    if (zmq_socket_monitor(m_socket.handle(), MONITOR, EVENTS) != 0)
    {
        throw zmq::error_t();
    }
    m_monitor.connect(MONITOR);
}

void Ns3GymPeer::Impl::Send(const google::protobuf::MessageLite& message)
{
    zmq::message_t raw(message.ByteSizeLong());
    message.SerializeToArray(raw.data(), static_cast<int>(raw.size()));
    m_socket.send(raw, zmq::send_flags::dontwait); // its queue holds one message at most
    awaitsAnswer = true;
}

/// False if interrupted.
bool Ns3GymPeer::Impl::Receive(zmq::message_t& message, const Deadline& deadline)
{
    while (!Take(message))
    {
        if (options.interrupted && options.interrupted())
        {
            return false;
        }
        ReadMonitor();
        if (m_disconnected && !Take(message)) // it may have answered and gone
        {
            throw LearnerLost("the ns3-gym client at " + options.address +
                              " has closed its connection");
        }
        if (m_disconnected)
        {
            break;
        }
        if (deadline && Clock::now() >= *deadline)
        {
            GiveUp();
        }
        Wait();
    }
    awaitsAnswer = false;
    return true;
}

bool Ns3GymPeer::Impl::Take(zmq::message_t& message)
{
    return m_socket.recv(message, zmq::recv_flags::dontwait).has_value();
}

void Ns3GymPeer::Impl::Wait()
{
    std::array<zmq::pollitem_t, 2> watched{
        {{m_socket.handle(), 0, ZMQ_POLLIN, 0}, {m_monitor.handle(), 0, ZMQ_POLLIN, 0}}};
    try
    {
        zmq::poll(watched, STRETCH);
    }
    catch (const zmq::error_t& error)
    {
        if (error.num() != EINTR) // a signal: `interrupted` will tell
        {
            throw;
        }
    }
}

void Ns3GymPeer::Impl::ReadMonitor()
{
    zmq::message_t frame;
    while (m_monitor.recv(frame, zmq::recv_flags::dontwait))
    {
        uint16_t event = 0;
        if (frame.size() >= sizeof(event))
        {
            std::memcpy(&event, frame.data(), sizeof(event));
        }
        m_connected = m_connected || event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        m_disconnected = m_disconnected || (m_connected && event == ZMQ_EVENT_DISCONNECTED);
        while (frame.more() && m_monitor.recv(frame, zmq::recv_flags::dontwait))
        {
        }
    }
}

void Ns3GymPeer::Impl::GiveUp() const
{
    throw LearnerLost(m_connected
                          ? "the ns3-gym client at " + options.address + " does not answer"
                          : "no ns3-gym client listens at " + options.address +
                                " (start it first, or within " +
                                std::to_string(options.connectDeadline.count() / 1000) + " s)");
}

Ns3GymPeer::Ns3GymPeer(Ns3GymOptions options)
    : m_impl(std::make_unique<Impl>(std::move(options)))
{
}

Ns3GymPeer::~Ns3GymPeer() = default;

Ns3GymPeer::Answer Ns3GymPeer::Introduce()
{
    wire::Hello hello;
    hello.set_simulation_pid(static_cast<uint64_t>(getpid()));
    DescribeBox(m_impl->options.observationSize, *hello.mutable_observation_space());
    DescribeBox(m_impl->options.actionSize, *hello.mutable_action_space());
    m_impl->Send(hello);
    zmq::message_t raw;
    if (!m_impl->Receive(raw, Clock::now() + m_impl->options.connectDeadline))
    {
        return Answer::Interrupted;
    }
    return Parse<wire::Welcome>(raw, "answer to the introduction").stop() ? Answer::Stop
                                                                          : Answer::GoOn;
}

Ns3GymPeer::Answer Ns3GymPeer::Exchange(const Ns3GymState& state, std::span<float> action)
{
    wire::State message;
    PackFloats(state.observation, *message.mutable_observation());
    message.set_reward(state.reward);
    message.set_over(state.over);
    message.set_reason(wire::State::SIMULATION_END);
    message.set_info(state.info);
    m_impl->Send(message);
    zmq::message_t raw;
    const Deadline deadline = state.over ? Deadline{Clock::now() + FAREWELL_DEADLINE} : Deadline{};
    if (!m_impl->Receive(raw, deadline))
    {
        return Answer::Interrupted;
    }
    const auto decision = Parse<wire::Decision>(raw, "decision");
    if (decision.stop() || state.over)
    {
        return Answer::Stop;
    }
    ReadAction(decision.action(), action);
    return Answer::GoOn;
}

bool Ns3GymPeer::MaySend() const
{
    return !m_impl->awaitsAnswer;
}

std::string Ns3GymAddress(const std::string& endpoint)
{
    static const std::regex form(R"(ns3gym://(\[[0-9a-fA-F:]+\]|[^:/\[\]]+):([0-9]{1,5}))");
    std::smatch match;
    if (!std::regex_match(endpoint, match, form) || std::stoul(match[2]) < 1 ||
        std::stoul(match[2]) > UINT16_MAX)
    {
        throw std::invalid_argument("--agent: is '" + endpoint +
                                    "' (allowed: ns3gym://127.0.0.1:PORT)");
    }
    const std::string host = match[1];
    if (host != "127.0.0.1" && host != "localhost" && host != "[::1]")
    {
        throw std::invalid_argument("--agent: the host is '" + host +
                                    "' (allowed: 127.0.0.1, localhost, [::1]; ns3-gym's protocol "
                                    "has neither keys nor encryption: for another machine forward "
                                    "the port by ssh -L)");
    }
    return "tcp://" + host + ":" + match[2].str();
}

} // namespace slicebridge
