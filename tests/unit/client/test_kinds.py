"""The closed sets of the proto and their words are the same sets, in the same order."""

import pytest
from google.protobuf.descriptor import EnumDescriptor

from repit.kinds import (
    AlternativeKind,
    CampaignOrigin,
    ContactState,
    DenialReason,
    DifferenceEffect,
    DifferenceKind,
    EngagementKind,
    Kind,
    Severity,
    Verdict,
    Word,
)
from repit.v1 import campaign_pb2, catalog_pb2, customer_pb2, decision_pb2, denial_pb2, engagement_pb2, kind_pb2

SETS = [
    (Verdict, decision_pb2.Verdict.DESCRIPTOR),
    (AlternativeKind, decision_pb2.AlternativeKind.DESCRIPTOR),
    (DenialReason, denial_pb2.DenialReason.DESCRIPTOR),
    (Kind, kind_pb2.Kind.DESCRIPTOR),
    (EngagementKind, engagement_pb2.EngagementKind.DESCRIPTOR),
    (ContactState, customer_pb2.ContactState.DESCRIPTOR),
    (CampaignOrigin, campaign_pb2.CampaignOrigin.DESCRIPTOR),
    (Severity, catalog_pb2.Severity.DESCRIPTOR),
    (DifferenceKind, catalog_pb2.DifferenceKind.DESCRIPTOR),
    (DifferenceEffect, catalog_pb2.DifferenceEffect.DESCRIPTOR),
]


@pytest.mark.parametrize(("words", "proto"), SETS, ids=[words.__name__ for words, _ in SETS])
def test_each_number_of_the_proto_has_its_word(words: type[Word], proto: EnumDescriptor) -> None:
    prefix = proto.values[0].name.removesuffix("UNSPECIFIED")
    assert [value.number for value in proto.values] == list(range(len(words)))
    assert [value.name for value in proto.values] == [prefix + word.name for word in words]
    assert [words.of_number(value.number) for value in proto.values] == list(words)


@pytest.mark.parametrize("words", [words for words, _ in SETS], ids=lambda words: words.__name__)
def test_a_number_of_a_newer_server_is_not_specified(words: type[Word]) -> None:
    assert words.of_number(99).name == "UNSPECIFIED"
    assert words.of_number(-1).name == "UNSPECIFIED"


def test_words_are_spelt_as_in_the_catalog_document() -> None:
    assert EngagementKind("opted_out") is EngagementKind.OPTED_OUT
    assert f"{Kind.MARKETING}" == "marketing"
    assert f"{DenialReason.FREQUENCY_CAP}" == "FREQUENCY_CAP"
