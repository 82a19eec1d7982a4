"""The sentences of an explanation, in English and in French."""

from dataclasses import replace

import pytest

from repit import Denial, DenialReason, Explanation, Verdict
from repit_server.cli.explain_words import contact_words, may_be_contacted, outcomes, rungs, state_words, window_of
from tests.unit.server.explained import CONTACT, NEVER, NOT_NOW, WHOLE, denial, drawn, reader, step, usage


@pytest.mark.parametrize(
    ("explanation", "english", "french"),
    [
        (
            WHOLE,
            "customer-42 may be contacted now: by sms for spring.",
            "customer-42 peut être contacté maintenant : par sms pour spring.",
        ),
        (
            NOT_NOW,
            "customer-42 may not be contacted now; from Thu 14:05 on: by email for spring.",
            "customer-42 ne peut pas être contacté maintenant ; à partir de jeu. 14:05 : par email pour spring.",
        ),
        (
            NEVER,
            "customer-42 may not be contacted by any channel; no later time helps.",
            "customer-42 ne peut être contacté par aucun canal ; attendre n'y change rien.",
        ),
    ],
)
def test_the_first_sentence_answers_the_question(explanation: Explanation, english: str, french: str) -> None:
    assert may_be_contacted(explanation, reader()) == english
    assert may_be_contacted(explanation, reader("fr")) == french


def test_the_first_sentence_names_all_channels_that_are_free() -> None:
    free = replace(WHOLE, channels=(WHOLE.channels[1], replace(WHOLE.channels[1], channel="post")))
    assert (
        may_be_contacted(free, reader()) == "customer-42 may be contacted now: by sms for spring, by post for spring."
    )


def test_the_ladder_stands_in_its_order_with_figures_and_times() -> None:
    assert [(rung.channels, rung.words, rung.until) for rung in rungs(WHOLE, reader())] == [
        (("email", "sms"), "no objection holds", ""),
        (("email", "sms"), "no rest is running, 1 unanswered in a row, rests from 3 on", ""),
        (("email",), "3 of 3 in 7 d", "Thu 14:05"),
        (("sms",), "a place is free, 1 of 3 in 7 d", ""),
    ]
    french = rungs(WHOLE, reader("fr"))
    assert [rung.words for rung in french] == [
        "aucune opposition en vigueur",
        "aucun repos en cours, 1 sans réponse d'affilée, repos à partir de 3",
        "3 sur 3 en 7 j",
        "une place est libre, 1 sur 3 en 7 j",
    ]
    assert french[2].until == "jeu. 14:05"


def test_the_ladder_ends_with_what_comes_of_it_by_each_channel() -> None:
    assert [(each.channel, each.verdict, each.words, each.again) for each in outcomes(WHOLE, reader())] == [
        ("email", Verdict.DENY, "refused", "Thu 14:05"),
        ("sms", Verdict.GRANT, "granted", ""),
    ]
    assert [each.words for each in outcomes(WHOLE, reader("fr"))] == ["refusé", "accordé"]


@pytest.mark.parametrize(
    ("against", "english", "french"),
    [
        (
            denial(DenialReason.OUTRANKED, outranked_by="summer"),
            "outranked by summer, 3 of 3 in 7 d with the places claimed",
            "devancé par summer, 3 sur 3 en 7 j avec les places demandées à l'avance",
        ),
        (
            Denial(DenialReason.NOT_ELIGIBLE, "p", "welcome-first", 0, 0, "30d", (), "", None),
            "what it waits for has not happened in 30 d",
            "ce qu'elle attend n'a pas eu lieu en 30 j",
        ),
        (
            Denial(DenialReason.RESPITE, "p", "after-refusal", 0, 0, "never", (), "", None),
            "respite for ever after an event",
            "répit pour toujours après un événement",
        ),
        (
            Denial(DenialReason.RESPITE, "p", "after-refusal", 0, 0, "60 days (customer)", (), "", None),
            "respite for 60 days after an event",
            "répit de 60 jours après un événement",
        ),
    ],
)
def test_what_speaks_against_is_said_in_words(against: Denial, english: str, french: str) -> None:
    rung = step(against.reason, "email", rule=against.rule, against=against)
    assert rung.words(reader()) == english
    assert rung.words(reader("fr")) == french
    explained = replace(WHOLE, ladder=(rung,))
    assert [each.until for each in rungs(explained, reader("fr"))] == ["jamais"]


def test_a_window_is_said_as_its_rule_means_it() -> None:
    rests, claimed = WHOLE.rules[2], replace(WHOLE.rules[0], reason=DenialReason.OUTRANKED)
    respite = usage(DenialReason.RESPITE, "after-buying", "email", window="7d")
    assert window_of(rests, reader()) == "rests 30 d, 60 days, for ever"
    assert window_of(rests, reader("fr")) == "repos 30 j, 60 jours, pour toujours"
    assert window_of(claimed, reader()) == "in 7 d, with claims"
    assert window_of(respite, reader("fr")) == "7 j"


def test_a_contact_is_said_with_its_kind_and_state() -> None:
    assert contact_words(CONTACT, reader()) == "service contact spring by email (and 2 more)"
    assert contact_words(CONTACT, reader("fr")) == "contact de service spring par email (et 2 de plus)"
    assert state_words(CONTACT, reader("fr")) == "confirmé, répondu"


def test_every_section_is_drawn_in_both_languages() -> None:
    english, french = (" ".join(drawn(WHOLE, name).split()) for name in ("en", "fr"))
    for words in (
        "customer customer-42 at Sun 1 Mar 2026 12:00, 1 contact remembered, catalog version 7",
        "members of its party: customer-42, customer-43",
        "is in the segments: engaged, newcomer",
        "objections: opted out by fax",
        "next free moment",
        "the ladder, from the first rule in precedence to the last",
        "fax the campaign does not use it",
        "what the rules have used",
        "3 unanswered in a row, rests from 3 on",
        "weekends 1.76 ██████████ 180 d",
        "long-stays 0 ░░░░░░░░░░ 30 d",
        "summer 60 2.5 email, post 12:00 Sun 29 Mar 12:00",
        "p/calls call, leisure 12:00 12 of 20 ██████░░░░ 8",
        "Sun 22 Feb 2026 12:00 service contact spring by email (and 2 more) confirmed, answered",
        "clicked spring, value 2.5",
    ):
        assert words in english
    for words in (
        "client customer-42 le dim. 1 mars 2026 12:00, 1 contact retenu, version 7 du catalogue",
        "membres de son foyer ou compte : customer-42, customer-43",
        "famille d'offres weekends ██████████ 3 sans réponse d'affilée, repos à partir de 3",
        "weekends 1,76 ██████████ 180 j",
        "cliqué spring, valeur 2,5",
        "dim. 22 févr. 2026 12:00",
    ):
        assert words in french


@pytest.mark.parametrize("name", ["en", "fr"])
def test_at_80_columns_nothing_is_cut_off(name: str) -> None:
    lines = drawn(WHOLE, name, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    shown = "".join("".join(lines).split())
    for words in ("p/three-a-week", "p/calls", "Thu14:05" if name == "en" else "jeu.14:05"):
        assert words in shown
    assert "…" not in shown


def test_without_what_there_is_to_say_a_section_is_left_out() -> None:
    bare = Explanation("customer-43", (), (), (), (), 7, None, 0, 0)
    shown = drawn(bare)
    assert "customer customer-43, 0 contacts remembered, catalog version 7" in shown
    for title in ("the ladder", "in a row", "likes", "claims", "capacities", "party", "segments", "objections"):
        assert title not in shown
