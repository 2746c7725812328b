// SPDX-License-Identifier: GPL-2.0-only
#include "nr/radio-environment.h"

#include "nr/deployment.h"

#include "ns3/boolean.h"
#include "ns3/channel-condition-model.h"
#include "ns3/double.h"
#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"
#include "ns3/three-gpp-propagation-loss-model.h"

#include <algorithm>
#include <cmath>

namespace slicebridge::nr
{

namespace
{

constexpr double LIGHT_MPS = 299'792'458.0;

/// Doppler of a UE that stands still: what moves is around it (3 km/h, as in TR 38.901's indoor
/// and pedestrian cases).
constexpr double STANDING_MPS = 3.0 / 3.6;

/// Path loss and shadowing are refreshed this often while UEs move: 4 m at 20 m/s, a fraction of
/// the shadowing's correlation distance (37 m and more in the urban macro cell).
const ns3::Time REFRESH = ns3::MilliSeconds(200);

float NoisePerPrb_w(const NrRanConfig& config)
{
    constexpr double THERMAL_W_PER_HZ = 1.380649e-23 * 290.0;
    return static_cast<float>(THERMAL_W_PER_HZ * PrbBandwidth_hz(config.carrier.numerology) *
                              std::pow(10.0, config.carrier.noiseFigureUe_db / 10.0));
}

bool IsConstant(PropagationModel model)
{
    return model == PropagationModel::ConstantLoss || model == PropagationModel::ConstantSinr;
}

template <typename Loss, typename RandomCondition>
ns3::Ptr<ns3::PropagationLossModel> MakeThreeGpp(const NrRanConfig& config)
{
    ns3::Ptr<ns3::ChannelConditionModel> condition;
    switch (config.propagation.lineOfSight)
    {
    case LineOfSight::Random:
        condition = ns3::CreateObject<RandomCondition>();
        break;
    case LineOfSight::Always:
        condition = ns3::CreateObject<ns3::AlwaysLosChannelConditionModel>();
        break;
    case LineOfSight::Never:
        condition = ns3::CreateObject<ns3::NeverLosChannelConditionModel>();
        break;
    }
    auto loss = ns3::CreateObject<Loss>();
    loss->SetAttribute("Frequency", ns3::DoubleValue(config.carrier.frequency_hz));
    loss->SetAttribute("ShadowingEnabled", ns3::BooleanValue(config.propagation.shadowing));
    loss->SetChannelConditionModel(condition);
    return loss;
}

} // namespace

RadioEnvironment::RadioEnvironment(const NrRanConfig& config, int64_t firstStream)
    : m_cells(config.sites.count),
      m_rbgs((config.carrier.bandwidth_prb + config.carrier.rbgSize_prb - 1) /
             config.carrier.rbgSize_prb),
      m_noisePerPrb_w(nr::NoisePerPrb_w(config)),
      m_deployment(Deploy(config, firstStream)),
      m_meanGain(config.ues.size() * m_cells)
{
    // Blocks of streams, so that no part's use of numbers moves those of another.
    constexpr int64_t BLOCK = 10'000;
    DrawFading(config, firstStream + BLOCK);
    if (IsConstant(config.propagation.model))
    {
        SetConstantGains(config);
        return;
    }
    MakeLossModel(config, firstStream + 2 * BLOCK);
    RefreshGains();
}

RadioEnvironment::~RadioEnvironment()
{
    m_refresh.Cancel();
}

void RadioEnvironment::DrawFading(const NrRanConfig& config, int64_t stream)
{
    const double wavelength_m = LIGHT_MPS / config.carrier.frequency_hz;
    for (const double speed_mps : m_deployment.ueSpeed_mps)
    {
        m_wavelengthsPerNs.push_back(std::max(speed_mps, STANDING_MPS) / wavelength_m * 1e-9);
    }
    if (!config.propagation.fading)
    {
        return;
    }
    auto uniform = ns3::CreateObject<ns3::UniformRandomVariable>();
    uniform->SetStream(stream);
    m_fading.emplace(
        TdlFadingConfig{*config.propagation.fading,
                        config.propagation.delaySpread_ns * 1e-9,
                        PrbBandwidth_hz(config.carrier.numerology) * config.carrier.rbgSize_prb,
                        m_rbgs});
    m_fadingOffset.resize(config.ues.size() * m_cells * m_fading->TapCount());
    for (auto& offset : m_fadingOffset)
    {
        offset = uniform->GetInteger(0, UINT32_MAX - 1);
    }
}

void RadioEnvironment::MakeLossModel(const NrRanConfig& config, int64_t stream)
{
    switch (config.propagation.model)
    {
    case PropagationModel::Umi:
        m_loss = MakeThreeGpp<ns3::ThreeGppUmiStreetCanyonPropagationLossModel,
                              ns3::ThreeGppUmiStreetCanyonChannelConditionModel>(config);
        break;
    case PropagationModel::Rma:
        m_loss = MakeThreeGpp<ns3::ThreeGppRmaPropagationLossModel,
                              ns3::ThreeGppRmaChannelConditionModel>(config);
        break;
    case PropagationModel::Inh:
        m_loss = MakeThreeGpp<ns3::ThreeGppIndoorOfficePropagationLossModel,
                              ns3::ThreeGppIndoorOpenOfficeChannelConditionModel>(config);
        break;
    default:
        m_loss = MakeThreeGpp<ns3::ThreeGppUmaPropagationLossModel,
                              ns3::ThreeGppUmaChannelConditionModel>(config);
    }
    m_loss->AssignStreams(stream);
}

void RadioEnvironment::SetConstantGains(const NrRanConfig& config)
{
    double gain_db = -config.propagation.loss_db;
    if (config.propagation.model == PropagationModel::ConstantSinr)
    {
        const double noise_dbm =
            10.0 * std::log10(m_noisePerPrb_w * config.carrier.bandwidth_prb) + 30.0;
        gain_db = config.propagation.sinr_db + noise_dbm - config.carrier.txPower_dbm;
    }
    const auto gain = static_cast<float>(std::pow(10.0, gain_db / 10.0));
    for (std::size_t ue = 0; ue < config.ues.size(); ++ue)
    {
        m_meanGain[ue * m_cells + config.ues[ue].cell] = gain;
    }
}

void RadioEnvironment::RefreshGains()
{
    for (uint32_t ue = 0; ue < m_deployment.ues.GetN(); ++ue)
    {
        const auto mobility = m_deployment.ues.Get(ue)->GetObject<ns3::MobilityModel>();
        for (uint32_t cell = 0; cell < m_cells; ++cell)
        {
            const auto site = m_deployment.cells.Get(cell)->GetObject<ns3::MobilityModel>();
            m_meanGain[ue * m_cells + cell] =
                static_cast<float>(std::pow(10.0, m_loss->CalcRxPower(0.0, site, mobility) / 10.0));
        }
    }
    const auto& speeds_mps = m_deployment.ueSpeed_mps;
    if (std::ranges::any_of(speeds_mps, [](double speed_mps) { return speed_mps > 0.0; }))
    {
        m_refresh = ns3::Simulator::Schedule(REFRESH, &RadioEnvironment::RefreshGains, this);
    }
}

void RadioEnvironment::GainsOf(std::size_t ue,
                               std::size_t cell,
                               int64_t time_ns,
                               uint32_t first,
                               std::span<float> gains) const
{
    const float mean = MeanGain(ue, cell);
    if (!m_fading || mean == 0.0F)
    {
        std::fill(gains.begin(), gains.end(), mean);
        return;
    }
    const std::size_t taps = m_fading->TapCount();
    m_fading->GainsOf({&m_fadingOffset[(ue * m_cells + cell) * taps], taps},
                      m_wavelengthsPerNs[ue] * static_cast<double>(time_ns),
                      first,
                      gains);
    for (auto& gain : gains)
    {
        gain *= mean;
    }
}

ns3::Vector RadioEnvironment::CellPosition_m(std::size_t cell) const
{
    return m_deployment.cells.Get(cell)->GetObject<ns3::MobilityModel>()->GetPosition();
}

ns3::Vector RadioEnvironment::UePosition_m(std::size_t ue) const
{
    return m_deployment.ues.Get(ue)->GetObject<ns3::MobilityModel>()->GetPosition();
}

ns3::Ptr<ns3::Node> RadioEnvironment::UeNode(std::size_t ue) const
{
    return m_deployment.ues.Get(ue);
}

} // namespace slicebridge::nr
