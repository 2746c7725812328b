// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/lte-reader.h"

#include <initializer_list>
#include <optional>
#include <string>

namespace slicebridge
{

namespace
{

void RefuseNrKeys(JsonReader& reader, std::initializer_list<const char*> keys)
{
    for (const auto* key : keys)
    {
        reader.Unused(key, "ran nr, and ran is lte");
    }
}

LteRadio::Carrier ReadCarrier(JsonReader reader)
{
    LteRadio::Carrier carrier{
        .bandwidth_prb = reader.IntegerOf("bandwidth_prb", {6, 15, 25, 50, 75, 100}),
        .dlEarfcn = reader.Integer("dl_earfcn", 0, 6599),
        .txPower_dbm = reader.Number("tx_power_dbm", {.low = -30, .high = 60}),
        .noiseFigureUe_db = reader.Number("noise_figure_ue_db", {.low = 0, .high = 30}),
    };
    // TS 36.101, table 5.7.3-1: numbers between bands 12 and 13, and between 17 and 18.
    const bool inGap = (carrier.dlEarfcn >= 4950 && carrier.dlEarfcn < 5000) ||
                       (carrier.dlEarfcn >= 5380 && carrier.dlEarfcn < 5730);
    if (reader.Sound() && inGap)
    {
        reader.Refuse("dl_earfcn",
                      "is " + std::to_string(carrier.dlEarfcn) + ", in no FDD band",
                      "0..4949, 5000..5379, 5730..6599");
    }
    RefuseNrKeys(reader,
                 {"numerology",
                  "bandwidth_mhz",
                  "frequency_ghz",
                  "rbg_size_prb",
                  "slot_pattern",
                  "control_symbols",
                  "data_symbols",
                  "special_symbols",
                  "dmrs_res_per_prb",
                  "overhead_res_per_prb",
                  "error_table_db",
                  "mcs_table"});
    reader.Close();
    return carrier;
}

LteRadio::Propagation ReadPropagation(JsonReader reader)
{
    using enum LteRadio::PropagationModel;
    LteRadio::Propagation propagation;
    propagation.model = reader.Model<LteRadio::PropagationModel>({{"cost231", Cost231},
                                                                  {"log-distance", LogDistance},
                                                                  {"constant-loss", ConstantLoss},
                                                                  {"constant-sinr", ConstantSinr}});
    const auto number = [&](const char* key,
                            LteRadio::PropagationModel owner,
                            const char* ownerName,
                            NumberRange range) -> std::optional<double>
    {
        if (propagation.model == owner)
        {
            return reader.Number(key, range);
        }
        reader.Unused(key, std::string("model ") + ownerName);
        return std::nullopt;
    };
    const NumberRange loss{.low = 0, .high = 300};
    propagation.exponent =
        number("exponent", LogDistance, "log-distance", {.low = 1, .high = 10}).value_or(0.0);
    propagation.referenceLoss_db =
        number("reference_loss_db", LogDistance, "log-distance", {.low = 0, .high = 200})
            .value_or(0.0);
    propagation.loss_db = number("loss_db", ConstantLoss, "constant-loss", loss);
    propagation.sinr_db =
        number("sinr_db", ConstantSinr, "constant-sinr", {.low = -20, .high = 60});
    propagation.fading = reader.Choice<LteRadio::FadingModel>(
        "fading",
        {{"jakes", LteRadio::FadingModel::Jakes}, {"none", LteRadio::FadingModel::None}});
    if (reader.Sound() && propagation.model == ConstantSinr &&
        propagation.fading != LteRadio::FadingModel::None)
    {
        reader.Refuse("fading", "is \"jakes\" with model constant-sinr", "none");
    }
    RefuseNrKeys(reader, {"line_of_sight", "shadowing", "delay_spread_ns"});
    reader.Close();
    return propagation;
}

} // namespace

LteRadio ReadLteRadio(JsonReader& document)
{
    RefuseNrKeys(document, {"harq", "csi", "core", "core_delay_ms"});
    return {.carrier = ReadCarrier(document.Object("carrier")),
            .propagation = ReadPropagation(document.Object("propagation"))};
}

} // namespace slicebridge
