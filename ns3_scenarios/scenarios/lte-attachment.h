// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_LTE_ATTACHMENT_H
#define SLICEBRIDGE_SCENARIOS_LTE_ATTACHMENT_H

#include "scenarios/ran-attachment.h"

#include <functional>
#include <memory>

namespace slicebridge
{

/// The LTE network of a scenario, its UEs reached by UDP from the remote host; as MakeRan.
std::unique_ptr<RanAttachment> MakeLteRan(const Scenario& scenario,
                                          const std::function<void()>& setUserDefaults);

} // namespace slicebridge

#endif
