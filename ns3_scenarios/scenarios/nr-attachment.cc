// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/nr-attachment.h"

#include "nr/ip-core.h"
#include "nr/nr-ran.h"
#include "scenarios/placement.h"
#include "traffic/traffic-network.h"

#include "ns3/global-value.h"
#include "ns3/point-to-point-helper.h"
#include "ns3/priority-queue-scheduler.h"
#include "ns3/type-id.h"

#include <stdexcept>

namespace slicebridge
{

namespace
{

/// Headers of UDP and IPv4 that a packet has on the air (no header compression).
constexpr uint32_t IP_UDP_BYTES = 28;

nr::NrRanConfig ToConfig(const Scenario& scenario)
{
    const auto& radio = std::get<NrRadio>(scenario.radio);
    nr::NrRanConfig config{
        .carrier = radio.carrier,
        .harq = radio.harq,
        .csi = radio.csi,
        .sites = ToSites(scenario.cells),
        .propagation = radio.propagation,
        .mobility = ToMobility(scenario.mobility),
        .du = scenario.du,
        .slices = scenario.SliceConfigs(),
        .ues = ToUes(scenario),
    };
    return config;
}

class NrAttachment : public RanAttachment
{
  public:
    explicit NrAttachment(const nr::NrRanConfig& config)
        : m_ran(config),
          m_grid{.slot = ns3::NanoSeconds(nr::SlotLength_ns(config.carrier.numerology)),
                 .prbs = config.carrier.bandwidth_prb,
                 .rbg_prbs = config.carrier.rbgSize_prb}
    {
    }

    Ran& GetRan() override
    {
        return m_ran;
    }

    ns3::Time Tti() const override
    {
        return m_grid.slot;
    }

    SlotGrid Grid() const override
    {
        return m_grid;
    }

    void ObserveSlots(SlotObserver* observer) override
    {
        m_ran.SetSlotObserver(observer);
    }

    int32_t ServingCell(std::size_t ue) const override
    {
        return m_ran.ServingCell(ue);
    }

    bool ReportsAirLosses() const override
    {
        return true;
    }

  protected:
    nr::NrRan m_ran;

  private:
    SlotGrid m_grid;
};

/// `core: none`: packets go straight into the cell.
class NrWithoutCore : public NrAttachment
{
  public:
    explicit NrWithoutCore(const nr::NrRanConfig& config)
        : NrAttachment(config),
          m_source(ns3::CreateObject<ns3::Node>())
    {
    }

    ns3::Ptr<ns3::Node> SourceNode() const override
    {
        return m_source;
    }

    void CapturePackets(const std::string&) override
    {
        throw std::invalid_argument("packets cannot be captured with ran: nr and core: none, which "
                                    "has no links (allowed: ran: lte, or core: epc-like)");
    }

    std::vector<PacketOutlet> Connect(PacketLedger& ledger) override
    {
        m_ran.SetLateDeliveryCallback(
            [&ledger](uint32_t ue, uint32_t number, const ns3::Packet&, int64_t complete_ns)
            { ledger.OnDelivered({ue, number}, complete_ns); });
        ledger.SetCatchUp([this] { m_ran.CatchUp(); });
        m_ran.SetDropCallback([&ledger](uint32_t ue, uint32_t number, const ns3::Packet&)
                              { ledger.OnQueueDrop({ue, number}); });
        m_ran.SetLossCallback([&ledger](uint32_t ue, uint32_t number, const ns3::Packet&)
                              { ledger.OnAirLoss({ue, number}); });
        std::vector<PacketOutlet> outlets;
        for (uint32_t ue = 0; ue < m_ran.UeCount(); ++ue)
        {
            outlets.emplace_back(
                [this, ue](ns3::Ptr<ns3::Packet> packet)
                {
                    const uint32_t bytes = packet->GetSize() + IP_UDP_BYTES;
                    const uint32_t number = ReadPacketId(*packet).sequence;
                    m_ran.Send(ue, std::move(packet), bytes, number);
                });
        }
        return outlets;
    }

  private:
    ns3::Ptr<ns3::Node> m_source;
};

/// `core: epc-like`: UDP from the remote host to the application of the UE.
class NrWithIpCore : public NrAttachment
{
  public:
    NrWithIpCore(const nr::NrRanConfig& config, double coreDelay_ms)
        : NrAttachment(config),
          m_core(m_ran, ns3::MilliSeconds(1) * coreDelay_ms)
    {
    }

    ns3::Ptr<ns3::Node> SourceNode() const override
    {
        return m_core.RemoteHost();
    }

    void CapturePackets(const std::string& prefix) override
    {
        ns3::PointToPointHelper().EnablePcapAll(prefix);
    }

    std::vector<PacketOutlet> Connect(PacketLedger& ledger) override
    {
        // Packets are known by the tag below whatever headers they have.
        m_ran.SetDropCallback([&ledger](uint32_t, uint32_t, const ns3::Packet& packet)
                              { ledger.OnQueueDrop(packet); });
        m_ran.SetLossCallback(
            [&ledger](uint32_t, uint32_t, const ns3::Packet& packet)
            {
                if (const auto id = FindPacketId(packet))
                {
                    ledger.OnAirLoss(*id);
                }
            });
        m_core.SetDropCallback([&ledger](const ns3::Packet& packet)
                               { ledger.OnQueueDrop(packet); });
        std::vector<ns3::Ipv4Address> addresses;
        for (uint32_t ue = 0; ue < m_ran.UeCount(); ++ue)
        {
            InstallSink(m_ran.UeNode(ue), ledger);
            addresses.push_back(m_core.UeAddress(ue));
        }
        return MakeUdpOutlets(m_core.RemoteHost(), addresses, ledger);
    }

  private:
    nr::IpCore m_core;
};

} // namespace

std::unique_ptr<RanAttachment> MakeNrRan(const Scenario& scenario,
                                         const std::function<void()>& setUserDefaults)
{
    const auto config = ToConfig(scenario);
    nr::ValidateNrRanConfig(config);
    // Half the cost per event of ns-3's default; like it, it runs events of equal time in the order
    // in which they were scheduled.
    ns3::GlobalValue::Bind("SchedulerType",
                           ns3::TypeIdValue(ns3::PriorityQueueScheduler::GetTypeId()));
    setUserDefaults();
    if (const auto delay_ms = std::get<NrRadio>(scenario.radio).coreDelay_ms)
    {
        return std::make_unique<NrWithIpCore>(config, *delay_ms);
    }
    return std::make_unique<NrWithoutCore>(config);
}

} // namespace slicebridge
