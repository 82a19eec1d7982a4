//! A profile: what is asked, when, about whom, of which world, and what must hold. TOML; every unknown key is refused with its line.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    arrivals::{Curve, Piece, Slope, Spacing},
    error::{LoadError, file_error},
    keys::Skew,
    numbers::span,
};

/// The most calls a second and the most customers that are taken: sizes, not promises.
const RATE_MAX: f64 = 10_000_000.0;
const CUSTOMERS_MAX: u64 = 2_000_000_000;

/// A profile as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is like, in one sentence.
    pub about: String,
    /// The catalog document, from the profile's directory.
    pub catalog: PathBuf,
    /// The same seed, the same schedule.
    #[serde(default = "one")]
    pub seed: u64,
    /// HTTP/2 connections; a server in Rust serialises on one lock a connection.
    #[serde(default = "eight")]
    pub connections: usize,
    /// Requests in a batch.
    #[serde(default = "hundred")]
    pub batch_size: usize,
    /// How the instants lie around the curve.
    #[serde(default)]
    pub spacing: Spacing,
    /// Who is there, and what they remember.
    pub world: World,
    /// How often each customer is asked about.
    #[serde(default)]
    pub keys: Skew,
    /// Weights of the verbs.
    pub mix: Mix,
    /// What is asked for.
    pub asks: Vec<Ask>,
    /// When, piece after piece.
    pub arrivals: Vec<Piece>,
    /// What must hold.
    pub objectives: Objectives,
}

/// The customers, and what the store holds of them before the first second.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Customers, named `load-0000000000` and on.
    pub customers: u64,
    /// Contacts that each holds beforehand.
    #[serde(default)]
    pub contacts_each: u64,
    /// How they got there: `record` past ones with RecordEngagements, or `request` them, at the time of filling, by BatchRequestContacts.
    #[serde(default)]
    pub fill: Fill,
    /// How long ago the newest recorded contact was.
    #[serde(default = "eight_days")]
    pub newest: String,
    /// How long ago the oldest recorded contact was.
    #[serde(default = "sixty_days")]
    pub oldest: String,
}

/// How a world is filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Contacts made elsewhere, at their own time.
    #[default]
    Record,
    /// Contacts asked for now: the rules judge them.
    Request,
}

/// Weights of the verbs; what is not named is not asked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// RequestContact.
    pub request: f64,
    /// CheckContact.
    pub check: f64,
    /// ConfirmContact of a contact granted in this run.
    pub confirm: f64,
    /// ReleaseContact of a contact granted in this run.
    pub release: f64,
    /// RecordEngagements, one opened mail.
    pub record: f64,
    /// BatchRequestContacts of `batch_size` customers.
    pub batch: f64,
    /// One message on a stream that stays open.
    pub stream: f64,
}

/// One kind of question.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// How often beside the others.
    #[serde(default = "unit")]
    pub weight: f64,
    /// Its candidates.
    pub candidates: Vec<Way>,
    /// How many may be granted.
    #[serde(default)]
    pub max_grants: u32,
    /// Segments that the caller gives.
    #[serde(default)]
    pub segments: Vec<String>,
}

/// A campaign by a channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// The campaign.
    pub campaign: String,
    /// The channel.
    pub channel: String,
}

/// What must hold; over-admission is always held to 0.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objectives {
    /// The verb whose latencies are meant; all calls together where absent.
    pub verb: Option<String>,
    /// Half of the calls are answered within so many microseconds.
    pub p50_us: Option<f64>,
    /// 99 of 100.
    pub p99_us: Option<f64>,
    /// 999 of 1,000.
    pub p999_us: Option<f64>,
    /// Answers a second, from the first instant of the schedule to the last answer.
    pub answers_per_second: Option<f64>,
    /// Calls that ended with an error or not at all, over all.
    pub error_share: Option<f64>,
}

fn one() -> u64 {
    1
}
fn eight() -> usize {
    8
}
fn hundred() -> usize {
    100
}
fn unit() -> f64 {
    1.0
}
fn eight_days() -> String {
    "8d".to_owned()
}
fn sixty_days() -> String {
    "60d".to_owned()
}

impl Profile {
    /// Read and check a profile; its catalog's path becomes one from the working directory.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = fs::read_to_string(path).map_err(|error| file_error(path, &error))?;
        let mut profile: Self =
            toml::from_str(&text).map_err(|error| file_error(path, &error.to_string().trim_end()))?;
        profile.catalog = path.parent().unwrap_or(Path::new(".")).join(&profile.catalog);
        profile.check().map_err(|wrong| file_error(path, &wrong))?;
        Ok(profile)
    }

    /// What is wrong with its values, in words.
    pub fn check(&self) -> Result<(), String> {
        let demand = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        demand((1..=1_024).contains(&self.connections), "`connections` is 1 to 1,024")?;
        demand((1..=10_000).contains(&self.batch_size), "`batch_size` is 1 to 10,000")?;
        demand(
            (1..=CUSTOMERS_MAX).contains(&self.world.customers),
            "`world.customers` is 1 to 2,000,000,000",
        )?;
        demand(self.world.contacts_each <= 1_000, "`world.contacts_each` is at most 1,000")?;
        demand(
            span(&self.world.newest)? <= span(&self.world.oldest)?,
            "`world.newest` is after `world.oldest`, or as old",
        )?;
        let weights = self.mix.weights();
        demand(
            weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0),
            "the weights of `mix` are not negative",
        )?;
        demand(weights.iter().sum::<f64>() > 0.0, "`mix` needs a verb with a weight above 0")?;
        demand(!self.asks.is_empty(), "`asks` needs one at least")?;
        demand(self.asks.len() <= 1_000, "`asks` has at most 1,000")?;
        for ask in &self.asks {
            demand((1..=64).contains(&ask.candidates.len()), "an ask has 1 to 64 `candidates`")?;
            demand(ask.weight.is_finite() && ask.weight > 0.0, "the `weight` of an ask is above 0")?;
        }
        match self.keys {
            Skew::Zipf { exponent } => {
                demand(exponent > 0.0 && exponent <= 10.0, "`keys.exponent` is above 0, and at most 10")?
            }
            Skew::Hot { customers, share } => {
                demand(customers > 0, "`keys.customers` is 1 at least")?;
                demand((0.0..=1.0).contains(&share), "`keys.share` is 0 to 1")?;
            }
            Skew::Uniform => {}
        }
        if let Some(verb) = &self.objectives.verb {
            demand(
                VERBS.contains(&verb.as_str()),
                &format!("`objectives.verb` is one of {}", VERBS.join(", ")),
            )?;
        }
        let curve = self.curve()?;
        demand(curve.calls() >= 1.0, "`arrivals` sends nothing")?;
        demand(curve.peak() <= RATE_MAX, "`arrivals` goes beyond 10,000,000 calls a second")
    }

    /// The arrival curve.
    pub fn curve(&self) -> Result<Curve, String> {
        let mut slopes = Vec::new();
        for piece in &self.arrivals {
            let (lasts, from, to) = match piece {
                Piece::Constant { lasts, rate } => (lasts, *rate, *rate),
                Piece::Ramp { lasts, from, to } => (lasts, *from, *to),
                Piece::Burst { lasts, calls } => (lasts, 2.0 * calls / seconds(lasts)?, 0.0),
            };
            if ![from, to].iter().all(|rate| rate.is_finite() && *rate >= 0.0) {
                return Err("a rate of `arrivals` is a number that is not negative".to_owned());
            }
            slopes.push(Slope { seconds: seconds(lasts)?, from, to });
        }
        Ok(Curve::of(slopes))
    }

    /// Every way that an ask has, each once, in order.
    pub fn ways(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        for way in self.asks.iter().flat_map(|ask| &ask.candidates) {
            if !ways.contains(way) {
                ways.push(way.clone());
            }
        }
        ways
    }
}

/// The verbs of a mix, in the order of their weights.
pub const VERBS: [&str; 7] = ["request", "check", "confirm", "release", "record", "batch", "stream"];

impl Mix {
    /// In the order of `VERBS`.
    pub fn weights(&self) -> [f64; 7] {
        let Self { request, check, confirm, release, record, batch, stream } = *self;
        [request, check, confirm, release, record, batch, stream]
    }
}

fn seconds(lasts: &str) -> Result<f64, String> {
    let length = span(lasts)?;
    if length < Duration::from_millis(1) {
        Err("a piece of `arrivals` lasts 1 ms at least".to_owned())
    } else {
        Ok(length.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = r#"
about = "a test"
catalog = "catalog.yaml"
world = {customers = 10}
mix = {request = 1}
asks = [{candidates = [{campaign = "a", channel = "email"}]}]
arrivals = [{shape = "constant", for = "1s", rate = 10}, {shape = "burst", for = "2s", calls = 50}]
objectives = {p99_us = 1000}
"#;

    fn read(text: &str) -> Result<Profile, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("profile.toml");
        fs::write(&path, text).unwrap();
        Profile::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_profile_that_the_docs_show_is_one() {
        let page = include_str!("../../docs/load-testing.md");
        let shown = page.split_once("```toml profile\n").unwrap().1.split_once("```").unwrap().0;
        assert!(read(shown).is_ok_and(|profile| profile.curve().is_ok()), "{:?}", read(shown));
    }

    #[test]
    fn a_profile_is_read_and_its_curve_is_the_sum_of_its_pieces() {
        let profile = read(PROFILE).unwrap();
        let curve = profile.curve().unwrap();
        assert_eq!((curve.seconds(), curve.calls(), curve.peak()), (3.0, 60.0, 50.0));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_wherever_it_stands() {
        for (right, wrong, line) in [
            ("about =", "abuot = \"\"\nabout =", "line 2"),
            ("customers = 10", "customers = 10, pepole = 3", "line 4"),
            ("request = 1", "request = 1, reqest = 1", "line 5"),
            ("channel = \"email\"", "channel = \"email\", chanel = 1", "line 6"),
            ("rate = 10", "rate = 10, raet = 1", "line 7"),
            ("p99_us = 1000", "p99 = 1000", "line 8"),
        ] {
            let error = read(&PROFILE.replace(right, wrong)).unwrap_err();
            assert!(error.contains(line), "{error}");
            assert!(error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        for (right, wrong) in [
            ("customers = 10", "customers = 0"),
            ("request = 1", "request = 0"),
            ("for = \"1s\"", "for = \"1\""),
            ("rate = 10", "rate = -1"),
            ("objectives = {", "objectives = {verb = \"ask\", "),
            ("about =", "keys = {skew = \"hot\", customers = 0, share = 0.5}\nabout ="),
            ("about =", "connections = 0\nabout ="),
        ] {
            assert!(read(&PROFILE.replace(right, wrong)).is_err(), "{wrong}");
        }
    }
}
