"""What the demo's catalogs have from the data: segments, offer families, campaigns."""

import re
from collections import Counter

from repit_server.history.demo_year import POST, DemoYear


def segment_list(year: DemoYear) -> str:
    """Write the income bands as a YAML list, lowest first."""
    return f"[{', '.join(map(_quoted, sorted(set(year.segments.values()), key=_begins_at)))}]"


def campaign_sections(year: DemoYear) -> str:
    """Write `offer_families` and `campaigns` as YAML, as every catalog under docs/demo ends.

    Campaigns stand in order of their first day, each with its days and its mailings in a comment.
    """
    families = sorted({campaign.offer_family for campaign in year.campaigns})
    mailings = Counter(mailing.campaign_id for mailing in year.mailings)
    lines = [f"offer_families: {{{', '.join(f'{_quoted(family)}: {{}}' for family in families)}}}", "campaigns:"]
    for campaign in sorted(year.campaigns, key=lambda campaign: (campaign.start, int(campaign.campaign_id))):
        fields = f"kind: marketing, priority: 50, channels: [{POST}], offer_family: {_quoted(campaign.offer_family)}"
        comment = f"{campaign.start} to {campaign.end}, {mailings[campaign.campaign_id]:,} mailings"
        lines.append(f"  {_quoted(campaign.campaign_id)}: {{{fields}}}  # {comment}")
    return "\n".join(lines) + "\n"


def _begins_at(band: str) -> tuple[int, str]:
    """Order income bands (`Under 15K`, `15-24K` … `250K+`) by the income they begin at."""
    number = re.search(r"\d+", band)
    return (0 if band.startswith("Under") or number is None else int(number[0]), band)


def _quoted(name: str) -> str:
    """Quote a name, so that YAML takes `18` for text; no name holds a quote or a backslash."""
    return f'"{name}"'
