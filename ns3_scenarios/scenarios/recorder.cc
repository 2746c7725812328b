// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/recorder.h"

#include "slicing/kpm-table.h"

#include "ns3/simulator.h"

namespace slicebridge
{

namespace
{

constexpr std::string_view I4 = "<i4";
constexpr std::string_view I8 = "<i8";
constexpr std::string_view F4 = "<f4";
constexpr std::string_view F8 = "<f8";

/// Codes of `delay_upper_ns` for packets without a delay.
constexpr int64_t NOT_ARRIVED = -1;
constexpr int64_t ON_THEIR_WAY = -2;

template <typename Table>
std::vector<RecordColumn> WithKpms(std::vector<RecordColumn> columns, const Table& table)
{
    for (const auto& kpm : table)
    {
        columns.push_back({std::string(kpm.name), F8});
    }
    return columns;
}

std::vector<RecordColumn> ControlColumns()
{
    std::vector<RecordColumn> columns{{"time_ns", I8}, {"cell", I4}, {"slice", I4}};
    for (const std::string when : {"requested", "projected", "achieved"})
    {
        for (const char* what : {"dedicated", "min", "max", "compute", "power"})
        {
            columns.push_back({when + "_" + what, F4});
        }
    }
    return columns;
}

std::vector<RecordColumn> PacketColumns(PacketRecording recording)
{
    if (recording == PacketRecording::All)
    {
        return {{"sent_ns", I8},
                {"delay_ns", I8},
                {"ue", I4},
                {"slice", I4},
                {"cell", I4},
                {"bytes", I4},
                {"fate", I4}};
    }
    return {{"slice", I4}, {"pad", I4}, {"delay_upper_ns", I8}, {"count", I8}};
}

std::filesystem::path Made(const std::filesystem::path& directory)
{
    std::filesystem::create_directories(directory);
    return directory;
}

} // namespace

Recorder::Recorder(const std::filesystem::path& directory,
                   const Scenario& scenario,
                   PacketLedger& ledger)
    : m_ledger(ledger),
      m_slices(scenario.slices.size()),
      m_packetRecording(scenario.recording.packets),
      m_sliceFile(Made(directory) / "slices.raw",
                  WithKpms({{"time_ns", I8}, {"cell", I4}, {"slice", I4}}, SliceKpmTable())),
      m_controlFile(directory / "controls.raw", ControlColumns())
{
    if (scenario.recording.ues)
    {
        m_ueFile.emplace(directory / "ues.raw",
                         WithKpms({{"time_ns", I8}, {"ue", I4}, {"cell", I4}}, UeKpmTable()));
    }
    if (m_packetRecording != PacketRecording::None)
    {
        m_packetFile.emplace(directory / "packets.raw", PacketColumns(m_packetRecording));
    }
    if (m_packetRecording == PacketRecording::All)
    {
        m_ledger.SetRecordSink([this](const PacketRecord& packet) { WritePacket(packet); });
    }
}

void Recorder::StartMeasurement()
{
    m_start_ns = ns3::Simulator::Now().GetNanoSeconds();
}

void Recorder::ContinueIn(const std::filesystem::path& directory)
{
    Made(directory);
    m_sliceFile.ContinueIn(directory / "slices.raw");
    m_controlFile.ContinueIn(directory / "controls.raw");
    if (m_ueFile)
    {
        m_ueFile->ContinueIn(directory / "ues.raw");
    }
    if (m_packetFile)
    {
        m_packetFile->ContinueIn(directory / "packets.raw");
    }
}

void Recorder::Mute()
{
    m_mute = true;
    m_ledger.SetRecordSink([](const PacketRecord&) {});
}

void Recorder::OnEpoch(const Observation& observation, const Control&)
{
    if (m_mute)
    {
        return;
    }
    WriteSlices(observation);
    WriteControls(observation);
    if (m_ueFile)
    {
        WriteUes(observation);
    }
    if (m_packetFile)
    {
        m_packetFile->Flush();
    }
}

void Recorder::WriteSlices(const Observation& observation)
{
    const std::size_t kpms = SliceKpmTable().size();
    const std::size_t rows = observation.sliceHigh.size() / kpms;
    for (std::size_t row = 0; row < rows; ++row)
    {
        m_sliceFile.Append(observation.time_ns,
                           static_cast<int32_t>(row / m_slices),
                           static_cast<int32_t>(row % m_slices));
        for (std::size_t kpm = 0; kpm < kpms; ++kpm)
        {
            m_sliceFile.Append(double(observation.sliceHigh[row * kpms + kpm]));
        }
    }
    m_sliceFile.Flush();
}

void Recorder::WriteControls(const Observation& observation)
{
    const auto& report = observation.report;
    for (std::size_t row = 0; row < report.achieved.size(); ++row)
    {
        m_controlFile.Append(observation.time_ns,
                             static_cast<int32_t>(row / m_slices),
                             static_cast<int32_t>(row % m_slices));
        for (const auto* controls : {&report.requested, &report.projected, &report.achieved})
        {
            const SliceControl& control = (*controls)[row];
            m_controlFile.Append(control.prb.dedicated,
                                 control.prb.min,
                                 control.prb.max,
                                 control.computeShare,
                                 control.powerShare);
        }
    }
    m_controlFile.Flush();
}

void Recorder::WriteUes(const Observation& observation)
{
    const std::size_t kpms = UeKpmTable().size();
    for (std::size_t ue = 0; ue < observation.ueCell.size(); ++ue)
    {
        m_ueFile->Append(observation.time_ns, static_cast<int32_t>(ue), observation.ueCell[ue]);
        for (std::size_t kpm = 0; kpm < kpms; ++kpm)
        {
            m_ueFile->Append(double(observation.ue[ue * kpms + kpm]));
        }
    }
    m_ueFile->Flush();
}

void Recorder::WritePacket(const PacketRecord& packet)
{
    m_packetFile->Append(packet.sent_ns - m_start_ns,
                         packet.delay_ns,
                         static_cast<int32_t>(packet.ue),
                         static_cast<int32_t>(packet.slice),
                         packet.cell,
                         static_cast<int32_t>(packet.bytes),
                         static_cast<int32_t>(packet.fate));
}

void Recorder::WriteDelays()
{
    for (std::size_t slice = 0; slice < m_slices; ++slice)
    {
        const auto write = [this, slice](int64_t delayUpper_ns, uint64_t count)
        {
            m_packetFile->Append(static_cast<int32_t>(slice),
                                 int32_t{0},
                                 delayUpper_ns,
                                 static_cast<int64_t>(count));
        };
        for (std::size_t bin = 0; bin < DelayHistogram::BINS; ++bin)
        {
            write(DelayHistogram::UpperEdge_ns(bin), m_ledger.Delays(slice).Count(bin));
        }
        const PacketTotals& totals = m_ledger.Measured(slice);
        write(NOT_ARRIVED, totals.droppedQueue + totals.lostAir);
        write(ON_THEIR_WAY, totals.OnTheirWay());
    }
}

void Recorder::Finish()
{
    m_ledger.Close();
    if (m_mute)
    {
        return;
    }
    if (m_packetRecording == PacketRecording::Summary)
    {
        WriteDelays();
    }
    if (m_packetFile)
    {
        m_packetFile->Flush();
    }
}

} // namespace slicebridge
