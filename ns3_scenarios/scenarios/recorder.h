// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_RECORDER_H
#define SLICEBRIDGE_SCENARIOS_RECORDER_H

#include "scenarios/record-file.h"
#include "scenarios/scenario.h"
#include "slicing/epoch-loop.h"
#include "traffic/packet-ledger.h"

#include "ns3/nstime.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace slicebridge
{

/**
 * Writes what happened to a directory (docs/records.md): a row of slices.raw and controls.raw per
 * high-level period, cell and slice, packets as the scenario asks for, rows per UE if it does.
 */
class Recorder : public EpochObserver
{
  public:
    /**
     * @param directory made if it does not exist
     * @param scenario whose `recording` says what is written
     * @param ledger outlives the recorder, which takes its record sink if every packet is recorded
     * @throws std::system_error if a file cannot be made
     */
    Recorder(const std::filesystem::path& directory,
             const Scenario& scenario,
             PacketLedger& ledger);

    /// Packet times count from now on.
    void StartMeasurement();

    void OnEpoch(const Observation& observation, const Control& inForce) override;

    /// In a fork of the process: go on with copies of the files in another directory.
    /// @throws std::system_error
    void ContinueIn(const std::filesystem::path& directory);

    /// In a fork of the process: write nothing more.
    void Mute();

    /// Writes what is known at the end only. @throws std::system_error if a disk is full, say
    void Finish();

  private:
    void WriteSlices(const Observation& observation);
    void WriteControls(const Observation& observation);
    void WriteUes(const Observation& observation);
    void WritePacket(const PacketRecord& packet);
    void WriteDelays();

    PacketLedger& m_ledger;
    std::size_t m_slices;
    PacketRecording m_packetRecording;
    RecordFile m_sliceFile;
    RecordFile m_controlFile;
    std::optional<RecordFile> m_ueFile;
    std::optional<RecordFile> m_packetFile;
    int64_t m_start_ns{};
    bool m_mute{false};
};

} // namespace slicebridge

#endif
