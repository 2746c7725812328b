// SPDX-License-Identifier: GPL-2.0-only
#include "lte/lte-ran.h"

#include "lte/lte-cell.h"
#include "lte/lte-network.h"

#include "ns3/lte-ue-rrc.h"

#include <utility>

namespace slicebridge
{

LteRan::LteRan(LteRanConfig config)
{
    ValidateLteRanConfig(config);
    m_network = std::make_unique<LteNetwork>(std::move(config));
}

LteRan::~LteRan() = default;

std::size_t LteRan::CellCount() const
{
    return m_network->cells.size();
}

RanCell& LteRan::Cell(std::size_t index)
{
    return *m_network->cells.at(index);
}

void LteRan::ApplyUeControls(std::span<const UeControl> ues)
{
    for (std::size_t ue = 0; ue < ues.size(); ++ue)
    {
        auto& control = m_network->ueRecords[ue].control;
        const bool newWeight = control.weight != ues[ue].weight;
        control = ues[ue];
        if (newWeight)
        {
            for (auto& cell : m_network->cells)
            {
                cell->ApplyUeWeight(static_cast<uint32_t>(ue));
            }
        }
    }
}

void LteRan::ReadUes(std::span<UeCounters> counters) const
{
    for (std::size_t ue = 0; ue < counters.size(); ++ue)
    {
        const auto& record = m_network->ueRecords[ue];
        auto& totals = counters[ue];
        totals.cell = ServingCell(ue);
        totals.prbUsed = record.prbUsed;
        totals.tb = record.tb;
        totals.tbError = record.tbError;
        totals.bufferBytes = 0;
        totals.holDelay_ms = 0.0;
        for (const auto& cell : m_network->cells)
        {
            cell->ReadUe(static_cast<uint32_t>(ue), totals);
        }
    }
}

bool LteRan::AllUesConnected() const
{
    for (std::size_t ue = 0; ue < UeCount(); ++ue)
    {
        if (ServingCell(ue) < 0 ||
            m_network->ueDevices[ue]->GetRrc()->GetState() != ns3::LteUeRrc::CONNECTED_NORMALLY)
        {
            return false;
        }
    }
    return true;
}

void LteRan::SetDropCallback(DropCallback callback)
{
    m_network->dropped = std::move(callback);
}

void LteRan::SetSlotObserver(SlotObserver* observer)
{
    for (auto& cell : m_network->cells)
    {
        cell->SetSlotObserver(observer);
    }
}

ns3::Ptr<ns3::Node> LteRan::RemoteHost() const
{
    return m_network->remoteHost;
}

std::size_t LteRan::UeCount() const
{
    return m_network->ueDevices.size();
}

ns3::Ptr<ns3::Node> LteRan::UeNode(std::size_t ue) const
{
    return m_network->ueDevices.at(ue)->GetNode();
}

ns3::Ptr<ns3::Node> LteRan::CellNode(std::size_t cell) const
{
    return m_network->cellDevices.at(cell)->GetNode();
}

ns3::Ipv4Address LteRan::UeAddress(std::size_t ue) const
{
    return m_network->ueAddresses.at(ue);
}

int32_t LteRan::ServingCell(std::size_t ue) const
{
    const int32_t cell = m_network->servingCell.at(ue);
    return cell >= 0 && m_network->cells[cell]->Serves(static_cast<uint32_t>(ue)) ? cell : -1;
}

uint64_t LteRan::Handovers() const
{
    return m_network->handovers;
}

} // namespace slicebridge
