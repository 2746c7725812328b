// SPDX-License-Identifier: GPL-2.0-only
#include "slicing/low-level-policy.h"

#include "slicing/kpm-table.h"
#include "slicing/portable-math.h"
#include "slicing/window-collector.h"

#include "ns3/random-variable-stream.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace slicebridge
{

namespace
{

/// Far from the streams of networks (up to a few millions) and of traffic (from 2^40).
constexpr int64_t NOISE_STREAM = int64_t{1} << 39;

constexpr std::size_t SSTS = 3; ///< eMBB, URLLC, MIoT
constexpr std::size_t SHARES = 3;
constexpr double WEIGHT_EXPONENT = 2.0;
constexpr double POWER_DOWN_DB = 6.0;
constexpr double POWER_UP_DB = 3.0;

/// 64 bits that no draw before has shown, from a stream that nothing else uses.
uint64_t DrawKey()
{
    auto uniform = ns3::CreateObject<ns3::UniformRandomVariable>();
    uniform->SetStream(NOISE_STREAM);
    constexpr uint32_t HIGHEST = std::numeric_limits<uint32_t>::max();
    const uint64_t high = uniform->GetInteger(0, HIGHEST);
    return high << 32 | uniform->GetInteger(0, HIGHEST);
}

/// The SplitMix64 generator (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
/// OOPSLA 2014), entered anywhere: the number at `index` of the sequence of `key`, in (0, 1).
double UniformAt(uint64_t key, uint64_t index)
{
    uint64_t bits = key + (index + 1) * 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    bits ^= bits >> 31;
    return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;
}

/// Two independent standard normal numbers (Box and Muller, 1958).
std::pair<double, double> NormalPairAt(uint64_t key, uint64_t index)
{
    const double radius = std::sqrt(-2.0 * portable::Log(UniformAt(key, 2 * index)));
    const auto [sine, cosine] = portable::SinCosOfTurns(UniformAt(key, 2 * index + 1));
    return {radius * cosine, radius * sine};
}

std::size_t LargestSlice(const std::vector<uint32_t>& ueSlice, std::size_t slices)
{
    std::vector<std::size_t> ues(slices);
    for (const uint32_t slice : ueSlice)
    {
        ++ues.at(slice);
    }
    return std::ranges::max(ues);
}

template <typename T>
std::span<T> Row(std::span<T> table, std::size_t row, std::size_t rows)
{
    const std::size_t width = table.size() / rows;
    return table.subspan(row * width, width);
}

} // namespace

SetPolicyShape LowLevelPolicyConfig::Shape() const
{
    return {.own = static_cast<uint32_t>(features.size()),
            .common = static_cast<uint32_t>(sliceFeatures.size() + SSTS + SHARES),
            .context = context,
            .encoder = encoder,
            .head = head,
            .activation = activation};
}

LowLevelPolicy::LowLevelPolicy(const LowLevelPolicyConfig& config,
                               std::span<const float> weights,
                               std::size_t cells,
                               const std::vector<SliceConfig>& slices,
                               std::vector<uint32_t> ueSlice,
                               const std::optional<LowLevelTrajectory>& trajectory)
    : m_features(Inputs(config.features)),
      m_sliceFeatures(Inputs(config.sliceFeatures)),
      m_stochastic(config.stochastic),
      m_ueSlice(std::move(ueSlice)),
      m_trajectory(trajectory),
      m_noiseKey(DrawKey()),
      m_network(config.Shape(), weights, LargestSlice(m_ueSlice, slices.size())),
      m_groups(cells * slices.size())
{
    const std::size_t groupLimit = LargestSlice(m_ueSlice, slices.size());
    for (const auto& slice : slices)
    {
        m_sst.push_back(slice.sNssai.sst);
    }
    for (auto& group : m_groups)
    {
        group.reserve(groupLimit);
    }
    m_own.resize(groupLimit * m_features.size());
    m_common.resize(config.Shape().common);
    m_raw.resize(groupLimit * SetPolicy::ACTIONS);
    if (m_trajectory)
    {
        m_rows = m_trajectory->share.size() / (m_groups.size() * SHARES);
        std::ranges::fill(m_trajectory->ueCell, -1);
        std::ranges::fill(m_trajectory->rawAction, std::numeric_limits<float>::quiet_NaN());
    }
}

std::vector<LowLevelPolicy::Input> LowLevelPolicy::Inputs(
    const std::vector<PolicyFeature>& features)
{
    std::vector<Input> inputs;
    for (const auto& feature : features)
    {
        if (!(std::isfinite(feature.scale) && feature.scale > 0.0))
        {
            throw std::invalid_argument("the scale of a feature must be positive");
        }
        const double greatest =
            feature.logarithmic ? portable::Log(1.0 + feature.scale) : feature.scale;
        inputs.push_back({feature.column, 1.0 / greatest, feature.logarithmic});
    }
    return inputs;
}

/// NaN and what is negative read 0.
double LowLevelPolicy::Scale(const Input& input, float value)
{
    const double positive = value > 0.0F ? value : 0.0;
    const double bent = input.logarithmic ? portable::Log(1.0 + positive) : positive;
    return std::min(bent * input.factor, 1.0);
}

void LowLevelPolicy::Look(const WindowCollector& windows, uint64_t tick)
{
    m_windows = &windows;
    m_tick = tick;
    if (m_trajectory)
    {
        RecordState();
    }
}

void LowLevelPolicy::RecordState()
{
    const std::size_t rows = m_rows + 1;
    m_windows->UeKpms(m_tick - 1, m_tick, Row(m_trajectory->ue, m_row, rows));
    m_windows->SliceKpms(m_tick - 1, m_tick, Row(m_trajectory->slice, m_row, rows));
    m_windows->UeCells(m_tick, Row(m_trajectory->ueCell, m_row, rows));
}

void LowLevelPolicy::Decide(std::span<const SliceControl> inForce, std::span<UeControl> ues)
{
    if (m_trajectory)
    {
        RecordShares(inForce);
    }
    FindGroups();
    for (std::size_t group = 0; group < m_groups.size(); ++group)
    {
        if (!m_groups[group].empty())
        {
            DecideGroup(group, inForce[group], ues);
        }
    }
    ++m_decisions;
    ++m_row;
}

/// Opens row t of the trajectory; after the last one, the state now becomes the first.
void LowLevelPolicy::RecordShares(std::span<const SliceControl> inForce)
{
    if (m_row == m_rows)
    {
        const auto restart = [this](auto table)
        {
            const auto last = Row(table, m_rows, m_rows + 1);
            std::ranges::copy(last, table.begin());
        };
        restart(m_trajectory->ue);
        restart(m_trajectory->slice);
        restart(m_trajectory->ueCell);
        m_row = 0;
    }
    auto share = Row(m_trajectory->share, m_row, m_rows).begin();
    for (const auto& control : inForce)
    {
        *share++ = control.prb.min;
        *share++ = control.computeShare;
        *share++ = control.powerShare;
    }
    std::ranges::fill(Row(m_trajectory->rawAction, m_row, m_rows),
                      std::numeric_limits<float>::quiet_NaN());
}

void LowLevelPolicy::FindGroups()
{
    for (auto& group : m_groups)
    {
        group.clear();
    }
    const auto ues = m_windows->Ues(m_tick);
    for (uint32_t ue = 0; ue < ues.size(); ++ue)
    {
        if (ues[ue].cell >= 0 && ues[ue].bufferBytes > 0)
        {
            const auto cell = static_cast<std::size_t>(ues[ue].cell);
            m_groups[cell * m_sst.size() + m_ueSlice[ue]].push_back(ue);
        }
    }
}

void LowLevelPolicy::DecideGroup(std::size_t group,
                                 const SliceControl& inForce,
                                 std::span<UeControl> ues)
{
    const auto& members = m_groups[group];
    auto own = m_own.begin();
    for (const uint32_t ue : members)
    {
        for (const auto& input : m_features)
        {
            *own++ = Scale(input, m_windows->UeKpm(m_tick - 1, m_tick, ue, input.column));
        }
    }
    const auto raw = std::span(m_raw).first(members.size() * SetPolicy::ACTIONS);
    m_network.Means(std::span(m_own).first(members.size() * m_features.size()),
                    Common(group, inForce),
                    raw);
    for (std::size_t i = 0; i < members.size(); ++i)
    {
        PerturbAndApply(members[i],
                        raw.subspan(i * SetPolicy::ACTIONS, SetPolicy::ACTIONS),
                        ues[members[i]]);
    }
}

/// What the UEs of a group share: features of the slice, its type, what it may use.
std::span<const double> LowLevelPolicy::Common(std::size_t group, const SliceControl& inForce)
{
    auto value = m_common.begin();
    for (const auto& input : m_sliceFeatures)
    {
        *value++ = Scale(input, m_windows->SliceKpm(m_tick - 1, m_tick, group, input.column));
    }
    const uint8_t sst = m_sst[group % m_sst.size()];
    for (std::size_t type = 1; type <= SSTS; ++type)
    {
        *value++ = sst == type ? 1.0 : 0.0;
    }
    *value++ = inForce.prb.min;
    *value++ = inForce.computeShare;
    *value++ = inForce.powerShare;
    return m_common;
}

void LowLevelPolicy::PerturbAndApply(uint32_t ue, std::span<double> raw, UeControl& control) const
{
    if (m_stochastic)
    {
        const auto [first, second] = NormalPairAt(m_noiseKey, m_decisions * m_ueSlice.size() + ue);
        raw[0] += m_network.Deviation(0) * first;
        raw[1] += m_network.Deviation(1) * second;
    }
    if (std::isnan(raw[0]) || std::isnan(raw[1]))
    {
        throw std::domain_error("the low-level policy gives NaN for UE " + std::to_string(ue));
    }
    if (m_trajectory)
    {
        const auto row = Row(m_trajectory->rawAction, m_row, m_rows);
        row[ue * SetPolicy::ACTIONS] = static_cast<float>(raw[0]);
        row[ue * SetPolicy::ACTIONS + 1] = static_cast<float>(raw[1]);
    }
    const double power = portable::Tanh(raw[1]);
    control.weight = static_cast<float>(portable::Exp(WEIGHT_EXPONENT * portable::Tanh(raw[0])));
    control.powerOffset_db =
        static_cast<float>((power < 0.0 ? POWER_DOWN_DB : POWER_UP_DB) * power);
}

} // namespace slicebridge
