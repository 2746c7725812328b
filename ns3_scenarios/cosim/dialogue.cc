// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/dialogue.h"

#include <cstring>

namespace slicebridge
{

namespace
{

/// A description of the largest low-level policy has half of it.
constexpr std::size_t JSON_LIMIT_BYTES = std::size_t{64} << 10;

/// Of what is sent at most four are needed, and the library copies and prints by recursion.
constexpr int JSON_DEPTH_LIMIT = 16;

/// @throws ProtocolViolation
nlohmann::json ParseJson(std::span<const std::byte> body)
{
    if (body.size() > JSON_LIMIT_BYTES)
    {
        throw ProtocolViolation("the learner sent " + std::to_string(body.size()) +
                                " bytes of JSON (allowed: up to " +
                                std::to_string(JSON_LIMIT_BYTES) + ")");
    }
    const auto* begin = reinterpret_cast<const char*>(body.data());
    const auto notTooDeep = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&)
    {
        if (depth > JSON_DEPTH_LIMIT)
        {
            throw ProtocolViolation("the learner sent JSON that is nested too deep");
        }
        return true;
    };
    try
    {
        return nlohmann::json::parse(begin, begin + body.size(), notTooDeep);
    }
    catch (const nlohmann::json::exception& error)
    {
        throw ProtocolViolation(std::string("the learner sent malformed JSON: ") + error.what());
    }
}

std::string ReasonOf(std::span<const std::byte> body)
{
    const auto json = ParseJson(body);
    if (!json.is_object() || !json.contains("reason") || !json["reason"].is_string())
    {
        return "no reason given";
    }
    return json["reason"].get<std::string>();
}

/// A JSON library converts silently what is negative, fractional or too large.
uint64_t WholeNumber(const nlohmann::json& json, const char* key, uint64_t greatest)
{
    const auto& value = json.at(key);
    if (!value.is_number_unsigned() || value.get<uint64_t>() > greatest)
    {
        throw ProtocolViolation(std::string("WELCOME has the ") + key + ' ' + value.dump() +
                                " (allowed: 0 .. " + std::to_string(greatest) + ")");
    }
    return value.get<uint64_t>();
}

Welcome ParseWelcome(std::span<const std::byte> body)
{
    try
    {
        const auto json = ParseJson(body);
        Welcome welcome;
        welcome.episode = WholeNumber(json, "episode", UINT64_MAX);
        welcome.levels = json.at("levels").get<std::string>();
        welcome.actionDeadline =
            std::chrono::milliseconds(WholeNumber(json, "action_deadline_ms", UINT32_MAX));
        if (welcome.levels == "delegated")
        {
            welcome.lowPolicy = json.at("low_policy");
        }
        else if (welcome.levels != "high" && welcome.levels != "both")
        {
            throw ProtocolViolation("WELCOME names the levels '" + welcome.levels + "'");
        }
        return welcome;
    }
    catch (const nlohmann::json::exception& error)
    {
        throw ProtocolViolation(std::string("WELCOME is malformed: ") + error.what());
    }
}

/// Whether a learner may send this at all, at whatever time.
bool IsFromLearner(MessageType type)
{
    return type != MessageType::Hello && type != MessageType::State && type != MessageType::Error &&
           type != MessageType::Slots;
}

} // namespace

Received ReadMessage(std::span<const std::byte> first,
                     std::size_t furtherFrames,
                     std::span<const std::byte> body)
{
    const auto header = DecodeHeader(first);
    if (!header || furtherFrames > 1)
    {
        throw ProtocolViolation("the learner sent a malformed message");
    }
    return {*header, body};
}

bool Dialogue::Welcomed() const
{
    return m_welcomed;
}

uint64_t Dialogue::Episode() const
{
    return m_episode;
}

uint64_t Dialogue::Step() const
{
    return m_step;
}

uint64_t Dialogue::Dropped() const
{
    return m_dropped;
}

/// False for heartbeats and for what is stale, which is counted.
bool Dialogue::Concerns(const Received& message)
{
    const auto& header = message.header;
    if (header.type == MessageType::Refuse)
    {
        throw ProtocolViolation("the learner refused: " + ReasonOf(message.body));
    }
    if (!IsFromLearner(header.type))
    {
        throw ProtocolViolation("the learner sent what only a simulation may send");
    }
    if (header.type == MessageType::Heartbeat)
    {
        return false;
    }
    if (m_welcomed && (header.episode != m_episode || header.step != m_step))
    {
        ++m_dropped;
        return false;
    }
    return true;
}

std::optional<Welcome> Dialogue::TakeWelcome(const Received& message)
{
    if (!Concerns(message))
    {
        return std::nullopt;
    }
    if (message.header.type != MessageType::Welcome)
    {
        throw ProtocolViolation("the learner did not answer HELLO by WELCOME");
    }
    auto welcome = ParseWelcome(message.body);
    m_episode = welcome.episode;
    m_welcomed = true;
    return welcome;
}

bool Dialogue::TakePolicy(const Received& message, std::size_t bytes)
{
    if (!Concerns(message))
    {
        return false;
    }
    if (message.header.type != MessageType::Policy)
    {
        throw ProtocolViolation("the learner did not send POLICY after WELCOME");
    }
    if (message.body.size() != bytes)
    {
        throw ProtocolViolation("a POLICY has " + std::to_string(bytes) +
                                " bytes by its WELCOME, got " +
                                std::to_string(message.body.size()));
    }
    return true;
}

void Dialogue::ResumeAt(uint64_t step)
{
    m_step = step;
}

ForkOrder Dialogue::ReadFork(const Received& message)
{
    try
    {
        const auto json = ParseJson(message.body);
        ForkOrder order{.token = json.at("token").get<std::string>(),
                        .forkRunId = json.at("fork_run_id").get<std::string>(),
                        .forkToken = json.at("fork_token").get<std::string>(),
                        .forkLog = json.at("log").get<std::string>(),
                        .forkOut = {}};
        if (!json.at("out").is_null())
        {
            order.forkOut = json["out"].get<std::string>();
        }
        return order;
    }
    catch (const nlohmann::json::exception& error)
    {
        throw ProtocolViolation(std::string("FORK is malformed: ") + error.what());
    }
}

std::optional<MessageType> Dialogue::TakeContinue(const Received& message)
{
    if (!Concerns(message))
    {
        return std::nullopt;
    }
    const auto type = message.header.type;
    if (type != MessageType::Continue && type != MessageType::Bye)
    {
        throw ProtocolViolation("the learner answered SLOTS neither by CONTINUE nor by BYE");
    }
    return type;
}

std::optional<MessageType> Dialogue::TakeAnswer(const Received& message, TensorBuffer& action)
{
    if (!Concerns(message))
    {
        return std::nullopt;
    }
    if (message.header.type == MessageType::Bye || message.header.type == MessageType::Fork)
    {
        return message.header.type;
    }
    if (message.header.type != MessageType::Action)
    {
        throw ProtocolViolation("the learner answered STATE neither by ACTION nor by BYE");
    }
    const auto tensors = action.Bytes();
    if (message.body.size() != tensors.size())
    {
        throw ProtocolViolation("an ACTION has " + std::to_string(tensors.size()) +
                                " bytes by the schema, got " + std::to_string(message.body.size()));
    }
    std::memcpy(tensors.data(), message.body.data(), tensors.size());
    if (const auto problem = action.FindOutOfRange())
    {
        throw ProtocolViolation("action " + *problem);
    }
    ++m_step;
    return MessageType::Action;
}

} // namespace slicebridge
