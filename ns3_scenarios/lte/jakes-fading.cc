// SPDX-License-Identifier: GPL-2.0-only
#include "lte/jakes-fading.h"

#include "ns3/simulator.h"
#include "ns3/spectrum-signal-parameters.h"
#include "ns3/spectrum-value.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

namespace slicebridge
{

namespace
{

constexpr double RB_HZ = 180e3;
constexpr double SPEED_OF_LIGHT_MPS = 299792458.0;
constexpr std::size_t MAX_RBS = 100;

/// Extended Vehicular A (TS 36.104, table B.2-2).
constexpr std::array<double, JakesLink::TAPS>
    TAP_DELAY_S{0e-9, 30e-9, 150e-9, 310e-9, 370e-9, 710e-9, 1090e-9, 1730e-9, 2510e-9};
constexpr std::array<double, JakesLink::TAPS>
    TAP_POWER_DB{0.0, -1.5, -1.4, -3.6, -0.6, -9.1, -7.0, -12.0, -16.9};

/// A cosine table of 2^12 entries: phase error below 1e-3 rad, far below what a CQI resolves.
constexpr unsigned TABLE_BITS = 12;
constexpr uint32_t TABLE_SIZE = 1U << TABLE_BITS;
constexpr uint32_t QUARTER_TURN = TABLE_SIZE / 4;

/// What all links share.
struct Tables
{
    std::array<float, TABLE_SIZE> cosine;
    std::array<float, JakesLink::TAPS> amplitude; ///< of each sinusoid of a tap
    /// exp(-j 2 pi f tau) per tap and resource block.
    std::array<std::array<float, MAX_RBS>, JakesLink::TAPS> real;
    std::array<std::array<float, MAX_RBS>, JakesLink::TAPS> imaginary;

    Tables()
    {
        constexpr double TURN = 2.0 * std::numbers::pi;
        for (uint32_t i = 0; i < TABLE_SIZE; ++i)
        {
            cosine[i] = static_cast<float>(std::cos(TURN * i / TABLE_SIZE));
        }
        double sum = 0.0;
        for (const auto power_db : TAP_POWER_DB)
        {
            sum += std::pow(10.0, power_db / 10.0);
        }
        for (std::size_t tap = 0; tap < JakesLink::TAPS; ++tap)
        {
            const double power = std::pow(10.0, TAP_POWER_DB[tap] / 10.0) / sum;
            amplitude[tap] = static_cast<float>(std::sqrt(power / JakesLink::SINUSOIDS));
            for (std::size_t rb = 0; rb < MAX_RBS; ++rb)
            {
                const double angle = -TURN * RB_HZ * static_cast<double>(rb) * TAP_DELAY_S[tap];
                real[tap][rb] = static_cast<float>(std::cos(angle));
                imaginary[tap][rb] = static_cast<float>(std::sin(angle));
            }
        }
    }
};

const Tables& SharedTables()
{
    static const Tables tables;
    return tables;
}

uint32_t TableIndex(double turns)
{
    return static_cast<uint32_t>(static_cast<int64_t>(turns * TABLE_SIZE)) & (TABLE_SIZE - 1);
}

} // namespace

JakesLink::JakesLink(double doppler_hz, ns3::Ptr<ns3::UniformRandomVariable> random)
{
    for (std::size_t tap = 0; tap < TAPS; ++tap)
    {
        // Angles of arrival spread evenly over the circle, turned as a whole by a random angle:
        // evenly spread angles alone would repeat in time and match in pairs.
        const double rotation = random->GetValue(0.0, 1.0);
        for (std::size_t i = 0; i < SINUSOIDS; ++i)
        {
            const double arrival = (static_cast<double>(i) + rotation) / SINUSOIDS;
            const std::size_t index = tap * SINUSOIDS + i;
            m_shift_hz[index] = doppler_hz * std::cos(2.0 * std::numbers::pi * arrival);
            m_phase[index] = random->GetValue(0.0, 1.0);
        }
    }
}

void JakesLink::Coefficients(double time_s, std::span<float> real, std::span<float> imaginary) const
{
    const auto& tables = SharedTables();
    std::ranges::fill(real, 0.0F);
    std::ranges::fill(imaginary, 0.0F);
    for (std::size_t tap = 0; tap < TAPS; ++tap)
    {
        float re = 0.0F;
        float im = 0.0F;
        for (std::size_t i = tap * SINUSOIDS; i < (tap + 1) * SINUSOIDS; ++i)
        {
            const uint32_t index = TableIndex(m_shift_hz[i] * time_s + m_phase[i]);
            re += tables.cosine[index];
            im += tables.cosine[(index - QUARTER_TURN) & (TABLE_SIZE - 1)];
        }
        re *= tables.amplitude[tap];
        im *= tables.amplitude[tap];
        const float* rotationRe = tables.real[tap].data();
        const float* rotationIm = tables.imaginary[tap].data();
        for (std::size_t rb = 0; rb < real.size(); ++rb)
        {
            real[rb] += re * rotationRe[rb] - im * rotationIm[rb];
            imaginary[rb] += re * rotationIm[rb] + im * rotationRe[rb];
        }
    }
}

NS_OBJECT_ENSURE_REGISTERED(JakesFadingModel);

ns3::TypeId JakesFadingModel::GetTypeId()
{
    static ns3::TypeId tid = ns3::TypeId("slicebridge::JakesFadingModel")
                                 .SetParent<ns3::SpectrumPropagationLossModel>()
                                 .AddConstructor<JakesFadingModel>();
    return tid;
}

std::size_t JakesFadingModel::PairHash::operator()(const Pair& pair) const
{
    const std::hash<const void*> hash;
    return hash(pair.first) * 31 + hash(pair.second);
}

void JakesFadingModel::Configure(uint32_t bandwidth_prb, double carrier_hz)
{
    m_bandwidth_prb = bandwidth_prb;
    m_carrier_hz = carrier_hz;
    m_real.resize(bandwidth_prb);
    m_imaginary.resize(bandwidth_prb);
}

void JakesFadingModel::AddLink(ns3::Ptr<const ns3::MobilityModel> ue,
                               ns3::Ptr<const ns3::MobilityModel> cell,
                               double speed_mps,
                               int64_t stream)
{
    auto random = ns3::CreateObject<ns3::UniformRandomVariable>();
    random->SetStream(stream);
    const double doppler_hz = speed_mps * m_carrier_hz / SPEED_OF_LIGHT_MPS;
    const auto ueModel = ns3::PeekPointer(ue);
    const auto cellModel = ns3::PeekPointer(cell);
    m_index[{ueModel, cellModel}] = m_links.size();
    m_index[{cellModel, ueModel}] = m_links.size();
    m_links.push_back({JakesLink(doppler_hz, random), -1, std::vector<float>(m_bandwidth_prb)});
}

std::span<const float> JakesFadingModel::PowerGain(const ns3::MobilityModel& a,
                                                   const ns3::MobilityModel& b) const
{
    const auto it = m_index.find({&a, &b});
    if (it == m_index.end())
    {
        return {};
    }
    auto& link = m_links[it->second];
    const int64_t now_ms = ns3::Simulator::Now().GetNanoSeconds() / 1'000'000;
    if (link.evaluated_ms != now_ms)
    {
        link.evaluated_ms = now_ms;
        link.fading.Coefficients(static_cast<double>(now_ms) * 1e-3, m_real, m_imaginary);
        for (std::size_t rb = 0; rb < m_bandwidth_prb; ++rb)
        {
            link.gain[rb] = m_real[rb] * m_real[rb] + m_imaginary[rb] * m_imaginary[rb];
        }
    }
    return link.gain;
}

void JakesFadingModel::DoDispose()
{
    m_links.clear();
    m_index.clear();
    ns3::SpectrumPropagationLossModel::DoDispose();
}

ns3::Ptr<ns3::SpectrumValue> JakesFadingModel::DoCalcRxPowerSpectralDensity(
    ns3::Ptr<const ns3::SpectrumSignalParameters> params,
    ns3::Ptr<const ns3::MobilityModel> a,
    ns3::Ptr<const ns3::MobilityModel> b) const
{
    const auto gain = PowerGain(*a, *b);
    auto psd = params->psd;
    if (gain.size() == psd->GetSpectrumModel()->GetNumBands())
    {
        // The channel made this copy of the signal for this receiver alone.
        std::transform(psd->ConstValuesBegin(),
                       psd->ConstValuesEnd(),
                       gain.begin(),
                       psd->ValuesBegin(),
                       std::multiplies<>());
    }
    return psd;
}

int64_t JakesFadingModel::DoAssignStreams(int64_t stream)
{
    // Each link has its stream from AddLink.
    return 0;
}

} // namespace slicebridge
