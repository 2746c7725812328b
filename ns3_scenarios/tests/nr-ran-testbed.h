// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TESTS_NR_RAN_TESTBED_H
#define SLICEBRIDGE_TESTS_NR_RAN_TESTBED_H

#include "nr/nr-ran.h"

#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace slicebridge::nr::testing
{

inline SliceConfig SliceWith(double dedicated, double min, double max)
{
    SliceConfig slice;
    slice.name = "slice";
    slice.sNssai.sst = 1;
    slice.fiveQi = 9;
    slice.rule = SchedulingRule::ProportionalFair;
    slice.policy = {static_cast<float>(dedicated),
                    static_cast<float>(min),
                    static_cast<float>(max)};
    return slice;
}

/// One cell at a constant SINR, µ = 1, 20 MHz, a DU that takes no time, one UE in one slice.
inline NrRanConfig ConstantSinr(double sinr_db)
{
    NrRanConfig config;
    config.propagation.model = PropagationModel::ConstantSinr;
    config.propagation.sinr_db = sinr_db;
    config.propagation.fading.reset();
    config.mobility.randomWalk = false;
    config.du = {.compute_bps = 1e15, .overhead_bytes = 0, .queue_packets = 1'000'000};
    config.slices = {SliceWith(0.0, 1.0, 1.0)};
    config.ues = {{.slice = 0, .cell = 0, .position_m = {}}};
    return config;
}

/// An NR network, and what came of the packets that were sent to it.
class Testbed
{
  public:
    explicit Testbed(const NrRanConfig& config)
        : m_ran((ns3::RngSeedManager::SetRun(1), std::make_unique<NrRan>(config))),
          m_slices(config.slices.size()),
          m_ues(config.ues.size())
    {
        deliveredBytes.resize(m_ues);
        m_ran->SetDeliveryCallback(
            [this](uint32_t ue, uint32_t, const ns3::Packet& packet)
            {
                ++delivered;
                deliveredBytes[ue] += packet.GetSize();
                delays_us.push_back(
                    1e6 * (ns3::Simulator::Now() - m_sent.at(packet.GetUid())).GetSeconds());
                m_sent.erase(packet.GetUid());
            });
        m_ran->SetDropCallback([this](uint32_t, uint32_t, const ns3::Packet&) { ++dropped; });
        m_ran->SetLossCallback([this](uint32_t, uint32_t, const ns3::Packet&) { ++lost; });
    }

    ~Testbed()
    {
        m_ran.reset();
        ns3::Simulator::Destroy();
    }

    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    NrRan& Ran()
    {
        return *m_ran;
    }

    /// A packet of so many bytes of payload, 28 bytes more on the air.
    void Send(uint32_t ue, uint32_t bytes)
    {
        auto packet = ns3::Create<ns3::Packet>(bytes);
        m_sent[packet->GetUid()] = ns3::Simulator::Now();
        ++sent;
        m_ran->Send(ue, packet, bytes + 28);
    }

    void SendAt(double at_us, uint32_t ue, uint32_t bytes)
    {
        ns3::Simulator::Schedule(ns3::NanoSeconds(static_cast<int64_t>(at_us * 1e3)),
                                 [this, ue, bytes] { Send(ue, bytes); });
    }

    /// Keeps queues of some UEs from running empty.
    void Saturate(std::vector<uint32_t> ues, uint32_t packetsPer_ms)
    {
        for (const uint32_t ue : ues)
        {
            for (uint32_t i = 0; i < packetsPer_ms; ++i)
            {
                Send(ue, 1400);
            }
        }
        ns3::Simulator::Schedule(ns3::MilliSeconds(1),
                                 [this, ues, packetsPer_ms] { Saturate(ues, packetsPer_ms); });
    }

    void Run(double seconds)
    {
        ns3::Simulator::Stop(ns3::Seconds(seconds));
        ns3::Simulator::Run();
    }

    std::vector<SliceCounters> Slices(std::size_t cell = 0)
    {
        std::vector<SliceCounters> counters(m_slices);
        m_ran->Cell(cell).ReadSlices(counters);
        return counters;
    }

    std::vector<UeCounters> Ues() const
    {
        std::vector<UeCounters> counters(m_ues);
        m_ran->ReadUes(counters);
        return counters;
    }

    uint64_t sent{};
    uint64_t delivered{};
    uint64_t dropped{};
    uint64_t lost{};
    std::vector<uint64_t> deliveredBytes; ///< [ue] payload
    std::vector<double> delays_us;

  private:
    std::unique_ptr<NrRan> m_ran;
    std::size_t m_slices;
    std::size_t m_ues;
    std::map<uint64_t, ns3::Time> m_sent; ///< by packet uid
};

} // namespace slicebridge::nr::testing

#endif
