// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/remote-controller.h"

#include "cosim/tensor-layout.h"
#include "scenarios/low-policy-reader.h"
#include "scenarios/slot-reporter.h"
#include "slicing/kpm-table.h"
#include "slicing/low-level-policy.h"

#include "ns3/simulator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace slicebridge
{

namespace
{

constexpr std::size_t REPORT_COLUMNS = 5; ///< dedicated, min, max, compute, power
constexpr std::size_t POLICY_COLUMNS = 3; ///< dedicated, min, max
constexpr std::size_t SHARE_COLUMNS = 3;  ///< min PRB ratio, compute, power
constexpr TensorRange RATIO{0.0, 1.0};
constexpr TensorRange WEIGHT{0.01, 100.0};
constexpr TensorRange POWER_OFFSET_DB{-6.0, 3.0};

/// A tensor of the schema, with the levels that it travels at.
struct LeveledTensor
{
    TensorSpec spec;
    bool bothOnly{false};
};

std::vector<LeveledTensor> StateTensors(const NetworkDescription& network)
{
    const auto cells = static_cast<uint32_t>(network.cells.size());
    const auto slices = static_cast<uint32_t>(network.slices.size());
    const auto ues = static_cast<uint32_t>(network.ueSlice.size());
    const auto sliceKpms = static_cast<uint32_t>(SliceKpmTable().size());
    const auto ueKpms = static_cast<uint32_t>(UeKpmTable().size());
    const std::vector<uint32_t> report{cells, slices, REPORT_COLUMNS};
    return {{{"slice_high", DType::Float32, {cells, slices, sliceKpms}}},
            {{"slice_low", DType::Float32, {cells, slices, sliceKpms}}, true},
            {{"ue", DType::Float32, {ues, ueKpms}}},
            {{"ue_cell", DType::Int32, {ues}}},
            {{"requested", DType::Float32, report}},
            {{"projected", DType::Float32, report}},
            {{"achieved", DType::Float32, report}}};
}

std::vector<LeveledTensor> ActionTensors(const NetworkDescription& network)
{
    const auto cells = static_cast<uint32_t>(network.cells.size());
    const auto slices = static_cast<uint32_t>(network.slices.size());
    const auto ues = static_cast<uint32_t>(network.ueSlice.size());
    return {{{"prb_policy", DType::Float32, {cells, slices, POLICY_COLUMNS}, RATIO}},
            {{"compute_share", DType::Float32, {cells, slices}, RATIO}},
            {{"power_share", DType::Float32, {cells, slices}, RATIO}},
            {{"ue_weight", DType::Float32, {ues}, WEIGHT}, true},
            {{"ue_power_offset_db", DType::Float32, {ues}, POWER_OFFSET_DB}, true}};
}

/// What the low-level policy saw and did since the last STATE, if that was asked for.
std::vector<TensorSpec> TrajectoryTensors(const NetworkDescription& network)
{
    const auto cells = static_cast<uint32_t>(network.cells.size());
    const auto slices = static_cast<uint32_t>(network.slices.size());
    const auto ues = static_cast<uint32_t>(network.ueSlice.size());
    const auto sliceKpms = static_cast<uint32_t>(SliceKpmTable().size());
    const auto ueKpms = static_cast<uint32_t>(UeKpmTable().size());
    const auto& timing = network.timing;
    const auto periods =
        static_cast<uint32_t>(timing.high.GetTimeStep() / timing.low.GetTimeStep());
    return {{"low_ue", DType::Float32, {periods + 1, ues, ueKpms}},
            {"low_ue_cell", DType::Int32, {periods + 1, ues}},
            {"low_slice", DType::Float32, {periods + 1, cells, slices, sliceKpms}},
            {"low_share", DType::Float32, {periods, cells, slices, SHARE_COLUMNS}},
            {"low_raw_action",
             DType::Float32,
             {periods, ues, static_cast<uint32_t>(SetPolicy::ACTIONS)}}};
}

TensorLayout LayoutFor(const std::vector<LeveledTensor>& tensors,
                       ControlLevels levels,
                       const std::vector<TensorSpec>& further = {})
{
    std::vector<TensorSpec> chosen;
    for (const auto& tensor : tensors)
    {
        if (!tensor.bothOnly || levels == ControlLevels::Both)
        {
            chosen.push_back(tensor.spec);
        }
    }
    chosen.insert(chosen.end(), further.begin(), further.end());
    return TensorLayout(std::move(chosen));
}

nlohmann::json TensorsJson(const std::vector<LeveledTensor>& tensors)
{
    auto json = nlohmann::json::array();
    for (const auto& tensor : tensors)
    {
        json.push_back(ToJson(tensor.spec));
        if (tensor.bothOnly)
        {
            json.back()["levels"] = "both";
        }
    }
    return json;
}

template <typename T>
nlohmann::json OptionalJson(const std::optional<T>& value)
{
    return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

/// Ratios that YAML gave as decimals are told with the digits that a float can vouch for.
double Decimal(float value)
{
    return std::round(static_cast<double>(value) * 1e6) / 1e6;
}

nlohmann::json SliceJson(const SliceConfig& slice)
{
    auto throughput_mbps = slice.sla.ueThroughput_bps;
    if (throughput_mbps)
    {
        *throughput_mbps /= 1e6;
    }
    return {{"name", slice.name},
            {"s_nssai", {{"sst", slice.sNssai.sst}, {"sd", OptionalJson(slice.sNssai.sd)}}},
            {"five_qi", slice.fiveQi},
            {"sla",
             {{"ue_throughput_mbps", OptionalJson(throughput_mbps)},
              {"delay_budget_ms", OptionalJson(slice.sla.delayBudget_ms)},
              {"reliability", OptionalJson(slice.sla.reliability)},
              {"weight", slice.sla.weight}}},
            {"policy",
             {{"dedicated", Decimal(slice.policy.dedicated)},
              {"min", Decimal(slice.policy.min)},
              {"max", Decimal(slice.policy.max)}}}};
}

template <typename Table>
nlohmann::json KpmsJson(const Table& table)
{
    auto json = nlohmann::json::array();
    for (const auto& kpm : table)
    {
        json.push_back({{"name", std::string(kpm.name)},
                        {"unit", std::string(kpm.unit)},
                        {"type", std::string(kpm.type)},
                        {"description", std::string(kpm.description)}});
    }
    return json;
}

} // namespace

nlohmann::json SchemaJson(const NetworkDescription& network)
{
    auto cells = nlohmann::json::array();
    for (const auto& name : network.cells)
    {
        cells.push_back({{"name", name}});
    }
    auto trajectory = nlohmann::json::array();
    for (const auto& tensor : TrajectoryTensors(network))
    {
        trajectory.push_back(ToJson(tensor));
    }
    auto slices = nlohmann::json::array();
    for (const auto& slice : network.slices)
    {
        slices.push_back(SliceJson(slice));
    }
    return {{"protocol", PROTOCOL_VERSION},
            {"periods_ms",
             {{"low", network.timing.low.GetMilliSeconds()},
              {"high", network.timing.high.GetMilliSeconds()}}},
            {"cells", std::move(cells)},
            {"slices", std::move(slices)},
            {"ue_slice", network.ueSlice},
            {"slice_kpms", KpmsJson(SliceKpmTable())},
            {"ue_kpms", KpmsJson(UeKpmTable())},
            {"state", TensorsJson(StateTensors(network))},
            {"trajectory", std::move(trajectory)},
            {"action", TensorsJson(ActionTensors(network))}};
}

namespace
{

/// Room for the ACTION and the POLICY, whatever their sizes will be.
LinkOptions WithRoom(LinkOptions options, const NetworkDescription& network)
{
    options.frameLimit_bytes =
        std::max({options.frameLimit_bytes,
                  LayoutFor(ActionTensors(network), ControlLevels::Both).Bytes(),
                  LOW_POLICY_WEIGHT_LIMIT * sizeof(float)});
    return options;
}

/// How an episode is played, by its WELCOME.
struct Terms
{
    ControlLevels levels{ControlLevels::High};
    std::optional<LowPolicyDescription> lowPolicy;
    std::vector<float> weights; ///< of the low-level policy
};

/// @throws LinkError, std::invalid_argument
Terms Agree(Link& link, const NetworkDescription& network, const nlohmann::json& debug)
{
    const auto welcome = link.Handshake(SchemaJson(network), network.versions, debug);
    Terms terms;
    if (welcome.levels == "both")
    {
        terms.levels = ControlLevels::Both;
    }
    if (welcome.levels == "delegated")
    {
        terms.lowPolicy = ReadLowPolicy(welcome.lowPolicy);
        terms.weights.resize(SetPolicy::WeightCount(terms.lowPolicy->config.Shape()));
        const auto bytes = std::as_writable_bytes(std::span(terms.weights));
        std::memcpy(bytes.data(), link.ReceivePolicy(bytes.size()).data(), bytes.size());
    }
    return terms;
}

TensorLayout StateLayout(const NetworkDescription& network, const Terms& terms)
{
    const bool recorded = terms.lowPolicy && terms.lowPolicy->record;
    return LayoutFor(StateTensors(network),
                     terms.levels,
                     recorded ? TrajectoryTensors(network) : std::vector<TensorSpec>{});
}

LowLevelTrajectory TrajectoryIn(TensorBuffer& state)
{
    const auto& layout = state.Layout();
    return {.ue = state.Floats(layout.Index("low_ue")),
            .slice = state.Floats(layout.Index("low_slice")),
            .ueCell = state.Ints(layout.Index("low_ue_cell")),
            .share = state.Floats(layout.Index("low_share")),
            .rawAction = state.Floats(layout.Index("low_raw_action"))};
}

/// The epoch loop and the schema must agree on every shape.
void RequireSize(std::size_t found, std::size_t expected, const char* name)
{
    if (found != expected)
    {
        throw std::logic_error(std::string("observation '") + name + "' has " +
                               std::to_string(found) + " elements, by the schema it has " +
                               std::to_string(expected));
    }
}

template <typename T>
void Put(const std::vector<T>& values, std::span<T> tensor, const char* name)
{
    RequireSize(values.size(), tensor.size(), name);
    std::copy(values.begin(), values.end(), tensor.begin());
}

void PutReport(const std::vector<SliceControl>& controls, std::span<float> tensor, const char* name)
{
    RequireSize(controls.size() * REPORT_COLUMNS, tensor.size(), name);
    for (std::size_t row = 0; row < controls.size(); ++row)
    {
        const auto& control = controls[row];
        const auto columns = tensor.subspan(row * REPORT_COLUMNS, REPORT_COLUMNS);
        columns[0] = control.prb.dedicated;
        columns[1] = control.prb.min;
        columns[2] = control.prb.max;
        columns[3] = control.computeShare;
        columns[4] = control.powerShare;
    }
}

} // namespace

class RemoteController::Impl
{
  public:
    Impl(LinkOptions options, NetworkDescription network, DebugAccess debug);

    void FillState(const Observation& observation);
    Link::Answer Exchange(const Observation& observation);
    void ReadAction(bool highDecision, Control& control) const;

    LinkOptions options;
    NetworkDescription network;
    DebugAccess debug;
    std::unique_ptr<Link> link; ///< none for as long as the process forks
    SlotReporter slots;
    ControlLevels levels{ControlLevels::High};
    std::optional<TensorBuffer> state;
    std::optional<TensorBuffer> action;
    std::unique_ptr<LowLevelPolicy> lowPolicy;

  private:
    void Prepare();
    uint8_t Pause(int64_t time_ns);
    void Fork();
    nlohmann::json DebugOffer() const;
    void ReadSlices(std::vector<SliceControl>& slices) const;
    void ReadUes(std::vector<UeControl>& ues) const;
};

RemoteController::Impl::Impl(LinkOptions linkOptions,
                             NetworkDescription describedNetwork,
                             DebugAccess debugAccess)
    : options(WithRoom(std::move(linkOptions), describedNetwork)),
      network(std::move(describedNetwork)),
      debug(std::move(debugAccess)),
      link(std::make_unique<Link>(options)),
      slots(debug.network,
            network.ueSlice.size(),
            network.timing.low,
            [this](int64_t time_ns) { return Pause(time_ns); })
{
    try
    {
        Prepare();
    }
    catch (const ProtocolViolation& error)
    {
        link->SendError(error.what());
        throw;
    }
    catch (const std::invalid_argument& error)
    {
        link->SendError(error.what());
        throw ProtocolViolation(error.what());
    }
}

nlohmann::json RemoteController::Impl::DebugOffer() const
{
    const auto grid = debug.network.Grid();
    return {{"slot_ns", grid.slot.GetNanoSeconds()},
            {"prbs", grid.prbs},
            {"rbg_prbs", grid.rbg_prbs}};
}

void RemoteController::Impl::Prepare()
{
    const auto terms = Agree(*link, network, DebugOffer());
    levels = terms.levels;
    state.emplace(StateLayout(network, terms));
    action.emplace(LayoutFor(ActionTensors(network), levels));
    if (terms.lowPolicy)
    {
        const auto trajectory = terms.lowPolicy->record ? std::optional(TrajectoryIn(*state))
                                                        : std::optional<LowLevelTrajectory>{};
        lowPolicy = std::make_unique<LowLevelPolicy>(terms.lowPolicy->config,
                                                     terms.weights,
                                                     network.cells.size(),
                                                     network.slices,
                                                     network.ueSlice,
                                                     trajectory);
    }
}

void RemoteController::Impl::FillState(const Observation& observation)
{
    const auto& layout = state->Layout();
    const auto floats = [&](const char* name) { return state->Floats(layout.Index(name)); };
    Put(observation.sliceHigh, floats("slice_high"), "slice_high");
    if (levels == ControlLevels::Both)
    {
        Put(observation.sliceLow, floats("slice_low"), "slice_low");
    }
    Put(observation.ue, floats("ue"), "ue");
    Put(observation.ueCell, state->Ints(layout.Index("ue_cell")), "ue_cell");
    PutReport(observation.report.requested, floats("requested"), "requested");
    PutReport(observation.report.projected, floats("projected"), "projected");
    PutReport(observation.report.achieved, floats("achieved"), "achieved");
}

/// Between epochs. What ends the episode here ends it as in an epoch, without another decision.
uint8_t RemoteController::Impl::Pause(int64_t time_ns)
{
    if (link->Pause(slots.Report(time_ns), time_ns) != Link::Answer::Action)
    {
        ns3::Simulator::Stop();
        return 0;
    }
    return link->AnswerFlags();
}

/// STATE and what answers it but for FORK, after which there are two that wait for an answer.
Link::Answer RemoteController::Impl::Exchange(const Observation& observation)
{
    const auto flags = static_cast<uint8_t>((observation.highDecision ? HIGH_DECISION : 0) |
                                            (observation.last ? LAST : 0));
    if (slots.Reporting())
    {
        link->SendSlots(slots.Report(observation.time_ns), observation.time_ns);
    }
    auto answer = link->Exchange(*state, flags, observation.time_ns, *action);
    while (answer == Link::Answer::Fork)
    {
        if (options.parent == 0)
        {
            throw ProtocolViolation("FORK came from a learner that is not this program's parent");
        }
        Fork();
        answer = link->Exchange(*state, flags, observation.time_ns, *action);
    }
    if (answer == Link::Answer::Action)
    {
        const auto& timing = network.timing;
        const auto period = levels == ControlLevels::Both ? timing.low : timing.high;
        slots.GoOn(link->AnswerFlags(),
                   observation.time_ns,
                   observation.time_ns + period.GetNanoSeconds());
    }
    return answer;
}

/// A fork has no threads but the one that forks, and cannot go on with a connection: both dial in
/// again, and take the episode up where they are.
void RemoteController::Impl::Fork()
{
    const ForkOrder order = link->ForkOrdered();
    const uint64_t step = link->Step();
    link.reset();
    options.token = order.token;
    auto offer = DebugOffer();
    const pid_t self = getpid();
    try
    {
        offer["fork"]["pid"] = debug.fork(order);
    }
    catch (const std::runtime_error& error)
    {
        if (getpid() != self)
        {
            throw; // a copy that cannot be what it should must not take this one's place
        }
        offer["fork"]["error"] = error.what();
    }
    if (offer["fork"].value("pid", 1) == 0)
    {
        offer.erase("fork");
        options.runId = order.forkRunId;
        options.token = order.forkToken;
    }
    link = std::make_unique<Link>(options);
    if (Agree(*link, network, offer).levels != levels)
    {
        throw ProtocolViolation("WELCOME after FORK names other levels than before");
    }
    link->ResumeAt(step);
}

void RemoteController::Impl::ReadAction(bool highDecision, Control& control) const
{
    if (highDecision)
    {
        ReadSlices(control.slices);
    }
    if (levels == ControlLevels::Both)
    {
        ReadUes(control.ues);
    }
}

void RemoteController::Impl::ReadSlices(std::vector<SliceControl>& slices) const
{
    const auto& layout = action->Layout();
    const auto policy = action->Floats(layout.Index("prb_policy"));
    const auto compute = action->Floats(layout.Index("compute_share"));
    const auto power = action->Floats(layout.Index("power_share"));
    slices.resize(compute.size());
    for (std::size_t row = 0; row < slices.size(); ++row)
    {
        const auto ratios = policy.subspan(row * POLICY_COLUMNS, POLICY_COLUMNS);
        slices[row] = {{ratios[0], ratios[1], ratios[2]}, compute[row], power[row]};
    }
}

void RemoteController::Impl::ReadUes(std::vector<UeControl>& ues) const
{
    const auto& layout = action->Layout();
    const auto weight = action->Floats(layout.Index("ue_weight"));
    const auto offset_db = action->Floats(layout.Index("ue_power_offset_db"));
    ues.resize(weight.size());
    for (std::size_t ue = 0; ue < ues.size(); ++ue)
    {
        ues[ue] = {weight[ue], offset_db[ue]};
    }
}

RemoteController::RemoteController(LinkOptions options,
                                   NetworkDescription network,
                                   DebugAccess debug)
    : m_impl(std::make_unique<Impl>(std::move(options), std::move(network), std::move(debug)))
{
}

RemoteController::~RemoteController() = default;

ControlLevels RemoteController::Levels() const
{
    return m_impl->levels;
}

UePolicy* RemoteController::Delegate()
{
    return m_impl->lowPolicy.get();
}

bool RemoteController::Decide(const Observation& observation, Control& control)
{
    m_impl->FillState(observation);
    const auto answer = m_impl->Exchange(observation);
    if (observation.last)
    {
        m_impl->link->SendBye("the scenario's duration is over");
        return false;
    }
    if (answer != Link::Answer::Action)
    {
        return false;
    }
    m_impl->ReadAction(observation.highDecision, control);
    return true;
}

void RemoteController::ReportFailure(std::string_view reason) noexcept
{
    if (m_impl->link)
    {
        m_impl->link->SendError(reason);
    }
}

} // namespace slicebridge
