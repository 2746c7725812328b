// SPDX-License-Identifier: GPL-2.0-only
#include "fuzz/targets.h"

#include "cosim/dialogue.h"
#include "cosim/zmtp-reader.h"
#include "fuzz/script.h"
#include "scenarios/low-policy-reader.h"
#include "slicing/low-level-policy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace slicebridge
{

namespace
{

/// A fuzzer takes an abort for a finding, whatever the build asserts.
void Require(bool holds)
{
    if (!holds)
    {
        std::abort();
    }
}

std::string Text(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void RunHeader(std::span<const uint8_t> input)
{
    const auto frame = std::as_bytes(input);
    if (const auto header = DecodeHeader(frame))
    {
        const auto again = EncodeHeader(*header);
        Require(std::equal(again.begin(), again.end(), frame.begin(), frame.end()));
    }
}

std::vector<std::string> HeaderSeeds()
{
    std::vector<std::string> seeds;
    for (uint8_t type = 1; type <= static_cast<uint8_t>(MessageType::Fork); ++type)
    {
        seeds.push_back(Text(EncodeHeader({static_cast<MessageType>(type), 1, 2, 3, 4})));
    }
    return seeds;
}

constexpr std::size_t BUFFER_LIMIT_BYTES = std::size_t{1} << 20;

/// Up to 8 tensors of up to 4 dimensions: a byte of dtype and dimensions, then the extents.
std::vector<TensorSpec> ReadTensors(std::span<const uint8_t>& input)
{
    constexpr std::size_t TENSORS = 8;
    constexpr std::size_t EXTENT_BYTES = sizeof(uint32_t);
    std::vector<TensorSpec> tensors;
    while (!input.empty() && tensors.size() < TENSORS)
    {
        TensorSpec tensor;
        tensor.name = std::to_string(tensors.size());
        tensor.dtype = (input[0] & 1) != 0 ? DType::Int32 : DType::Float32;
        tensor.range = TensorRange{0, 1};
        std::size_t dimensions = input[0] / 2 % 5;
        for (input = input.subspan(1); dimensions > 0 && input.size() >= EXTENT_BYTES; --dimensions)
        {
            std::memcpy(&tensor.shape.emplace_back(), input.data(), EXTENT_BYTES);
            input = input.subspan(EXTENT_BYTES);
        }
        tensors.push_back(std::move(tensor));
    }
    return tensors;
}

void CheckLayout(const TensorLayout& layout)
{
    std::size_t end = 0;
    for (std::size_t index = 0; index < layout.Tensors().size(); ++index)
    {
        Require(layout.Offset(index) == end && end % 8 == 0);
        end += (layout.Elements(index) * 4 + 7) / 8 * 8;
    }
    Require(end == layout.Bytes() && end < (std::size_t{1} << 31));
}

/// The rest of the input, over and over, is the body.
void CheckBuffer(TensorBuffer buffer, std::span<const uint8_t> input)
{
    const auto bytes = buffer.Bytes();
    for (std::size_t at = 0; !input.empty() && at < bytes.size(); at += input.size())
    {
        std::memcpy(&bytes[at], input.data(), std::min(input.size(), bytes.size() - at));
    }
    const auto problem = buffer.FindOutOfRange();
    const auto& tensors = buffer.Layout().Tensors();
    for (std::size_t index = 0; !problem && index < tensors.size(); ++index)
    {
        if (tensors[index].dtype == DType::Float32)
        {
            const auto values = buffer.Floats(index);
            Require(std::all_of(values.begin(),
                                values.end(),
                                [](float value) { return value >= 0 && value <= 1; }));
        }
    }
}

void RunLayout(std::span<const uint8_t> input)
{
    try
    {
        TensorLayout layout(ReadTensors(input));
        CheckLayout(layout);
        if (layout.Bytes() <= BUFFER_LIMIT_BYTES)
        {
            CheckBuffer(TensorBuffer(std::move(layout)), input);
        }
    }
    catch (const std::invalid_argument&)
    {
        // Too large, and said so.
    }
}

std::vector<std::string> LayoutSeeds()
{
    using namespace std::string_literals;
    return {"\x04\x02\0\0\0\x03\0\0\0\x03\x05\0\0\0\0\0\0\x3f"s,
            "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s,
            "\x06\0\0\0\0\xff\xff\xff\xff\x02\0\0\0\0\0\x80\x3f\0\0\xc0\x7f"s};
}

nlohmann::json LowPolicyJson()
{
    return {{"features", {{{"kpm", "x.buffer_bytes"}, {"scale", 1e7}, {"curve", "log"}}}},
            {"slice_features", {{{"kpm", "x.hol_delay_ms"}, {"scale", 1e4}, {"curve", "linear"}}}},
            {"context", 1},
            {"encoder", {2}},
            {"head", {2}},
            {"activation", "relu"},
            {"stochastic", true},
            {"record", false}};
}

std::string WelcomeText(const std::string& levels)
{
    nlohmann::json welcome{{"episode", 9}, {"levels", levels}, {"action_deadline_ms", 0}};
    if (levels == "delegated")
    {
        welcome["low_policy"] = LowPolicyJson();
    }
    return welcome.dump();
}

/// A policy that is taken is within the limits of the protocol.
std::size_t CheckLowPolicy(const LowPolicyDescription& policy)
{
    const auto weights = SetPolicy::WeightCount(policy.config.Shape());
    Require(weights <= LOW_POLICY_WEIGHT_LIMIT && !policy.config.features.empty());
    return weights;
}

void RunWelcome(std::span<const uint8_t> input)
{
    try
    {
        Dialogue dialogue;
        const auto welcome =
            dialogue.TakeWelcome({{MessageType::Welcome}, std::as_bytes(input)}).value();
        Require(welcome.levels == "high" || welcome.levels == "both" ||
                welcome.levels == "delegated");
        Require(dialogue.Welcomed() && dialogue.Episode() == welcome.episode);
        if (welcome.levels == "delegated")
        {
            CheckLowPolicy(ReadLowPolicy(welcome.lowPolicy));
        }
    }
    catch (const ProtocolViolation&)
    {
        // Exit code 4.
    }
    catch (const std::invalid_argument&)
    {
        // As well.
    }
}

std::vector<std::string> WelcomeSeeds()
{
    return {WelcomeText("high"), WelcomeText("both"), WelcomeText("delegated")};
}

std::optional<Received> NextMessage(ScriptReader& script)
{
    thread_local ScriptedMessage message; // what is received points into it
    auto next = script.Next();
    if (!next)
    {
        return std::nullopt;
    }
    message = std::move(*next);
    return ReadMessage(message.first, message.furtherFrames, message.body);
}

const std::vector<SliceConfig>& OneSlice()
{
    static const std::vector<SliceConfig> slices(1);
    return slices;
}

/// What a simulation makes of WELCOME. @return false if the script ends first
bool Agree(Dialogue& dialogue, ScriptReader& script)
{
    std::optional<Welcome> welcome;
    while (!welcome)
    {
        const auto message = NextMessage(script);
        if (!message)
        {
            return false;
        }
        welcome = dialogue.TakeWelcome(*message);
    }
    if (welcome->levels != "delegated")
    {
        return true;
    }
    const auto policy = ReadLowPolicy(welcome->lowPolicy);
    std::vector<float> weights(CheckLowPolicy(policy));
    const auto bytes = std::as_writable_bytes(std::span(weights));
    while (const auto message = NextMessage(script))
    {
        if (dialogue.TakePolicy(*message, bytes.size()))
        {
            std::memcpy(bytes.data(), message->body.data(), bytes.size());
            const LowLevelPolicy taken(policy.config, weights, 1, OneSlice(), {0}, std::nullopt);
            return true;
        }
    }
    return false;
}

/// STATE after STATE: only what answers the current one moves the episode on.
void Step(Dialogue& dialogue, ScriptReader& script)
{
    TensorBuffer action(TensorLayout({{"a", DType::Float32, {2}, TensorRange{0, 1}}}));
    while (const auto message = NextMessage(script))
    {
        const auto step = dialogue.Step();
        const auto answer = dialogue.TakeAnswer(*message, action);
        const bool isCurrent =
            message->header.step == step && message->header.episode == dialogue.Episode();
        Require(!answer || isCurrent);
        Require(dialogue.Step() == step + (answer == MessageType::Action ? 1 : 0));
        Require(!action.FindOutOfRange());
        if (answer == MessageType::Bye)
        {
            return;
        }
    }
}

void RunDialogue(std::span<const uint8_t> input)
{
    try
    {
        Dialogue dialogue;
        ScriptReader script(input);
        if (Agree(dialogue, script))
        {
            Step(dialogue, script);
        }
    }
    catch (const ProtocolViolation&)
    {
        // Exit code 4.
    }
    catch (const std::invalid_argument&)
    {
        // As well.
    }
}

std::vector<std::string> DialogueSeeds()
{
    const auto zeros = [](std::size_t bytes) { return std::string(bytes, '\0'); };
    const auto episode = ScriptEntry(MessageType::Action, 9, 0, zeros(8)) +
                         ScriptEntry(MessageType::Action, 9, 0, zeros(8)) +
                         ScriptEntry(MessageType::Heartbeat, 9, 1, "") +
                         ScriptEntry(MessageType::Action, 9, 1, zeros(8)) +
                         ScriptEntry(MessageType::Bye, 9, 2, R"({"reason": "over"})");
    const auto description = nlohmann::json::parse(WelcomeText("delegated"));
    const auto weights =
        SetPolicy::WeightCount(ReadLowPolicy(description["low_policy"]).config.Shape());
    const auto welcome = [](const char* levels)
    { return ScriptEntry(MessageType::Welcome, 9, 0, WelcomeText(levels)); };
    return {welcome("high") + episode,
            welcome("both") + episode,
            welcome("delegated") +
                ScriptEntry(MessageType::Policy, 9, 0, zeros(weights * sizeof(float))) + episode,
            ScriptEntry(MessageType::Refuse, 0, 0, R"({"reason": "no"})")};
}

constexpr std::size_t FRAME_LIMIT_BYTES = 4096;

/// What a reader makes of bytes that come in pieces of one size.
struct ZmtpReading
{
    std::string mechanism;
    std::vector<std::pair<std::string, bool>> frames; ///< body, and whether another one follows
    bool refused{false};

    bool operator==(const ZmtpReading&) const = default;
};

ZmtpReading ReadZmtp(std::span<const uint8_t> input, std::size_t pieceBytes)
{
    ZmtpReader reader(FRAME_LIMIT_BYTES);
    ZmtpReading reading;
    try
    {
        bool greeted = false;
        while (!input.empty())
        {
            const auto room = reader.Room();
            Require(!room.empty());
            const auto piece = input.first(std::min({pieceBytes, room.size(), input.size()}));
            std::memcpy(room.data(), piece.data(), piece.size());
            reader.Filled(piece.size());
            input = input.subspan(piece.size());
            if (const auto mechanism = greeted ? std::nullopt : reader.TakeGreeting())
            {
                greeted = true;
                reading.mechanism = *mechanism;
            }
            while (const auto frame = greeted ? reader.Next() : std::nullopt)
            {
                Require(frame->body.size() <= FRAME_LIMIT_BYTES);
                reading.frames.emplace_back(Text(frame->body), frame->more);
            }
            Require(reader.Capacity() <= 2 * FRAME_LIMIT_BYTES);
        }
    }
    catch (const ProtocolViolation&)
    {
        reading.refused = true;
    }
    return reading;
}

/// The first byte says how large the pieces are.
void RunZmtp(std::span<const uint8_t> input)
{
    if (!input.empty())
    {
        const auto bytes = input.subspan(1);
        Require(ReadZmtp(bytes, input[0] + std::size_t{1}) == ReadZmtp(bytes, bytes.size()));
    }
}

std::vector<std::string> ZmtpSeeds()
{
    using namespace std::string_literals;
    const auto greeting = "\x02\xFF\0\0\0\0\0\0\0\1\x7F\x03\1NULL"s + std::string(48, '\0');
    const auto ready = "\x04\x26\x05READY\x0BSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\0"s;
    const auto ping = "\x04\x07\x04PING\0\x64"s;
    const auto message = "\x01\x04head\x00\x04"
                         "body"s;
    const auto large = "\x01\x04head\x02\0\0\0\0\0\0\1\0"s + std::string(256, 'x');
    return {greeting + ready + message + message,
            greeting + ready + ping + large + message,
            greeting + ready + "\x02\0\0\0\0\xFF\0\0\0"s};
}

} // namespace

const std::vector<FuzzTarget>& FuzzTargets()
{
    static const std::vector<FuzzTarget> targets{{"header", &RunHeader, &HeaderSeeds},
                                                 {"layout", &RunLayout, &LayoutSeeds},
                                                 {"welcome", &RunWelcome, &WelcomeSeeds},
                                                 {"dialogue", &RunDialogue, &DialogueSeeds},
                                                 {"zmtp", &RunZmtp, &ZmtpSeeds}};
    return targets;
}

const FuzzTarget& FindFuzzTarget(std::string_view name)
{
    for (const auto& target : FuzzTargets())
    {
        if (target.name == name)
        {
            return target;
        }
    }
    throw std::out_of_range("no fuzz target is called '" + std::string(name) + "'");
}

const std::vector<std::string>& FuzzWords()
{
    static const std::vector<std::string> words{"\"episode\"",
                                                "\"levels\"",
                                                "\"both\"",
                                                "\"delegated\"",
                                                "\"low_policy\"",
                                                "\"context\"",
                                                "\"encoder\"",
                                                "\"head\"",
                                                "\"features\"",
                                                "\"kpm\"",
                                                "null",
                                                "true",
                                                "-1",
                                                "1e308",
                                                "18446744073709551616",
                                                "262144",
                                                "0.5",
                                                "[",
                                                "]",
                                                "{",
                                                "}",
                                                "[[[[[[[[[[[[[",
                                                "{\"a\":",
                                                ",",
                                                "\xff\xff\xff\xff",
                                                "SLB1",
                                                "\x7f\xc0",
                                                "\\ud800",
                                                "\"\"",
                                                "[1,1,1,1,1,1,1,1,1]",
                                                "nan"};
    return words;
}

} // namespace slicebridge
