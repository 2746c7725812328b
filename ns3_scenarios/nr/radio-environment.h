// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_NR_RADIO_ENVIRONMENT_H
#define SLICEBRIDGE_NR_RADIO_ENVIRONMENT_H

#include "nr/deployment.h"
#include "nr/tdl-fading.h"

#include "ns3/event-id.h"
#include "ns3/mobility-model.h"
#include "ns3/propagation-loss-model.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace slicebridge::nr
{

/**
 * Where cells and UEs are, and what the channel between each pair does: path loss, line of sight
 * and shadowing by ns-3's TR 38.901 models, refreshed while UEs move, and small-scale fading
 * computed when somebody looks.
 */
class RadioEnvironment
{
  public:
    /// @param firstStream random streams from this one on are its own
    RadioEnvironment(const NrRanConfig& config, int64_t firstStream);
    ~RadioEnvironment();
    RadioEnvironment(const RadioEnvironment&) = delete;
    RadioEnvironment& operator=(const RadioEnvironment&) = delete;

    std::size_t CellCount() const
    {
        return m_cells;
    }

    uint32_t RbgCount() const
    {
        return m_rbgs;
    }

    /// Mean power gain between a UE and a cell: path loss and shadowing, linear.
    float MeanGain(std::size_t ue, std::size_t cell) const
    {
        return m_meanGain[ue * m_cells + cell];
    }

    /**
     * Power gain per RBG, fading included, linear.
     * @param time_ns simulated time, also one that has passed
     * @param gains [RbgCount()] written
     */
    void Gains(std::size_t ue, std::size_t cell, int64_t time_ns, std::span<float> gains) const
    {
        GainsOf(ue, cell, time_ns, 0, gains);
    }

    /// The same for RBGs [first, first + gains.size()) alone.
    void GainsOf(std::size_t ue,
                 std::size_t cell,
                 int64_t time_ns,
                 uint32_t first,
                 std::span<float> gains) const;

    /// Thermal noise of a UE in one PRB, receiver noise included, in watts.
    float NoisePerPrb_w() const
    {
        return m_noisePerPrb_w;
    }

    ns3::Vector CellPosition_m(std::size_t cell) const;
    ns3::Vector UePosition_m(std::size_t ue) const;

    /// The node that carries a UE's mobility model.
    ns3::Ptr<ns3::Node> UeNode(std::size_t ue) const;

  private:
    void DrawFading(const NrRanConfig& config, int64_t stream);
    void MakeLossModel(const NrRanConfig& config, int64_t stream);
    void SetConstantGains(const NrRanConfig& config);
    void RefreshGains();

    std::size_t m_cells;
    uint32_t m_rbgs;
    float m_noisePerPrb_w;
    Deployment m_deployment;
    ns3::Ptr<ns3::PropagationLossModel> m_loss; ///< null if losses are constant
    ns3::EventId m_refresh;
    std::vector<float> m_meanGain; ///< [ue][cell]
    std::optional<TdlFading> m_fading;
    std::vector<JakesTable::Position> m_fadingOffset; ///< [ue][cell][tap]
    std::vector<double> m_wavelengthsPerNs;           ///< [ue]: speed over wavelength
};

} // namespace slicebridge::nr

#endif
