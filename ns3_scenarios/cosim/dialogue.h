// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_DIALOGUE_H
#define SLICEBRIDGE_COSIM_DIALOGUE_H

#include "cosim/header.h"
#include "cosim/link-error.h"
#include "cosim/tensor-layout.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

namespace slicebridge
{

/// A message of the learner; who has the frames decides how long `body` is valid.
struct Received
{
    MessageHeader header;
    std::span<const std::byte> body;
};

/**
 * The message that frames make.
 * @param first frame
 * @param furtherFrames how many follow it
 * @param body the last of those, empty if there is none
 * @throws ProtocolViolation
 */
Received ReadMessage(std::span<const std::byte> first,
                     std::size_t furtherFrames,
                     std::span<const std::byte> body);

/// What the learner answered to HELLO.
struct Welcome
{
    uint64_t episode{};
    std::string levels;                         ///< "high", "both" or "delegated"
    std::chrono::milliseconds actionDeadline{}; ///< 0: none
    nlohmann::json lowPolicy; ///< what POLICY will hold, as it came; null unless "delegated"
};

/// What the learner's FORK says.
struct ForkOrder
{
    std::string token;     ///< with which this simulation dials in again
    std::string forkRunId; ///< of the copy
    std::string forkToken;
    std::string forkLog;                ///< path of the copy's output
    std::optional<std::string> forkOut; ///< directory of the copy's records; none: it has none
};

/**
 * What messages of the learner mean to a simulation (docs/protocol.md), without a socket or a
 * clock: each is either what is being waited for, or of no concern (a heartbeat, or stale), or a
 * violation.
 */
class Dialogue
{
  public:
    /// The terms of the episode; nothing if the message is of no concern. @throws ProtocolViolation
    std::optional<Welcome> TakeWelcome(const Received& message);

    /**
     * Whether the message is the POLICY, false if it is of no concern.
     * @param bytes that its body must have
     * @throws ProtocolViolation
     */
    bool TakePolicy(const Received& message, std::size_t bytes);

    /// Take up the episode at this step, after WELCOME (and POLICY): this side was forked in it.
    void ResumeAt(uint64_t step);

    /// What the FORK says that TakeAnswer() took. @throws ProtocolViolation
    static ForkOrder ReadFork(const Received& message);

    /// What answers SLOTS: Continue or Bye; nothing if the message is of no concern.
    /// @throws ProtocolViolation
    std::optional<MessageType> TakeContinue(const Received& message);

    /**
     * What answers the STATE: Action, which is the next step, Fork or Bye; nothing if the message
     * is of no concern.
     * @param action overwritten with the learner's tensors; its size is the only one accepted
     * @throws ProtocolViolation
     */
    std::optional<MessageType> TakeAnswer(const Received& message, TensorBuffer& action);

    /// WELCOME has come.
    bool Welcomed() const;

    /// Of WELCOME, 0 before.
    uint64_t Episode() const;

    /// Of the next STATE, or of the one that waits for its answer.
    uint64_t Step() const;

    /// Messages of another episode or step that were dropped.
    uint64_t Dropped() const;

  private:
    bool Concerns(const Received& message);

    bool m_welcomed{false};
    uint64_t m_episode{0};
    uint64_t m_step{0};
    uint64_t m_dropped{0};
};

} // namespace slicebridge

#endif
