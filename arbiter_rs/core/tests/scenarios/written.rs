//! Scenarios as they are written: the tables of a file, and the moments in it.

use std::collections::{BTreeMap, HashMap};

use arbiter_core::compiled::EngagementKind;
use arbiter_core::time::{DAY_MS, Timestamp};
use serde::Deserialize;

pub(crate) const NEVER: &str = "never";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    #[serde(rename = "scenario")]
    pub(crate) _sentence: String,
    #[serde(default, rename = "policy_of")]
    pub(crate) _policy_of: String,
    #[serde(rename = "given")]
    pub(crate) _given: toml::Table,
    pub(crate) step: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, rename = "note")]
    pub(crate) _note: String,
    #[serde(default)]
    pub(crate) at: String,
    pub(crate) apply: Option<String>,
    pub(crate) ask: Option<Ask>,
    pub(crate) check: Option<Ask>,
    pub(crate) confirm: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) engage: Option<Engage>,
    pub(crate) claim: Option<Claim>,
    pub(crate) withdraw: Option<Withdraw>,
    pub(crate) claims: Option<Claims>,
    #[serde(default)]
    pub(crate) then: Then,
}

impl Step {
    /// When what it is about takes place, where that is not the moment of the step itself.
    pub(crate) fn takes_place(&self) -> Option<&str> {
        let asked = self.ask.as_ref().or(self.check.as_ref()).and_then(|ask| ask.planned.as_deref());
        asked.or_else(|| self.engage.as_ref()?.time.as_deref())
    }

    /// The names that it gives to its moment.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let of_candidates = self.then.all().iter().map(|then| &then.name);
        of_candidates.chain([&self.name]).filter(|name| !name.is_empty())
    }
}

/// What must come of a step: one table, or one for each candidate.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Then {
    Each(Vec<Expected>),
    One(Box<Expected>),
}

impl Default for Then {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Then {
    pub(crate) fn all(&self) -> &[Expected] {
        match self {
            Self::Each(all) => all,
            Self::One(one) => std::slice::from_ref(&**one),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expected {
    pub(crate) name: String,
    pub(crate) verdict: String,
    pub(crate) reason: String,
    pub(crate) rule: String,
    pub(crate) limit: Option<f64>,
    pub(crate) used: Option<f64>,
    pub(crate) window: Option<String>,
    pub(crate) contacts: Option<Vec<String>>,
    pub(crate) outranked_by: String,
    pub(crate) denials: Vec<ExpectedDenial>,
    pub(crate) earliest: Option<String>,
    pub(crate) left: Option<BTreeMap<String, f64>>,
    pub(crate) score: Option<BTreeMap<String, f64>>,
    pub(crate) alternatives: Option<Vec<ExpectedAlternative>>,
    pub(crate) expires: Option<String>,
    pub(crate) same_contact: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) contact: Option<String>,
    pub(crate) duplicate: bool,
    pub(crate) registered: Option<usize>,
    pub(crate) known: usize,
    pub(crate) withdrawn: Option<usize>,
    pub(crate) live: Vec<LiveClaim>,
    pub(crate) error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedAlternative {
    pub(crate) kind: String,
    pub(crate) campaign: String,
    pub(crate) channel: String,
    pub(crate) time: Option<String>,
}

/// A claim that must be listed; `channels` and `score` where they are looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveClaim {
    pub(crate) campaign: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) channels: Option<Vec<String>>,
    pub(crate) score: Option<f64>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExpectedDenial {
    pub(crate) reason: String,
    pub(crate) rule: String,
    pub(crate) limit: Option<f64>,
    pub(crate) used: Option<f64>,
    pub(crate) window: Option<String>,
    pub(crate) contacts: Option<Vec<String>>,
    pub(crate) outranked_by: String,
    pub(crate) earliest: String,
}

impl Expected {
    pub(crate) fn all_denials(&self) -> Vec<ExpectedDenial> {
        if self.reason.is_empty() {
            return self.denials.clone();
        }
        vec![ExpectedDenial {
            reason: self.reason.clone(),
            rule: self.rule.clone(),
            limit: self.limit,
            used: self.used,
            window: self.window.clone(),
            contacts: self.contacts.clone(),
            outranked_by: self.outranked_by.clone(),
            earliest: self.earliest.clone().unwrap_or_default(),
        }]
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedCandidate {
    pub(crate) campaign: String,
    pub(crate) channel: String,
    pub(crate) score: Option<f64>,
    pub(crate) answer_probability: Option<f64>,
    pub(crate) value: Option<f64>,
    pub(crate) deadline: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ask {
    pub(crate) customer: String,
    pub(crate) customers: Option<usize>,
    pub(crate) party: String,
    pub(crate) contact_point: String,
    pub(crate) subject: String,
    pub(crate) planned: Option<String>,
    pub(crate) campaign: String,
    pub(crate) channel: String,
    pub(crate) candidates: Vec<AskedCandidate>,
    pub(crate) segments: Vec<String>,
    pub(crate) time_zone: String,
    pub(crate) request_id: String,
    pub(crate) max_grants: usize,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            customer: "customer".to_owned(),
            customers: None,
            party: String::new(),
            contact_point: String::new(),
            subject: String::new(),
            planned: None,
            campaign: String::new(),
            channel: String::new(),
            candidates: Vec::new(),
            segments: Vec::new(),
            time_zone: String::new(),
            request_id: String::new(),
            max_grants: 1,
        }
    }
}

impl Ask {
    /// Whom it is asked for.
    pub(crate) fn all_customers(&self) -> Vec<String> {
        match self.customers {
            Some(count) => (1..=count).map(|number| format!("{} {number}", self.customer)).collect(),
            None => vec![self.customer.clone()],
        }
    }

    /// The candidates, whichever way they are written.
    pub(crate) fn all_candidates(&self) -> Vec<AskedCandidate> {
        if !self.candidates.is_empty() {
            return self.candidates.clone();
        }
        let (campaign, channel) = (self.campaign.clone(), self.channel.clone());
        vec![AskedCandidate { campaign, channel, ..AskedCandidate::default() }]
    }
}

/// Places asked for in advance: the same span, channels and score for each of the customers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub(crate) campaign: String,
    #[serde(default = "one_customer")]
    pub(crate) customers: Vec<String>,
    #[serde(default)]
    pub(crate) party: String,
    #[serde(default)]
    pub(crate) channels: Vec<String>,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) score: Option<f64>,
}

/// Claims given back: of some customers, or all that the campaign ever registered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdraw {
    pub(crate) campaign: String,
    #[serde(default)]
    pub(crate) customers: Vec<String>,
    #[serde(default)]
    pub(crate) party: String,
}

/// Which claims of a customer are live?
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    #[serde(default = "the_customer")]
    pub(crate) customer: String,
    #[serde(default)]
    pub(crate) party: String,
}

fn one_customer() -> Vec<String> {
    vec![the_customer()]
}

fn the_customer() -> String {
    Ask::default().customer
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Engage {
    pub(crate) kind: EngagementKind,
    #[serde(default = "the_customer")]
    pub(crate) customer: String,
    #[serde(default)]
    pub(crate) party: String,
    pub(crate) contact: Option<String>,
    #[serde(default)]
    pub(crate) campaign: String,
    #[serde(default)]
    pub(crate) channel: String,
    #[serde(default)]
    pub(crate) offer_family: String,
    #[serde(default)]
    pub(crate) value: f64,
    pub(crate) time: Option<String>,
    pub(crate) event_id: Option<String>,
    #[serde(default)]
    pub(crate) segments: Vec<String>,
}

/// The instant that an expression means: `2026-03-29T00:00:00+01:00`, `+7d -1ms`, `first +7d`.
pub(crate) fn moment(text: &str, previous: Timestamp, names: &HashMap<String, Timestamp>) -> Timestamp {
    let mut t = previous;
    for (index, word) in text.split_whitespace().enumerate() {
        if let Some(ms) = shift_ms(word) {
            t = t.plus_ms(ms);
        } else {
            assert_eq!(index, 0, "`{text}` is not a moment");
            t = names
                .get(word)
                .copied()
                .unwrap_or_else(|| Timestamp(word.parse::<jiff::Timestamp>().expect(text).as_millisecond()));
        }
    }
    t
}

fn shift_ms(word: &str) -> Option<i64> {
    let sign = match word.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let unit = word.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let unit_ms = match unit {
        "d" => DAY_MS,
        "h" => 3_600_000,
        "m" => 60_000,
        "s" => 1_000,
        "ms" => 1,
        _ => return None,
    };
    let figure: i64 = word[1..word.len() - unit.len()].parse().ok()?;
    Some(sign * figure * unit_ms)
}
