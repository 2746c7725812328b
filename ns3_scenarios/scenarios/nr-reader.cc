// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/nr-reader.h"

#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>

namespace slicebridge
{

namespace
{

/// FR1 of TS 38.104, table 5.1-1, from where the models of TR 38.901 begin; FR2.
constexpr double FR1_LOW_GHZ = 0.5;
constexpr double FR1_HIGH_GHZ = 7.125;
constexpr double FR2_LOW_GHZ = 24.25;
constexpr double FR2_HIGH_GHZ = 71.0;
/// Upper end of the RMa path loss (TR 38.901, table 7.4.1-1), as ns-3 has it.
constexpr double RMA_HIGH_HZ = 30e9;

void RefuseLteKeys(JsonReader& reader, std::initializer_list<const char*> keys)
{
    for (const auto* key : keys)
    {
        reader.Unused(key, "ran lte, and ran is nr");
    }
}

/// N_RB, or 0 with a violation.
uint32_t ReadBandwidth_prb(JsonReader& reader, uint8_t numerology, double frequency_ghz)
{
    const uint32_t bandwidth_mhz = reader.Integer("bandwidth_mhz", 3, 400);
    if (!reader.Sound())
    {
        return 0;
    }
    if (frequency_ghz > FR1_HIGH_GHZ && frequency_ghz < FR2_LOW_GHZ)
    {
        reader.Refuse("frequency_ghz",
                      "is " + std::to_string(frequency_ghz) + ", in no frequency range",
                      "0.5..7.125, 24.25..71");
        return 0;
    }
    try
    {
        const auto range =
            frequency_ghz <= FR1_HIGH_GHZ ? nr::FrequencyRange::Fr1 : nr::FrequencyRange::Fr2;
        return nr::TransmissionBandwidth_prb(range, numerology, bandwidth_mhz);
    }
    catch (const std::invalid_argument& error)
    {
        reader.Refuse("bandwidth_mhz", error.what(), "TS 38.101-1 and -2, table 5.3.2-1");
        return 0;
    }
}

/// [mcs], empty if null.
std::vector<double> ReadErrorTable_db(JsonReader& reader, nr::LinkTable table)
{
    const std::size_t count = nr::McsTable(table).size();
    const std::vector<NumberRange> columns(count, {.low = -30, .high = 60});
    return reader.OptionalRow("error_table_db", columns).value_or(std::vector<double>{});
}

std::string ReadSlotPattern(JsonReader& reader)
{
    constexpr std::size_t SLOTS_MAX = 80;
    auto pattern = reader.String("slot_pattern");
    try
    {
        nr::ParseSlotPattern(pattern);
    }
    catch (const std::invalid_argument& error)
    {
        reader.Refuse("slot_pattern", error.what(), "letters D, S, U, a D among them");
    }
    if (pattern.size() > SLOTS_MAX)
    {
        reader.Refuse("slot_pattern", "is too long", "80 slots at most");
    }
    return pattern;
}

void CheckSymbols(const nr::CarrierConfig& carrier, JsonReader& reader)
{
    if (!reader.Sound())
    {
        return;
    }
    constexpr uint32_t SYMBOLS = 14;
    if (carrier.controlSymbols + carrier.dataSymbols > SYMBOLS)
    {
        reader.Refuse("data_symbols", "and control_symbols pass the slot", "14 together");
    }
    if (carrier.specialSymbols > carrier.dataSymbols)
    {
        reader.Refuse("special_symbols",
                      "is " + std::to_string(carrier.specialSymbols),
                      "at most data_symbols");
    }
    if (carrier.dmrsResPerPrb + carrier.overheadPerPrb >= 12U * carrier.dataSymbols)
    {
        reader.Refuse("dmrs_res_per_prb",
                      "leaves no resource element for data",
                      "with overhead_res_per_prb less than 12 per data symbol");
    }
    if (carrier.rbgSize_prb > carrier.bandwidth_prb)
    {
        reader.Refuse("rbg_size_prb",
                      "is " + std::to_string(carrier.rbgSize_prb),
                      "at most the carrier's " + std::to_string(carrier.bandwidth_prb));
    }
}

nr::CarrierConfig ReadCarrier(JsonReader reader)
{
    nr::CarrierConfig carrier;
    carrier.numerology = static_cast<uint8_t>(reader.IntegerOf("numerology", {0, 1, 2, 3}));
    const double frequency_ghz =
        reader.Number("frequency_ghz", {.low = FR1_LOW_GHZ, .high = FR2_HIGH_GHZ});
    carrier.frequency_hz = frequency_ghz * 1e9;
    carrier.txPower_dbm = reader.Number("tx_power_dbm", {.low = -30, .high = 60});
    carrier.noiseFigureUe_db = reader.Number("noise_figure_ue_db", {.low = 0, .high = 30});
    carrier.controlSymbols = static_cast<uint8_t>(reader.Integer("control_symbols", 0, 3));
    carrier.dataSymbols = static_cast<uint8_t>(reader.Integer("data_symbols", 1, 14));
    carrier.specialSymbols = static_cast<uint8_t>(reader.Integer("special_symbols", 0, 14));
    carrier.dmrsResPerPrb = reader.Integer("dmrs_res_per_prb", 0, 48);
    carrier.overheadPerPrb = reader.IntegerOf("overhead_res_per_prb", {0, 6, 12, 18});
    carrier.linkTable = static_cast<nr::LinkTable>(reader.IntegerOf("mcs_table", {1, 2, 3}));
    carrier.errorTable_db = ReadErrorTable_db(reader, carrier.linkTable);
    carrier.slotPattern = ReadSlotPattern(reader);
    const auto rbgSize_prb = reader.OptionalInteger("rbg_size_prb", 1, 275);
    carrier.bandwidth_prb = ReadBandwidth_prb(reader, carrier.numerology, frequency_ghz);
    if (carrier.bandwidth_prb > 0)
    {
        carrier.rbgSize_prb = rbgSize_prb.value_or(nr::RbgSize_prb(carrier.bandwidth_prb, 1));
    }
    CheckSymbols(carrier, reader);
    RefuseLteKeys(reader, {"bandwidth_prb", "dl_earfcn"});
    reader.Close();
    return carrier;
}

nr::HarqConfig ReadHarq(JsonReader reader)
{
    nr::HarqConfig harq{
        .processes = static_cast<uint8_t>(reader.Integer("processes", 1, 32)),
        .transmissions = static_cast<uint8_t>(reader.Integer("transmissions", 1, 8)),
        .n0_slots = static_cast<uint8_t>(reader.Integer("n0_slots", 0, 16)),
        .k1_slots = static_cast<uint8_t>(reader.Integer("k1_slots", 1, 16)),
        .n2_slots = static_cast<uint8_t>(reader.Integer("n2_slots", 0, 16)),
        .decode_us = reader.Number("decode_us", {.low = 0, .high = 1000}),
    };
    reader.Close();
    return harq;
}

nr::CsiConfig ReadCsi(JsonReader reader)
{
    nr::CsiConfig csi{
        .period_slots = reader.Integer("period_slots", 1, 640),
        .delay_slots = reader.Integer("delay_slots", 0, 640),
        .outerLoopStep_db = reader.Number("outer_loop_step_db", {.low = 0, .high = 6}),
    };
    reader.Close();
    return csi;
}

/// Keys of the models of TR 38.901 alone.
void ReadChannelCondition(JsonReader& reader, nr::PropagationConfig& propagation)
{
    using enum nr::LineOfSight;
    if (propagation.model == nr::PropagationModel::ConstantLoss ||
        propagation.model == nr::PropagationModel::ConstantSinr)
    {
        reader.Unused("line_of_sight", "models uma, umi, rma, inh");
        reader.Unused("shadowing", "models uma, umi, rma, inh");
        return;
    }
    propagation.lineOfSight =
        reader.Choice<nr::LineOfSight>("line_of_sight",
                                       {{"random", Random}, {"always", Always}, {"never", Never}});
    propagation.shadowing = reader.Boolean("shadowing");
}

void ReadFading(JsonReader& reader, nr::PropagationConfig& propagation)
{
    using enum nr::TdlModel;
    using Fading = std::optional<nr::TdlModel>;
    propagation.fading = reader.Choice<Fading>("fading",
                                               {{"tdl-a", A},
                                                {"tdl-b", B},
                                                {"tdl-c", C},
                                                {"tdl-d", D},
                                                {"tdl-e", E},
                                                {"none", std::nullopt}});
    if (propagation.fading)
    {
        propagation.delaySpread_ns =
            reader.Number("delay_spread_ns", {.low = 0, .high = 10'000, .lowOpen = true});
    }
    else
    {
        reader.Unused("delay_spread_ns", "a fading other than none");
    }
    if (reader.Sound() && propagation.model == nr::PropagationModel::ConstantSinr &&
        propagation.fading)
    {
        reader.Refuse("fading", "is not none with model constant-sinr", "none");
    }
}

nr::PropagationConfig ReadPropagation(JsonReader reader)
{
    using enum nr::PropagationModel;
    nr::PropagationConfig propagation;
    propagation.model = reader.Model<nr::PropagationModel>({{"uma", Uma},
                                                            {"umi", Umi},
                                                            {"rma", Rma},
                                                            {"inh", Inh},
                                                            {"constant-loss", ConstantLoss},
                                                            {"constant-sinr", ConstantSinr}});
    ReadChannelCondition(reader, propagation);
    ReadFading(reader, propagation);
    if (propagation.model == ConstantLoss)
    {
        propagation.loss_db = reader.Number("loss_db", {.low = 0, .high = 300});
    }
    else
    {
        reader.Unused("loss_db", "model constant-loss");
    }
    if (propagation.model == ConstantSinr)
    {
        propagation.sinr_db = reader.Number("sinr_db", {.low = -20, .high = 60});
    }
    else
    {
        reader.Unused("sinr_db", "model constant-sinr");
    }
    RefuseLteKeys(reader, {"exponent", "reference_loss_db"});
    reader.Close();
    return propagation;
}

/// One-way delay of the core, nothing without one.
std::optional<double> ReadCoreDelay_ms(JsonReader& document)
{
    const bool epcLike = document.Choice<bool>("core", {{"none", false}, {"epc-like", true}});
    if (epcLike)
    {
        return document.Number("core_delay_ms", {.low = 0, .high = 1000});
    }
    document.Unused("core_delay_ms", "core epc-like");
    return std::nullopt;
}

} // namespace

NrRadio ReadNrRadio(JsonReader& document)
{
    const auto coreDelay_ms = ReadCoreDelay_ms(document);
    NrRadio radio{.carrier = ReadCarrier(document.Object("carrier")),
                  .propagation = ReadPropagation(document.Object("propagation")),
                  .harq = ReadHarq(document.Object("harq")),
                  .csi = ReadCsi(document.Object("csi")),
                  .coreDelay_ms = coreDelay_ms};
    if (radio.propagation.model == nr::PropagationModel::Rma &&
        radio.carrier.frequency_hz > RMA_HIGH_HZ)
    {
        document.Refuse("propagation.model", "is rma above 30 GHz", "uma, umi, inh");
    }
    return radio;
}

} // namespace slicebridge
