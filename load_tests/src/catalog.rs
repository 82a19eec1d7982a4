//! The caps of a catalog document that the generator can count by itself: contacts of one customer in a sliding window.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde::Deserialize;

use crate::{
    error::{LoadError, file_error},
    numbers::{span, whole},
    profile::Way,
};

/// A cap that is counted here too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// Policy and rule, as `pressure/one-a-day`.
    pub name: String,
    /// Contacts that it allows.
    pub limit: u64,
    /// Its sliding window.
    pub window: Duration,
    /// By way: whether the cap judges it.
    pub judges: Vec<bool>,
    /// By way: whether the cap counts it.
    pub counts: Vec<bool>,
}

/// What of a catalog is counted, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caps {
    /// Counted.
    pub counted: Vec<Cap>,
    /// Frequency caps that are not, by name: other windows, points, money, selectors that need the server's knowledge.
    pub uncounted: Vec<String>,
    /// All rules of the catalog.
    pub rules: usize,
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    campaigns: BTreeMap<String, Campaign>,
    #[serde(default)]
    policies: Vec<Policy>,
}

#[derive(Debug, Deserialize)]
struct Campaign {
    #[serde(default)]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Policy {
    name: String,
    #[serde(default)]
    applies_to: Selector,
    #[serde(default)]
    counts: Option<Selector>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Default, Clone, Deserialize)]
struct Selector {
    #[serde(default)]
    kinds: Option<Vec<String>>,
    #[serde(default)]
    channels: Option<Vec<String>>,
    #[serde(default)]
    campaigns: Option<Vec<String>>,
    #[serde(flatten)]
    others: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    name: String,
    #[serde(default)]
    frequency_cap: Option<FrequencyCap>,
}

#[derive(Debug, Deserialize)]
struct FrequencyCap {
    #[serde(default)]
    limit: Option<f64>,
    #[serde(default)]
    window: Option<Window>,
    #[serde(default)]
    per: Option<String>,
    #[serde(default)]
    counted: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Window {
    #[serde(default)]
    sliding: Option<String>,
}

/// The caps of a document for these ways.
pub fn caps_of(path: &Path, ways: &[Way]) -> Result<Caps, LoadError> {
    let text = fs::read_to_string(path).map_err(|error| file_error(path, &error))?;
    let document: Document = serde_saphyr::from_str(&text).map_err(|error| file_error(path, &error))?;
    let mut caps = Caps::default();
    for policy in &document.policies {
        caps.rules += policy.rules.len();
        let counts = policy.counts.as_ref().unwrap_or(&policy.applies_to);
        for rule in &policy.rules {
            let Some(cap) = &rule.frequency_cap else { continue };
            let name = format!("{}/{}", policy.name, rule.name);
            match (exact(cap), policy.applies_to.is_known() && counts.is_known()) {
                (Some((limit, window)), true) => caps.counted.push(Cap {
                    name,
                    limit,
                    window,
                    judges: ways.iter().map(|way| policy.applies_to.takes(way, &document)).collect(),
                    counts: ways.iter().map(|way| counts.takes(way, &document)).collect(),
                }),
                _ => caps.uncounted.push(name),
            }
        }
    }
    caps.counted.retain(|cap| cap.judges.contains(&true));
    Ok(caps)
}

/// Limit and window of a cap on contacts of one customer; a reserve only lowers the limit.
fn exact(cap: &FrequencyCap) -> Option<(u64, Duration)> {
    let is_plain = cap.per.as_deref().is_none_or(|per| per == "customer")
        && cap.counted.as_deref().is_none_or(|counted| counted == "attempts");
    let window = span(cap.window.as_ref()?.sliding.as_deref()?).ok()?;
    cap.limit.filter(|_| is_plain).map(|limit| (whole(limit), window))
}

impl Selector {
    /// Whether what it says can be judged from the catalog and the request alone.
    fn is_known(&self) -> bool {
        self.others.is_empty()
    }

    fn takes(&self, way: &Way, document: &Document) -> bool {
        let kind = document
            .campaigns
            .get(&way.campaign)
            .and_then(|campaign| campaign.kind.as_deref())
            .unwrap_or("marketing");
        let has = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|names| names.iter().any(|each| each == name))
        };
        has(&self.kinds, kind) && has(&self.channels, &way.channel) && has(&self.campaigns, &way.campaign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
campaigns: {spring: {}, invoice: {kind: transactional}}
policies:
  - name: pressure
    applies_to: {kinds: [marketing]}
    rules:
      - {name: two-a-day, frequency_cap: {limit: 2, window: {sliding: 24h}}}
      - {name: points, frequency_cap: {points: 2, window: {sliding: 24h}}}
      - {name: month, frequency_cap: {limit: 2, window: {calendar: month}}}
      - {name: rest, back_off: {after: 3, of: campaign, rests: [30d]}}
  - name: mail
    applies_to: {channels: [email], kinds: [marketing]}
    counts: {channels: [email]}
    rules: [{name: week, frequency_cap: {limit: 3, window: {sliding: 7d}}}]
  - name: loyal
    applies_to: {segments: [loyal]}
    rules: [{name: week, frequency_cap: {limit: 3, window: {sliding: 7d}}}]
";

    #[test]
    fn sliding_caps_on_contacts_are_counted_and_the_others_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("catalog.yaml");
        fs::write(&path, DOCUMENT).unwrap();
        let way = |campaign: &str, channel: &str| Way {
            campaign: campaign.to_owned(),
            channel: channel.to_owned(),
        };
        let caps =
            caps_of(&path, &[way("spring", "email"), way("spring", "sms"), way("invoice", "email")]).unwrap();
        let names: Vec<&str> = caps.counted.iter().map(|cap| cap.name.as_str()).collect();
        assert_eq!(names, ["pressure/two-a-day", "mail/week"]);
        assert_eq!(caps.uncounted, ["pressure/points", "pressure/month", "loyal/week"]);
        assert_eq!(caps.rules, 6);
        assert_eq!(caps.counted[0].judges, [true, true, false]);
        assert_eq!(caps.counted[1].counts, [true, false, true]);
        assert_eq!(caps.counted[1].judges, [true, false, false]);
    }
}
