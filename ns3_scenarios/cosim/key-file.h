// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_KEY_FILE_H
#define SLICEBRIDGE_COSIM_KEY_FILE_H

#include <string>

namespace slicebridge
{

/// What a simulation needs to prove itself and to know its learner (ZeroMQ CURVE), in Z85.
struct SimulationKey
{
    std::string publicKey;
    std::string secretKey;
    std::string learnerKey; ///< public key of the learner
};

/**
 * Read `simulation.key`, as `slicebridge keys` writes it.
 * @throws std::invalid_argument if it cannot be read, is no such key, or others than its owner may
 * read it
 */
SimulationKey ReadSimulationKey(const std::string& path);

} // namespace slicebridge

#endif
