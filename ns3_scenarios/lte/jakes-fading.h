// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_LTE_JAKES_FADING_H
#define SLICEBRIDGE_LTE_JAKES_FADING_H

#include "ns3/mobility-model.h"
#include "ns3/random-variable-stream.h"
#include "ns3/spectrum-propagation-loss-model.h"

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace slicebridge
{

/**
 * Rayleigh fading of one link, selective in time and frequency: the nine taps of the Extended
 * Vehicular A profile (TS 36.104, table B.2-2), each a sum of sinusoids with the Doppler spectrum
 * of Clarke and Jakes (random angles and phases, after Zheng and Xiao 2003), so that each tap's
 * autocorrelation tends to J0(2 pi f_d tau). Its mean power gain is 1.
 */
class JakesLink
{
  public:
    static constexpr std::size_t TAPS = 9;
    static constexpr std::size_t SINUSOIDS = 8;

    /**
     * @param doppler_hz greatest Doppler shift, speed / wavelength
     * @param random draws angles and phases: 9 x 9 numbers
     */
    JakesLink(double doppler_hz, ns3::Ptr<ns3::UniformRandomVariable> random);

    /**
     * Complex channel coefficients of resource blocks (180 kHz apart) at a time.
     * @param real, imaginary one entry per resource block
     */
    void Coefficients(double time_s, std::span<float> real, std::span<float> imaginary) const;

  private:
    std::array<double, TAPS * SINUSOIDS> m_shift_hz;
    std::array<double, TAPS * SINUSOIDS> m_phase; ///< at time zero, in turns
};

/**
 * Fading between each UE and each cell, the same in both directions and constant for 1 ms. Links
 * are made in the order of AddLink, each with a random stream of its own, and evaluated when a
 * signal needs them. Signals between other pairs pass unchanged.
 */
class JakesFadingModel : public ns3::SpectrumPropagationLossModel
{
  public:
    static ns3::TypeId GetTypeId();

    /**
     * @param bandwidth_prb number of resource blocks of every signal
     * @param carrier_hz for the Doppler shift
     */
    void Configure(uint32_t bandwidth_prb, double carrier_hz);

    /// Add a link with the Doppler shift of a speed in m/s.
    void AddLink(ns3::Ptr<const ns3::MobilityModel> ue,
                 ns3::Ptr<const ns3::MobilityModel> cell,
                 double speed_mps,
                 int64_t stream);

    /// Power gain per resource block of a link that was added, at this moment.
    std::span<const float> PowerGain(const ns3::MobilityModel& a,
                                     const ns3::MobilityModel& b) const;

  protected:
    void DoDispose() override;

  private:
    struct Link
    {
        JakesLink fading;
        int64_t evaluated_ms;
        std::vector<float> gain;
    };

    using Pair = std::pair<const ns3::MobilityModel*, const ns3::MobilityModel*>;

    struct PairHash
    {
        std::size_t operator()(const Pair& pair) const;
    };

    ns3::Ptr<ns3::SpectrumValue> DoCalcRxPowerSpectralDensity(
        ns3::Ptr<const ns3::SpectrumSignalParameters> params,
        ns3::Ptr<const ns3::MobilityModel> a,
        ns3::Ptr<const ns3::MobilityModel> b) const override;
    int64_t DoAssignStreams(int64_t stream) override;

    uint32_t m_bandwidth_prb{};
    double m_carrier_hz{};
    mutable std::vector<Link> m_links;
    std::unordered_map<Pair, std::size_t, PairHash> m_index; ///< each link both ways round
    mutable std::vector<float> m_real;
    mutable std::vector<float> m_imaginary;
};

} // namespace slicebridge

#endif
