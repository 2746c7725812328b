// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/lte-attachment.h"
#include "scenarios/nr-attachment.h"
#include "scenarios/ran-attachment.h"

#include <map>

namespace slicebridge
{

std::unique_ptr<RanAttachment> MakeRan(const Scenario& scenario,
                                       const std::function<void()>& setUserDefaults)
{
    using Maker = std::unique_ptr<RanAttachment> (*)(const Scenario&, const std::function<void()>&);
    // One line per radio access technology.
    static const std::map<RanKind, Maker> makers{
        {RanKind::Lte, &MakeLteRan},
        {RanKind::Nr, &MakeNrRan},
    };
    return makers.at(scenario.ran)(scenario, setUserDefaults);
}

} // namespace slicebridge
