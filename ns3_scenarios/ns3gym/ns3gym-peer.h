// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NS3GYM_NS3GYM_PEER_H
#define SLICEBRIDGE_NS3GYM_NS3GYM_PEER_H

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace slicebridge
{

/// Where the client is, and the sizes of both spaces: flat boxes of floats in [0, 1].
struct Ns3GymOptions
{
    std::string address; ///< "tcp://HOST:PORT"
    uint32_t observationSize{};
    uint32_t actionSize{};
    /// For the client to bind its port, and to answer the introduction.
    std::chrono::milliseconds connectDeadline{60'000};
    /// Looked at ten times a second while waiting: true ends the wait. Unset: nothing ends it.
    std::function<bool()> interrupted{};
};

/// What is reported at the end of a step.
struct Ns3GymState
{
    std::span<const float> observation;
    float reward{};
    bool over{}; ///< nothing follows
    std::string info;
};

/**
 * The simulation's end of ns3-gym's protocol: a REQ socket that dials a client (docs/ns3gym.md).
 *
 * That protocol has no heartbeats, and a client may think for minutes; what tells that it is gone
 * is its end of the TCP connection, which the kernel closes with the client.
 */
class Ns3GymPeer
{
  public:
    explicit Ns3GymPeer(Ns3GymOptions options);
    ~Ns3GymPeer();
    Ns3GymPeer(const Ns3GymPeer&) = delete;
    Ns3GymPeer& operator=(const Ns3GymPeer&) = delete;

    /// What may answer a message.
    enum class Answer : uint8_t
    {
        GoOn,        ///< the introduction was accepted, or an action came
        Stop,        ///< the client wants no more
        Interrupted, ///< Ns3GymOptions::interrupted said so
    };

    /// Dial and describe both spaces. @throws LearnerLost, ProtocolViolation (cosim/link.h)
    Answer Introduce();

    /**
     * Report a step and wait for what the client decides next.
     * @param state its observation has Ns3GymOptions::observationSize elements
     * @param action of Ns3GymOptions::actionSize; overwritten if the answer is GoOn
     * @return Stop for a state that is `over`
     * @throws LearnerLost, ProtocolViolation
     */
    Answer Exchange(const Ns3GymState& state, std::span<float> action);

    /// False while an answer is awaited, which the protocol does not let a peer talk into.
    bool MaySend() const;

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

/**
 * Address behind an endpoint "ns3gym://HOST:PORT".
 * @throws std::invalid_argument if it is malformed, or HOST is not this machine: the protocol has
 *         neither keys nor encryption
 */
std::string Ns3GymAddress(const std::string& endpoint);

} // namespace slicebridge

#endif
