# SPDX-License-Identifier: MIT
"""Which campaign the notebooks show."""

from __future__ import annotations

import os
from pathlib import Path

from results.load import CampaignResults, ResultsError, load_campaign_results

VARIABLE = "SLICEBRIDGE_CAMPAIGN"
"""Environment variable with the directory of a campaign's results."""

CAMPAIGNS = Path(__file__).resolve().parents[1] / "results/campaigns"
"""Where `make campaign` leaves them."""


def chosen_campaign() -> CampaignResults:
    """Results of the campaign in SLICEBRIDGE_CAMPAIGN, by default the one that was last written to.

    Raises ResultsError if there is none.
    """
    if named := os.environ.get(VARIABLE):
        return load_campaign_results(Path(named))
    found = sorted(CAMPAIGNS.glob("*/campaign.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise ResultsError(f"{CAMPAIGNS}: no campaign has been run yet; `make campaign CAMPAIGN=smoke` takes minutes")
    return load_campaign_results(found[-1].parent)
