// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/interrupt.h"

#include "ns3/nstime.h"
#include "ns3/simulator.h"

#include <csignal>

namespace slicebridge
{

namespace
{

volatile std::sig_atomic_t g_signal = 0;
bool g_caught = false;

/// A handler may do no more than this: the simulator is not safe to call from here.
void OnSignal(int signal)
{
    g_signal = signal;
}

/// Of simulated time: less than a second of the largest networks' time, and nothing beside the
/// thousands of events of a simulated second.
const ns3::Time LOOK_PERIOD = ns3::MilliSeconds(10);

void LookForSignal()
{
    if (g_signal != 0)
    {
        ns3::Simulator::Stop();
        return;
    }
    ns3::Simulator::Schedule(LOOK_PERIOD, &LookForSignal);
}

} // namespace

void CatchSignals()
{
    if (g_caught)
    {
        return; // a second signal shall have its usual effect
    }
    g_caught = true;
    struct sigaction action{};
    action.sa_handler = &OnSignal;
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

void StopSimulationOnSignals()
{
    CatchSignals();
    LookForSignal();
}

int SignalReceived()
{
    return g_signal;
}

} // namespace slicebridge
