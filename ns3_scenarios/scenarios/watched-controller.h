// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_WATCHED_CONTROLLER_H
#define SLICEBRIDGE_SCENARIOS_WATCHED_CONTROLLER_H

#include "slicing/controller.h"

#include <memory>

namespace slicebridge
{

/**
 * A built-in controller decides, and a learner sees all that it sees.
 *
 * The learner is sent every observation and answers as always, since its answers are what paces the
 * simulation, but they are not used. With levels `both` it also sees the epochs between the
 * decisions of the built-in controller, in which nothing changes.
 */
class WatchedController : public Controller
{
  public:
    /**
     * @param decides a controller of ControlLevels::High
     * @param watches who is shown the observations
     */
    WatchedController(std::unique_ptr<Controller> decides, std::unique_ptr<Controller> watches);

    ControlLevels Levels() const override;
    bool Decide(const Observation& observation, Control& control) override;

  private:
    std::unique_ptr<Controller> m_decides;
    std::unique_ptr<Controller> m_watches;
};

} // namespace slicebridge

#endif
