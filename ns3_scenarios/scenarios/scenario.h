// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_SCENARIO_H
#define SLICEBRIDGE_SCENARIOS_SCENARIO_H

#include "nr/nr-ran-config.h"
#include "slicing/du-queue.h"
#include "slicing/slice.h"
#include "traffic/traffic-config.h"

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace slicebridge
{

/// x, y, z in metres.
using Position = std::array<double, 3>;

/// Radio access technologies that a scenario can name.
enum class RanKind : uint8_t
{
    Lte, ///< "lte"
    Nr,  ///< "nr"
};

/// `timing`
struct TimingConfig
{
    uint32_t lowPeriod_ms{};
    uint32_t highPeriod_ms{}; ///< multiple of the low period
    double warmUp_s{};
    double duration_s{}; ///< multiple of the high period
};

/// `cells`
struct CellsConfig
{
    uint32_t count{};
    double interSiteDistance_m{};
    double height_m{};
    std::optional<std::vector<Position>> positions_m; ///< `count` of them
    bool handover{};
};

/// What scenarios with `ran: lte` have of their own.
struct LteRadio
{
    /// `carrier`, the same for every cell
    struct Carrier
    {
        uint32_t bandwidth_prb{};
        uint32_t dlEarfcn{};
        double txPower_dbm{};
        double noiseFigureUe_db{};
    };

    enum class PropagationModel : uint8_t
    {
        Cost231,      ///< "cost231"
        LogDistance,  ///< "log-distance"
        ConstantLoss, ///< "constant-loss"
        ConstantSinr, ///< "constant-sinr"
    };

    enum class FadingModel : uint8_t
    {
        Jakes, ///< "jakes"
        None,  ///< "none"
    };

    /// `propagation`
    struct Propagation
    {
        PropagationModel model{};
        double exponent{};
        double referenceLoss_db{};
        std::optional<double> loss_db; ///< present for ConstantLoss
        std::optional<double> sinr_db; ///< present for ConstantSinr
        FadingModel fading{};
    };

    Carrier carrier;
    Propagation propagation;
};

/// What scenarios with `ran: nr` have of their own, as nr/ takes it.
struct NrRadio
{
    nr::CarrierConfig carrier;
    nr::PropagationConfig propagation;
    nr::HarqConfig harq;
    nr::CsiConfig csi;
    std::optional<double> coreDelay_ms; ///< one way; present with core epc-like
};

enum class MobilityModelKind : uint8_t
{
    Static,     ///< "static"
    RandomWalk, ///< "random-walk"
};

/// `mobility`
struct MobilityConfig
{
    MobilityModelKind model{};
    std::pair<double, double> speed_mps; ///< least, greatest
    double height_m{};
};

/// RLC mode of a slice's bearers.
enum class RlcMode : uint8_t
{
    Um, ///< "um"
    Am, ///< "am"
};

/// One entry of `slices`
struct SliceScenario
{
    SliceConfig slice; ///< what the slicing core knows of it
    RlcMode rlc{};
    uint32_t ues{};                                   ///< per cell
    std::optional<std::vector<Position>> positions_m; ///< ues x cells of them, cell by cell
    TrafficConfig traffic;
};

enum class PacketRecording : uint8_t
{
    None,    ///< "none"
    Summary, ///< "summary"
    All,     ///< "all"
};

/// `recording`
struct RecordingConfig
{
    PacketRecording packets{};
    bool ues{};
};

/// A resolved scenario, every default filled in and every range checked (see
/// docs/scenario-contract.yaml, whose keys the fields follow).
struct Scenario
{
    std::string name;
    std::string description;
    RanKind ran{};
    uint32_t seed{};
    TimingConfig timing;
    std::variant<LteRadio, NrRadio> radio; ///< that of `ran`
    CellsConfig cells;
    MobilityConfig mobility;
    DuConfig du;
    std::vector<SliceScenario> slices;
    std::map<std::string, std::string> attributes; ///< ns-3 attribute path to value
    RecordingConfig recording;

    /// UEs of all slices and cells.
    std::size_t UeCount() const;

    /// Slice id of each UE. UEs are numbered slice by slice and, inside a slice, cell by cell.
    std::vector<uint32_t> UeSlice() const;

    /// The cell each UE is placed in at the beginning, in the same order.
    std::vector<uint32_t> UeHomeCell() const;

    std::vector<SliceConfig> SliceConfigs() const;
};

/// A scenario that cannot be used. `what()` has one line per violation,
/// "FILE: key.path: message (allowed: ...)".
class ScenarioError : public std::runtime_error
{
  public:
    using std::runtime_error::runtime_error;
};

/**
 * Read and check a resolved scenario.
 * @param path of a JSON file, as `slicebridge run` writes it
 * @throws ScenarioError if it cannot be read or violates the contract anywhere
 */
Scenario LoadScenario(const std::string& path);

/**
 * Check a resolved scenario.
 * @param json the document
 * @param source named at the start of each violation
 * @throws ScenarioError as above
 */
Scenario ParseScenario(const nlohmann::json& json, const std::string& source);

} // namespace slicebridge

#endif
