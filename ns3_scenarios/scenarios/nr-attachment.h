// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_NR_ATTACHMENT_H
#define SLICEBRIDGE_SCENARIOS_NR_ATTACHMENT_H

#include "scenarios/ran-attachment.h"

#include <functional>
#include <memory>

namespace slicebridge
{

/// The NR network of a scenario, its cells fed straight or through an IP core; as MakeRan.
std::unique_ptr<RanAttachment> MakeNrRan(const Scenario& scenario,
                                         const std::function<void()>& setUserDefaults);

} // namespace slicebridge

#endif
