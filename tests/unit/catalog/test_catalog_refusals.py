"""Everything that a catalog document is refused for: where, what is wrong, what would be right."""

import pytest

from repit_server.catalog import CatalogError, Severity, compile_catalog
from tests.unit.catalog.linted import lint, lint_more, with_campaign, with_cap, with_rule

NAME_REMEDY = "use 1 to 64 letters, digits, spaces and `- _ . + / : $ &`"
BAD_NAME = "the name is longer than 64 characters or has others than allowed"
DATE_REMEDY = "write a day from 2000-01-01 to 2200-01-01, as in `2026-03-01`"
LEAVE_OUT = "leave it out until it is served"

REFUSALS = {
    # keys
    "an unknown key with a near one": (
        with_cap("limit: 1, ▶windw: {sliding: 1d}, window: {sliding: 1d}"),
        "policies[0].rules[0].frequency_cap.windw",
        "the key `windw` is not known here",
        "write `window`",
    ),
    "an unknown key with none near": (
        "▶xyz: 1\n",
        "xyz",
        "the key `xyz` is not known here",
        (
            "known here: `repit`, `zone`, `horizon`, `channels`, `currency`, `segments`, `fatigue`, `offer_families`, "
            "`business_units`, `campaigns`, `policies`, `on_store_failure`"
        ),
    ),
    "an unknown key where none is known": (
        "business_units:\n  leisure:\n    ▶boss: me\n",
        "business_units.leisure.boss",
        "the key `boss` is not known here",
        "leave it out",
    ),
    "an unknown rule kind": (
        with_rule("▶frequncy_cap: {limit: 1, window: {sliding: 1d}}"),
        "policies[0].rules[0].frequncy_cap",
        "the key `frequncy_cap` is not known here",
        "write `frequency_cap`",
    ),
    "a merge key": (
        "campaigns:\n  a: &a {priority: 1, channels: [email]}\n  b: {priority: 2, channels: [sms], ▶<<: *a}\n",
        'campaigns.b["<<"]',
        "merge keys are not served",
        "write the keys out",
    ),
    "a key that stands twice": (
        "segments: []\nhorizon: 30d\n▶horizon: 40d\n",
        "horizon",
        "the key `horizon` stands twice, first on line 5",
        "keep one of the two",
    ),
    "a missing key": (
        "campaigns:\n  ▶spring:\n    channels: [email]\n",
        "campaigns.spring.priority",
        "the key `priority` is missing",
        "write `priority: …`",
    ),
    "a missing key of an entry": (
        "policies:\n  - ▶rules: []\n",
        "policies[0].name",
        "the key `name` is missing",
        "write `name: …`",
    ),
    "an empty value": (
        "campaigns:▶\n",
        "campaigns",
        "the value is empty",
        "leave the key out, or write `{}` for nothing but defaults",
    ),
    "a null": (with_campaign("value: ▶null"), "campaigns.spring.value", "the value is empty", None),
    "an empty entry": ("segments: [▶null]\n", "segments[0]", "the value is empty", "leave the entry out"),
    # names
    "two policies of one name": (
        "policies:\n  - {name: p, rules: []}\n  - {name: ▶p, rules: []}\n",
        "policies[1].name",
        "the policy `p` stands twice, first on line 5",
        "rename one of the two",
    ),
    "two rules of one name": (
        (
            "policies:\n  - name: p\n    rules:\n      - {name: r, respite: {after: [purchased], for: 1d}}\n"
            "      - {name: ▶r, respite: {after: [refused], for: 1d}}\n"
        ),
        "policies[0].rules[1].name",
        "the rule `r` stands twice, first on line 7",
        "rename one of the two",
    ),
    "two segments of one name": (
        "segments: [a, ▶a]\n",
        "segments[1]",
        "the segment `a` stands twice, first on line 4",
        "rename one of the two",
    ),
    "a name with another character": (
        "offer_families:\n  ▶week#ends: {}\n",
        'offer_families["week#ends"]',
        BAD_NAME,
        NAME_REMEDY,
    ),
    "a name that is too long": (f"segments: [▶{'x' * 65}]\n", "segments[0]", BAD_NAME, NAME_REMEDY),
    "a name that is empty": ('segments: [▶""]\n', "segments[0]", "the name is empty", NAME_REMEDY),
    "a name with a line break": ('segments: [▶"a\\n"]\n', "segments[0]", BAD_NAME, NAME_REMEDY),
    "a number for a name": (
        "policies:\n  - {name: ▶2026, rules: []}\n",
        "policies[0].name",
        "`2026` is not text",
        "write it in quotes",
    ),
    # references
    "an unknown channel of a campaign": (
        "campaigns:\n  spring: {priority: 40, channels: [email, ▶emial]}\n",
        "campaigns.spring.channels[1]",
        "`emial` is not in `channels`",
        "write `email`",
    ),
    "an unknown channel with none near": (
        "campaigns:\n  spring: {priority: 40, channels: [▶fax]}\n",
        "campaigns.spring.channels[0]",
        "`fax` is not in `channels`",
        "name one of `channels`, or add it there",
    ),
    "an unknown offer family": (
        "offer_families: {weekends: {}}\n" + with_campaign("offer_family: ▶weekend"),
        "campaigns.spring.offer_family",
        "`weekend` is not in `offer_families`",
        "write `weekends`",
    ),
    "an unknown fallback": (
        "offer_families: {weekends: {fallback: ▶long-stays}}\n",
        "offer_families.weekends.fallback",
        "`long-stays` is not in `offer_families`",
        "name one of `offer_families`, or add it there",
    ),
    "an unknown business unit": (
        "business_units: {leisure: {}}\n" + with_campaign("business_unit: ▶Leisure"),
        "campaigns.spring.business_unit",
        "`Leisure` is not in `business_units`",
        "write `leisure`",
    ),
    "an unknown segment": (
        "segments: [loyal]\n" + with_campaign("eligible: {segments: [loyal], not: {segments: [▶royal]}}"),
        "campaigns.spring.eligible.not.segments[0]",
        "`royal` is not in `segments`",
        "write `loyal`",
    ),
    "an unknown campaign": (
        with_campaign("value: 1") + "policies:\n  - {name: p, applies_to: {campaigns: [▶sprnig]}, rules: []}\n",
        "policies[0].applies_to.campaigns[0]",
        "`sprnig` is not in `campaigns`",
        "write `spring`",
    ),
    "an unknown zone of a window": (
        with_cap("limit: 1, window: {calendar: day, zone: ▶Europe/Pariss}"),
        "policies[0].rules[0].frequency_cap.window.zone",
        "the time zone `Europe/Pariss` does not exist",
        "write `Europe/Paris`",
    ),
    "a misspelt customer zone": (
        with_cap("limit: 1, window: {calendar: day, zone: ▶costumer}"),
        "policies[0].rules[0].frequency_cap.window.zone",
        "the time zone `costumer` does not exist",
        "write `customer`",
    ),
    # campaigns and channels
    "a priority over 100": (
        "campaigns:\n  spring: {priority: ▶101, channels: [email]}\n",
        "campaigns.spring.priority",
        "`101` is too large",
        "write at most 100",
    ),
    "a campaign without channels": (
        "campaigns:\n  spring: {priority: 1, channels: ▶[]}\n",
        "campaigns.spring.channels",
        "`[]` is empty",
        "write at least one, or leave the key out where it may be left out",
    ),
    "an unknown kind": (
        with_campaign("kind: ▶marketting"),
        "campaigns.spring.kind",
        "`marketting` is not known here",
        "write `marketing`",
    ),
    "a campaign over before it begins": (
        with_campaign("active: ▶{from: 2026-05-31, until: 2026-03-01}"),
        "campaigns.spring.active",
        "`from` 2026-05-31 is not before `until` 2026-03-01: the campaign is never active",
        "`until` is the first day on which it no longer runs: write a later one",
    ),
    "a day that does not exist": (
        with_campaign("active: {from: ▶2026-02-30}"),
        "campaigns.spring.active.from",
        "`2026-02-30` is not a date",
        DATE_REMEDY,
    ),
    "a day before 2000": (
        with_campaign("active: {until: ▶1999-12-31}"),
        "campaigns.spring.active.until",
        "`1999-12-31` is not a date",
        DATE_REMEDY,
    ),
    "a value below 0": (
        with_campaign("value: ▶-0.5"),
        "campaigns.spring.value",
        "`-0.5` is too small",
        "write at least 0",
    ),
    "a value that is infinite": (
        with_campaign("value: ▶.inf"),
        "campaigns.spring.value",
        "`inf` is not a finite number",
        "write a number",
    ),
    "a value in seven decimals": (
        with_campaign("value: ▶0.0000001"),
        "campaigns.spring.value",
        "`1e-07` has more than six decimals",
        "round it to six decimals",
    ),
    "a value beyond counting": (
        with_campaign("value: ▶2000000000"),
        "campaigns.spring.value",
        "`2000000000` is too large",
        "write at most 1000000000",
    ),
    "a pressure in quotes": (
        with_campaign('pressure: ▶"3"'),
        "campaigns.spring.pressure",
        "`3` is not a number",
        "write a number without quotes",
    ),
    "segments that are one text": (
        "segments: ▶{loyal: [a]}\n".replace("▶{loyal: [a]}", "{loyal: ▶[a]}"),
        "segments.loyal",
        "`[…]` is not a mapping",
        "write keys with values, or `{}` for nothing but defaults",
    ),
    "segments that are a number": (
        "segments: ▶3\n",
        "segments",
        "this is not a list of names",
        "write `[loyal, prospect]`",
    ),
    # what is not served yet
    "a rule of hours": (with_rule("▶hours: {}"), "policies[0].rules[0].hours", "`hours` is not served yet", LEAVE_OUT),
    "a grant while the store is away": (
        "on_store_failure: {legal: ▶grant_and_log}\n",
        "on_store_failure.legal",
        "`grant_and_log` is not served yet",
        "write `deny`, or leave the key out: nothing is granted while the store is away",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_document_is_refused_at_the_place_that_is_wrong(what: str) -> None:
    text, path, problem, remedy = REFUSALS[what]
    finding = lint_more(text).only()
    assert finding.severity is Severity.ERROR
    assert (finding.path, finding.problem) == (path, problem)
    assert remedy is None or finding.remedy == remedy


HEADS = {
    "an unknown format": ("repit: ▶2\nzone: UTC\nchannels: {email: {}}\n", "repit", "`2` is not known here"),
    "no format": ("▶zone: UTC\nchannels: {email: {}}\n", "repit", "the key `repit` is missing"),
    "no zone": ("▶repit: 1\nchannels: {email: {}}\n", "zone", "the key `zone` is missing"),
    "no channels": ("▶repit: 1\nzone: UTC\n", "channels", "the key `channels` is missing"),
    "channels without any": ("repit: 1\nzone: UTC\nchannels: ▶{}\n", "channels", "`{}` is empty"),
    "an unknown zone": (
        "repit: 1\nzone: ▶Paris\nchannels: {email: {}}\n",
        "zone",
        "the time zone `Paris` does not exist",
    ),
    "the zone of the customer as the brand's": (
        "repit: 1\nzone: ▶customer\nchannels: {email: {}}\n",
        "zone",
        "the time zone `customer` does not exist",
    ),
    "hours of a channel": (
        "repit: 1\nzone: UTC\nchannels: {sms: {▶hours: {}}}\n",
        "channels.sms.hours",
        "`hours` is not served yet",
    ),
    "a capacity of a channel that is none": (
        "repit: 1\nzone: UTC\nchannels: {sms: {capacity: ▶150}}\n",
        "channels.sms.capacity",
        "this is not a capacity",
    ),
    "a capacity of a channel without a window": (
        "repit: 1\nzone: UTC\nchannels: {sms: {▶capacity: {limit: 150}}}\n",
        "channels.sms.capacity.window",
        "the key `window` is missing",
    ),
    "a currency that is none": (
        "repit: 1\nzone: UTC\ncurrency: ▶euro\nchannels: {sms: {}}\n",
        "currency",
        "`euro` is not a currency",
    ),
    "a reservation longer than the horizon": (
        "repit: 1\nzone: UTC\nhorizon: 1d\nchannels: {sms: {reservation: {expires_after: ▶25h}}}\n",
        "channels.sms.reservation.expires_after",
        "`25h` is longer than the horizon of 1d",
    ),
    "an unknown fate of reservations": (
        "repit: 1\nzone: UTC\nchannels: {sms: {reservation: {unconfirmed: ▶release}}}\n",
        "channels.sms.reservation.unconfirmed",
        "`release` is not known here",
    ),
}


@pytest.mark.parametrize("what", HEADS)
def test_a_document_is_refused_for_what_it_begins_with(what: str) -> None:
    text, path, problem = HEADS[what]
    finding = lint(text).only()
    assert (finding.path, finding.problem) == (path, problem)
    assert finding.remedy


def test_all_that_is_wrong_is_found_at_once_in_the_order_of_the_document() -> None:
    findings = lint_more(
        "zon: 1\nsegments: [a, a]\n" + with_campaign("valu: 3, kind: x") + with_cap("limit: 1")
    ).findings
    assert [finding.path for finding in findings] == [
        "zon",
        "segments[1]",
        "campaigns.spring.valu",
        "campaigns.spring.kind",
        "policies[0].rules[0].frequency_cap.window",
    ]


def test_no_more_than_a_thousand_findings_are_given() -> None:
    channels = ", ".join(f"x{number}" for number in range(1_500))
    findings = lint_more(f"campaigns:\n  spring: {{priority: 40, channels: [{channels}]}}\n").findings
    assert len(findings) == 1_000


def test_a_finding_says_itself_in_one_line() -> None:
    (finding,) = lint_more("segments: [a, a]\n").findings
    said = "line 4, column 15: error: segments[1]: the segment `a` stands twice, first on line 4; rename one of the two"
    assert str(finding) == said


def test_a_document_with_more_channels_than_the_engine_takes_is_refused() -> None:
    channels = "".join(f"  c{number}: {{}}\n" for number in range(257))
    with pytest.raises(CatalogError) as refused:
        compile_catalog(f"repit: 1\nzone: UTC\nchannels:\n{channels}")
    assert [(finding.path, finding.problem) for finding in refused.value.findings] == [
        ("channels", "`{…}` has too many entries")
    ]
