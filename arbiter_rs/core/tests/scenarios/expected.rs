//! Holds what a decision says against what a scenario expects of it.

use std::collections::HashMap;

use arbiter_core::apply::ContactName;
use arbiter_core::catalog::Snapshot;
use arbiter_core::decision::{Alternative, Decision, Denial, Reason};
use arbiter_core::rules::frequency_cap::in_units;
use arbiter_core::score::Score;
use arbiter_core::time::Timestamp;

use crate::written::{Expected, ExpectedAlternative, ExpectedDenial, NEVER, moment};

/// A contact with a name: its party, and what it is called there.
#[derive(Clone)]
pub(crate) struct NamedContact {
    pub(crate) party: String,
    pub(crate) name: ContactName,
}

/// What a step is held against, and when.
pub(crate) struct Comparison<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) moments: &'a HashMap<String, Timestamp>,
    pub(crate) contacts: &'a HashMap<String, NamedContact>,
    pub(crate) at: Timestamp,
}

impl Comparison<'_> {
    fn instant(&self, text: &str) -> Timestamp {
        moment(text, self.at, self.moments)
    }

    fn when(&self, text: Option<&String>) -> Option<Timestamp> {
        text.filter(|text| *text != NEVER).map(|text| self.instant(text))
    }

    pub(crate) fn decision(&self, then: &Expected, decision: &Decision) -> Result<(), String> {
        let verdict = if decision.grant.is_some() { "GRANT" } else { "DENY" };
        same("verdict", &verdict, &then.verdict.as_str()).map_err(|text| format!("{text}: {decision:?}"))?;
        let denials = then.all_denials();
        let reasons: Vec<String> = decision.denials.iter().map(|denial| word(denial.reason)).collect();
        let expected: Vec<String> = denials.iter().map(|denial| denial.reason.clone()).collect();
        same("reasons", &reasons, &expected)?;
        for (expected, denial) in denials.iter().zip(&decision.denials) {
            self.denial(expected, denial)?;
        }
        same("earliest", &decision.earliest, &self.when(then.earliest.as_ref()))?;
        for (rule, left) in then.left.iter().flatten() {
            let usage = decision.remaining.iter().find(|usage| self.snapshot.rules[usage.rule].name == *rule);
            let usage = usage.ok_or_else(|| format!("nothing is said of `{rule}`"))?;
            same(rule, &in_units(usage.limit.left(usage.used)), left)?;
        }
        for (factor, figure) in then.score.iter().flatten() {
            same(factor, &factor_of(decision.score, factor), &Some(*figure))?;
        }
        if then.expires.is_some() {
            let came = decision.grant.map(|grant| grant.expires);
            same("expires", &came, &self.when(then.expires.as_ref()))?;
        }
        Ok(())
    }

    fn denial(&self, expected: &ExpectedDenial, denial: &Denial) -> Result<(), String> {
        let rule = denial.rule.and_then(|index| self.snapshot.rules.get(index));
        let name = rule.map(|rule| format!("{}/{}", rule.policy, rule.name)).unwrap_or_default();
        same("rule", &name, &expected.rule)?;
        let named = format!("earliest of {name}");
        same(&named, &denial.earliest, &self.when(Some(&expected.earliest)))?;
        same("outranked_by", &denial.outranked_by.as_deref().unwrap_or_default(), &&*expected.outranked_by)?;
        for (what, came, figure) in
            [("limit", denial.limit, expected.limit), ("used", denial.used, expected.used)]
        {
            if let Some(figure) = figure {
                same(what, &in_units(came), &figure)?;
            }
        }
        if let Some(window) = &expected.window {
            same("window", &rule.map(|rule| rule.window_text()), &Some(window.as_str()))?;
        }
        if let Some(names) = &expected.contacts {
            let came: Vec<_> = denial
                .contacts
                .iter()
                .map(|contact| ContactName { sequence: contact.sequence, time: contact.time })
                .collect();
            let known: Vec<_> = names.iter().map(|name| named_in(self.contacts, name).name).collect();
            same("contacts", &came, &known)?;
        }
        Ok(())
    }

    pub(crate) fn alternatives(
        &self,
        expected: &[ExpectedAlternative],
        came: &[Alternative],
    ) -> Result<(), String> {
        let register = &self.snapshot.register;
        let in_words = |other: &Alternative| {
            let campaign = register.campaigns[other.campaign.index()].clone();
            (word(other.kind), campaign, register.channels[other.channel.index()].clone())
        };
        let wanted: Vec<_> = expected
            .iter()
            .map(|wanted| (wanted.kind.clone(), wanted.campaign.clone(), wanted.channel.clone()))
            .collect();
        same("alternatives", &came.iter().map(in_words).collect(), &wanted)?;
        for (wanted, other) in expected.iter().zip(came) {
            if wanted.time.is_some() {
                same("time of an alternative", &Some(other.time), &self.when(wanted.time.as_ref()))?;
            }
        }
        Ok(())
    }
}

fn factor_of(score: Option<Score>, factor: &str) -> Option<f64> {
    match (score?, factor) {
        (Score::Given(score) | Score::Expected { score, .. }, "score") => Some(score),
        (Score::Expected { answer_probability, .. }, "answer_probability") => Some(answer_probability),
        (Score::Expected { value, .. }, "value") => Some(value),
        (Score::Expected { affinity, .. }, "affinity") => Some(affinity),
        (Score::Expected { fatigue, .. }, "fatigue") => Some(fatigue),
        (Score::Expected { cost, .. }, "cost") => Some(cost),
        _ => None,
    }
}

pub(crate) fn named_in<T: Clone>(map: &HashMap<String, T>, name: &str) -> T {
    map.get(name).cloned().unwrap_or_else(|| panic!("nothing is named `{name}`"))
}

/// A reason or kind as the contract spells it.
fn word(variant: impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_uppercase());
    }
    word
}

/// The reasons of a decision have the names of the contract.
#[test]
fn reasons_are_spelled_as_in_the_contract() {
    assert_eq!(word(Reason::FrequencyCap), "FREQUENCY_CAP");
    assert_eq!(word(Reason::Outranked), "OUTRANKED");
}

pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, came: &T, expected: &T) -> Result<(), String> {
    if came == expected { Ok(()) } else { Err(format!("{what} is {came:?}, not {expected:?}")) }
}
