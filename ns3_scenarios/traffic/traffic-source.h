// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TRAFFIC_TRAFFIC_SOURCE_H
#define SLICEBRIDGE_TRAFFIC_TRAFFIC_SOURCE_H

#include "traffic/arrival-process.h"
#include "traffic/load.h"
#include "traffic/traffic-packet.h"

#include "ns3/application.h"
#include "ns3/event-id.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace slicebridge
{

/**
 * Sends one UE its traffic: an arrival process, its clock driven by a load, cut into packets.
 *
 * It knows no transport and no bookkeeping. A packet is announced to `admit`, which gives it its
 * identity or, while the UE cannot be reached yet, none; the arrival is then void. The random
 * course of arrivals is therefore the same whatever the network does.
 */
class TrafficSource : public ns3::Application
{
  public:
    /// Gives a packet of so many bytes, sent now, its identity; nothing if it cannot be sent.
    using Admission = std::function<std::optional<PacketId>(uint32_t bytes)>;

    struct Parts
    {
        std::unique_ptr<ArrivalProcess> arrivals;
        std::shared_ptr<Load> load;
        uint32_t packet_bytes{};  ///< UDP payload of a packet
        uint32_t arrival_bytes{}; ///< of an arrival; more than a packet for a file
        Admission admit;
        PacketOutlet outlet;
    };

    /// Rate at which the packets of a file leave the server, so that it does not arrive at one
    /// instant.
    static constexpr double FILE_RATE_BPS = 1e9;

    explicit TrafficSource(Parts parts);

    /// The load is about to change its course from now on: account for the time that has passed.
    void BeforeLoadChange();

    /// The load has changed: find the next arrival anew.
    void AfterLoadChange();

  private:
    void StartApplication() override;
    void StopApplication() override;
    void ScheduleArrival();
    void OnArrival();
    void OnLookAgain();
    void SendOfFile();
    void Send(uint32_t bytes);

    Parts m_parts;
    double m_reference_s{}; ///< simulated time up to which work has been accounted for
    double m_workLeft_s{};  ///< from there to the next arrival, in the load's work time
    ns3::EventId m_arrival;
    std::deque<uint32_t> m_files; ///< bytes left of each file that is being sent, oldest first
    ns3::EventId m_fileSending;
};

} // namespace slicebridge

#endif
