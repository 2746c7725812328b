// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_INTERRUPT_H
#define SLICEBRIDGE_SCENARIOS_INTERRUPT_H

namespace slicebridge
{

/// From now on SIGINT and SIGTERM do not end the process but are told by `SignalReceived()`. A
/// second signal of the same kind has its usual effect.
void CatchSignals();

/**
 * `CatchSignals()`, and from now on they stop the simulation within a millisecond of simulated
 * time, so that it can leave its records whole.
 */
void StopSimulationOnSignals();

/// The signal that came, 0 if none did.
int SignalReceived();

} // namespace slicebridge

#endif
