// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/watched-controller.h"

#include <utility>

namespace slicebridge
{

WatchedController::WatchedController(std::unique_ptr<Controller> decides,
                                     std::unique_ptr<Controller> watches)
    : m_decides(std::move(decides)),
      m_watches(std::move(watches))
{
}

ControlLevels WatchedController::Levels() const
{
    return m_watches->Levels();
}

bool WatchedController::Decide(const Observation& observation, Control& control)
{
    Control answer = control;
    if (!m_watches->Decide(observation, answer))
    {
        return false;
    }
    return !observation.highDecision || m_decides->Decide(observation, control);
}

} // namespace slicebridge
