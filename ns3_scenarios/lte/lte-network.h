// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_LTE_NETWORK_H
#define SLICEBRIDGE_LTE_LTE_NETWORK_H

#include "lte/lte-cell.h"
#include "lte/lte-ran-config.h"
#include "lte/rlc-mode-sap.h"

#include "ns3/lte-enb-net-device.h"
#include "ns3/lte-helper.h"
#include "ns3/lte-ue-net-device.h"
#include "ns3/node-container.h"
#include "ns3/point-to-point-epc-helper.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace slicebridge
{

/// The ns-3 objects of an LteRan: built by the constructor, then kept in step with what the RRC
/// reports of bearers and handovers.
class LteNetwork
{
  public:
    /// @param config valid
    explicit LteNetwork(LteRanConfig config);
    ~LteNetwork();
    LteNetwork(const LteNetwork&) = delete;
    LteNetwork& operator=(const LteNetwork&) = delete;

    std::vector<std::unique_ptr<LteCell>> cells;
    std::vector<ns3::Ptr<ns3::LteEnbNetDevice>> cellDevices;
    std::vector<ns3::Ptr<ns3::LteUeNetDevice>> ueDevices;
    std::vector<ns3::Ipv4Address> ueAddresses;
    std::vector<LteUeRecord> ueRecords;
    std::vector<int32_t> servingCell; ///< of each UE, -1 if none
    ns3::Ptr<ns3::Node> remoteHost;
    LteRan::DropCallback dropped{[](const ns3::Packet&, LteDropCause) {}};
    uint64_t handovers{};

  private:
    void DrawPlaces();
    void ConfigureHelper();
    void ConfigurePropagation();
    void InstallCells();
    void InstallUes();
    void InstallMobility(ns3::NodeContainer ues);
    void InstallConstantLosses();
    void InstallFading();
    void InstallRemoteHost();
    void InstallHandover();
    void Observe();
    void Attach();
    void AssignStreams();
    /// Loss of a link from a sender to a receiver under the constant models.
    double ConstantLoss_db(double txPower_dbm, double noiseFigure_db) const;
    std::size_t HomeCell(std::size_t ue) const;

    /// Index of the cell with an ns-3 cell id; nothing for an id of no cell.
    std::optional<std::size_t> CellOfId(uint16_t cellId) const;
    void OnEnbBearer(uint64_t imsi, uint16_t cellId, uint16_t rnti, uint8_t lcid);
    void OnUeBearer(uint64_t imsi, uint16_t cellId, uint16_t rnti, uint8_t drbid);
    void OnNewUeContext(uint16_t cellId, uint16_t rnti);
    void OnHandoverEnd(uint64_t imsi, uint16_t cellId, uint16_t rnti);
    void Reroute(std::size_t from, DuPacket&& packet);

    LteRanConfig m_config;
    std::vector<ns3::Vector> m_sites;
    std::vector<ns3::Vector> m_places; ///< of UEs, at the beginning
    std::vector<double> m_speeds_mps;
    ns3::Ptr<ns3::LteHelper> m_lte;
    ns3::Ptr<ns3::PointToPointEpcHelper> m_epc;
    ns3::NodeContainer m_ueNodes;
    std::vector<std::unique_ptr<S1RlcModeSap>> m_s1Saps;
    std::vector<std::unique_ptr<X2RlcModeSap>> m_x2Saps;
    std::unordered_map<uint32_t, uint32_t> m_ueOfTunnel;
};

} // namespace slicebridge

#endif
