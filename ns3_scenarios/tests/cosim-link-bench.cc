// SPDX-License-Identifier: GPL-2.0-only
//
// The simulating side of tests/bench/bench_link.py, in two shapes:
//
//   cosim-link-bench --scenario FILE --agent ENDPOINT --run-id ID [--out DIR]
//       a simulation that computes nothing: every step is one exchange through slicebridge::Link
//   cosim-link-bench --floor ENDPOINT UP_BYTES DOWN_BYTES
//       the least that ZeroMQ can do: a REQ that asks until it gets another answer
//   cosim-link-bench --socket PATH UP_BYTES DOWN_BYTES
//       the same over a plain Unix socket, until it is closed
#include "cosim/heart.h"
#include "cosim/link.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <map>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <zmq.hpp>

namespace
{

using namespace slicebridge;
using nlohmann::json;

constexpr uint32_t REPORT_COLUMNS = 5;
constexpr int64_t PERIOD_NS = 100'000'000;
constexpr int FAILED = 5;

/// The keys of a resolved scenario that matter here, and the names of its KPMs.
struct Sizes
{
    explicit Sizes(const json& scenario)
        : cells(scenario.at("cells").at("count")),
          slices(scenario.at("slices")),
          sliceKpms(scenario.at("slice_kpms")),
          ueKpms(scenario.at("ue_kpms")),
          epochs(scenario.at("epochs"))
    {
        for (uint32_t slice = 0; slice < slices.size(); ++slice)
        {
            const auto ues = slices[slice].at("ues").get<uint32_t>() * cells;
            ueSlice.insert(ueSlice.end(), ues, slice);
        }
    }

    uint32_t cells;
    json slices;
    std::vector<std::string> sliceKpms;
    std::vector<std::string> ueKpms;
    uint64_t epochs;
    std::vector<uint32_t> ueSlice;
};

uint32_t Count(const auto& items)
{
    return static_cast<uint32_t>(items.size());
}

/// Of levels "high", as they travel.
std::vector<TensorSpec> StateTensors(const Sizes& sizes)
{
    const std::vector<uint32_t> report{sizes.cells, Count(sizes.slices), REPORT_COLUMNS};
    return {
        {"slice_high", DType::Float32, {sizes.cells, Count(sizes.slices), Count(sizes.sliceKpms)}},
        {"ue", DType::Float32, {Count(sizes.ueSlice), Count(sizes.ueKpms)}},
        {"ue_cell", DType::Int32, {Count(sizes.ueSlice)}},
        {"requested", DType::Float32, report},
        {"projected", DType::Float32, report},
        {"achieved", DType::Float32, report}};
}

std::vector<TensorSpec> ActionTensors(const Sizes& sizes)
{
    const TensorRange ratio{0, 1};
    const std::vector<uint32_t> perSlice{sizes.cells, Count(sizes.slices)};
    return {{"prb_policy", DType::Float32, {sizes.cells, Count(sizes.slices), 3}, ratio},
            {"compute_share", DType::Float32, perSlice, ratio},
            {"power_share", DType::Float32, perSlice, ratio}};
}

json OnlyWithBoth(const TensorSpec& tensor)
{
    auto entry = ToJson(tensor);
    entry["levels"] = "both";
    return entry;
}

json Entries(const std::vector<TensorSpec>& tensors)
{
    auto entries = json::array();
    std::transform(tensors.begin(), tensors.end(), std::back_inserter(entries), &ToJson);
    return entries;
}

json Kpms(const std::vector<std::string>& names)
{
    auto kpms = json::array();
    for (const auto& name : names)
    {
        kpms.push_back({{"name", name}, {"unit", "1"}, {"type", "DER"}});
    }
    return kpms;
}

json Schema(const Sizes& sizes)
{
    const std::vector<uint32_t> ues{Count(sizes.ueSlice)};
    auto cells = json::array();
    for (uint32_t cell = 0; cell < sizes.cells; ++cell)
    {
        cells.push_back({{"name", "cell" + std::to_string(cell)}});
    }
    auto state = Entries(StateTensors(sizes));
    auto low = StateTensors(sizes).front();
    low.name = "slice_low";
    state.push_back(OnlyWithBoth(low));
    auto action = Entries(ActionTensors(sizes));
    action.push_back(OnlyWithBoth({"ue_weight", DType::Float32, ues, TensorRange{0.01, 100}}));
    action.push_back(OnlyWithBoth({"ue_power_offset_db", DType::Float32, ues, TensorRange{-6, 3}}));
    return {{"protocol", PROTOCOL_VERSION},
            {"periods_ms", {{"low", 10}, {"high", 100}}},
            {"cells", cells},
            {"slices", sizes.slices},
            {"ue_slice", sizes.ueSlice},
            {"slice_kpms", Kpms(sizes.sliceKpms)},
            {"ue_kpms", Kpms(sizes.ueKpms)},
            {"state", state},
            {"action", action}};
}

int Simulate(std::map<std::string, std::string> options)
{
    std::ifstream file(options.at("--scenario"));
    const Sizes sizes(json::parse(file));
    Link link(LinkOptionsFromEnvironment(options.at("--agent"), options.at("--run-id")));
    link.Handshake(Schema(sizes), {{"bench", "1"}});
    TensorBuffer state{TensorLayout(StateTensors(sizes))};
    TensorBuffer action{TensorLayout(ActionTensors(sizes))};
    for (uint64_t step = 0;; ++step)
    {
        // Numbers that change and that a policy can tell its own action from.
        state.Floats(0)[0] = action.Floats(0)[1] + static_cast<float>(step % 2);
        const auto last = step == sizes.epochs ? LAST : 0;
        const auto time_ns = static_cast<int64_t>(step) * PERIOD_NS;
        const auto answer =
            link.Exchange(state, static_cast<uint8_t>(HIGH_DECISION | last), time_ns, action);
        if (answer != Link::Answer::Action)
        {
            link.SendBye("over");
            return 0;
        }
    }
}

int AskByZeroMq(const std::string& endpoint, std::size_t up_bytes, std::size_t down_bytes)
{
    zmq::context_t context{1};
    zmq::socket_t socket{context, zmq::socket_type::req};
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(endpoint);
    const std::vector<std::byte> question(up_bytes);
    std::vector<std::byte> answer(down_bytes);
    while (true)
    {
        socket.send(zmq::buffer(question), zmq::send_flags::none);
        const auto size = socket.recv(zmq::buffer(answer));
        if (!size || size->untruncated_size != down_bytes)
        {
            return 0;
        }
    }
}

int AskBySocket(const std::string& path, std::size_t up_bytes, std::size_t down_bytes)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
    const FileDescriptor end(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(end.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    {
        throw std::system_error(errno, std::generic_category(), path);
    }
    const std::vector<std::byte> question(up_bytes);
    std::vector<std::byte> answer(down_bytes);
    while (send(end.Get(), question.data(), up_bytes, MSG_NOSIGNAL) > 0 &&
           recv(end.Get(), answer.data(), down_bytes, MSG_WAITALL) > 0)
    {
    }
    return 0;
}

using Asker = int (*)(const std::string&, std::size_t, std::size_t);

} // namespace

int main(int argc, char* argv[])
{
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try
    {
        if (arguments.size() == 4 && (arguments[0] == "--floor" || arguments[0] == "--socket"))
        {
            const Asker ask = arguments[0] == "--floor" ? &AskByZeroMq : &AskBySocket;
            return ask(arguments[1], std::stoul(arguments[2]), std::stoul(arguments[3]));
        }
        std::map<std::string, std::string> options;
        for (std::size_t index = 0; index + 1 < arguments.size(); index += 2)
        {
            options[arguments[index]] = arguments[index + 1];
        }
        return Simulate(std::move(options));
    }
    catch (const LinkError& error)
    {
        std::cerr << error.what() << std::endl;
        return error.ExitCode();
    }
    catch (const std::exception& error)
    {
        std::cerr << error.what() << std::endl;
        return FAILED;
    }
}
