// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_LINK_H
#define SLICEBRIDGE_COSIM_LINK_H

#include "cosim/dialogue.h"
#include "cosim/header.h"
#include "cosim/link-error.h"
#include "cosim/link-options.h"
#include "cosim/tensor-layout.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace slicebridge
{

/**
 * The simulation's end of the link: one ZeroMQ DEALER that speaks docs/protocol.md, version 1.
 *
 * Use from one thread. A thread of the link's own sends heartbeats while that thread computes, and
 * ends the process when the parent is gone. Both threads touch the wire only under one mutex,
 * which is the full fence that ZeroMQ asks for when a socket moves between threads.
 */
class Link
{
  public:
    /// @throws LinkError if the endpoint is no valid address
    explicit Link(LinkOptions options);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /**
     * Introduce this simulation and wait for the answer.
     * @param schema what the tensors mean; sent as text together with its hash
     * @param versions of the software on this side, e.g. {"ns3": "3.44"}
     * @param debug what it offers to a debugger; null: nothing
     * @throws LearnerLost, ProtocolViolation
     */
    Welcome Handshake(const nlohmann::json& schema,
                      const nlohmann::json& versions,
                      const nlohmann::json& debug = nullptr);

    /**
     * Wait for the POLICY that follows a WELCOME with the levels "delegated".
     * @param bytes that its body must have
     * @throws LearnerLost, ProtocolViolation
     */
    std::vector<std::byte> ReceivePolicy(std::size_t bytes);

    /// What may answer a STATE.
    enum class Answer : uint8_t
    {
        Action,      ///< `action` holds it
        Fork,        ///< ForkOrdered() says how; the STATE waits for another answer
        Bye,         ///< the learner ends the episode
        Interrupted, ///< LinkOptions::interrupted said so
    };

    /**
     * Send a STATE and wait for the ACTION of the same step.
     * @param state its tensors
     * @param flags StateFlag bits; with `last` nothing is waited for and the answer is Bye
     * @param time_ns simulated time since the end of warm-up
     * @param action overwritten with the learner's tensors; its size is the only one accepted
     * @throws LearnerLost, ProtocolViolation
     */
    Answer Exchange(const TensorBuffer& state,
                    uint8_t flags,
                    int64_t time_ns,
                    TensorBuffer& action);

    /// StateFlag bits of the last ACTION or CONTINUE.
    uint8_t AnswerFlags() const;

    /// What the FORK said that Exchange() got.
    const ForkOrder& ForkOrdered() const;

    /// Step of the next STATE, or of the one that waits for its answer.
    uint64_t Step() const;

    /// After a handshake: take up an episode at this step.
    void ResumeAt(uint64_t step);

    /// Tell of slots, before the STATE. @param time_ns end of the last of them
    void SendSlots(std::span<const std::byte> slots, int64_t time_ns);

    /**
     * Tell of slots and wait until the learner lets the simulation go on.
     * @param time_ns end of the last of them, since the end of warm-up
     * @return Action for CONTINUE, Bye or Interrupted
     * @throws LearnerLost, ProtocolViolation
     */
    Answer Pause(std::span<const std::byte> slots, int64_t time_ns);

    /// Tell the learner that the episode ended in good order. Nothing may be exchanged afterwards.
    void SendBye(std::string_view reason);

    /// Tell the learner why this simulation is about to fail. Never throws.
    void SendError(std::string_view reason) noexcept;

    /// Messages of another episode or step that were dropped.
    uint64_t Dropped() const;

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace slicebridge

#endif
