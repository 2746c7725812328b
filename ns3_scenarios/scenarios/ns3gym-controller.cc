// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/ns3gym-controller.h"

#include "ns3gym/ns3gym-peer.h"
#include "slicing/share-action.h"
#include "slicing/sla-reward.h"
#include "slicing/slice-view.h"

#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

namespace slicebridge
{

namespace
{

constexpr double NS_PER_S = 1e9;

class Ns3GymController : public Controller
{
  public:
    Ns3GymController(const std::string& address,
                     const NetworkDescription& network,
                     std::function<bool()> interrupted);

    ControlLevels Levels() const override;
    bool Decide(const Observation& observation, Control& control) override;
    void ReportFailure(std::string_view reason) noexcept;

  private:
    Ns3GymState Report(const Observation& observation);

    std::size_t m_slices;
    SliceView m_view;
    SlaReward m_reward;
    std::vector<float> m_seen;
    std::vector<float> m_scores;
    Ns3GymPeer m_peer;
    bool m_wanted;
};

Ns3GymController::Ns3GymController(const std::string& address,
                                   const NetworkDescription& network,
                                   std::function<bool()> interrupted)
    : m_slices(network.slices.size()),
      m_view(network.cells.size(), network.slices),
      m_reward(network.slices, network.ueSlice),
      m_seen(m_view.Size()),
      m_scores(network.cells.size() * SHARED_RESOURCES * m_slices),
      m_peer({.address = address,
              .observationSize = static_cast<uint32_t>(m_seen.size()),
              .actionSize = static_cast<uint32_t>(m_scores.size()),
              .interrupted = std::move(interrupted)}),
      m_wanted(m_peer.Introduce() == Ns3GymPeer::Answer::GoOn)
{
}

ControlLevels Ns3GymController::Levels() const
{
    return ControlLevels::High;
}

/// The first state follows no step, so it has no reward.
Ns3GymState Ns3GymController::Report(const Observation& observation)
{
    m_view.Fill(observation, m_seen);
    Ns3GymState state{.observation = m_seen, .over = observation.last, .info = {}};
    nlohmann::json info{{"time_s", static_cast<double>(observation.time_ns) / NS_PER_S}};
    if (observation.epoch > 0)
    {
        const auto satisfaction = m_reward.Satisfaction(observation);
        state.reward = static_cast<float>(m_reward.Reward(observation, satisfaction));
        info["qos"] = satisfaction.hard;
        info["satisfaction"] = satisfaction.smooth;
        info["truncated"] = observation.last;
    }
    state.info = info.dump();
    return state;
}

bool Ns3GymController::Decide(const Observation& observation, Control& control)
{
    if (!m_wanted)
    {
        return false;
    }
    if (m_peer.Exchange(Report(observation), m_scores) != Ns3GymPeer::Answer::GoOn)
    {
        return false;
    }
    try
    {
        SharesFromScores(m_scores, m_slices, control.slices);
    }
    catch (const std::invalid_argument& error)
    {
        throw ProtocolViolation(std::string("the ns3-gym client's action: ") + error.what());
    }
    return true;
}

/// A client of this protocol has no deadline, so it is told by a last state rather than left alone.
void Ns3GymController::ReportFailure(std::string_view reason) noexcept
{
    if (!m_wanted || !m_peer.MaySend())
    {
        return;
    }
    try
    {
        const auto info = nlohmann::json{
            {"error", reason}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        m_peer.Exchange({.observation = m_seen, .over = true, .info = info}, m_scores);
    }
    catch (const std::exception& error)
    {
        std::cerr << "the ns3-gym client could not be told: " << error.what() << std::endl;
    }
}

} // namespace

RemoteAgent MakeNs3GymAgent(const std::string& endpoint,
                            const NetworkDescription& network,
                            std::function<bool()> interrupted)
{
    auto controller = std::make_unique<Ns3GymController>(Ns3GymAddress(endpoint),
                                                         network,
                                                         std::move(interrupted));
    auto* agent = controller.get();
    return {std::move(controller),
            [agent](std::string_view reason) { agent->ReportFailure(reason); }};
}

} // namespace slicebridge
