//! One worker's desk: what the next question is, and what an answer counts as.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fastrand::Rng;
use prost::Message;

use crate::{
    answers::{Outcome, Outcomes, Recorded, Streamed, Verdicts},
    figures::Figures,
    http2::{Answers, End},
    keys::Keys,
    numbers::ns,
    over_admission::Detector,
    profile::{Ask, Profile, VERBS},
    questions::{self, Template, grpc_head},
};

/// Contacts that are remembered to be confirmed or released.
const POOL: usize = 10_000;
const DATA_LOSS: u32 = 15;
/// The place of canned questions behind the verbs of a mix.
pub const CANNED: usize = VERBS.len();

/// What an answer is needed for.
#[derive(Debug)]
pub struct Tag {
    /// The instant at which it was due, in nanoseconds from the start.
    pub at_ns: u64,
    /// The instant at which it was sent.
    pub sent_ns: u64,
    /// Place in `VERBS`, or `CANNED`.
    pub verb: usize,
    /// About whom.
    pub about: About,
}

/// What a call was about.
#[derive(Debug)]
pub enum About {
    /// One customer, by one ask.
    One(Asked),
    /// A batch, in order.
    Many(Vec<Asked>),
    /// An open stream: messages not answered, in order, each with its instants.
    Stream(VecDeque<(u64, u64, Asked)>),
    /// Nothing that is counted.
    Nothing,
}

/// A customer and the ask that named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    customer: u64,
    ask: usize,
}

/// A question, ready to be sent.
#[derive(Debug)]
pub struct Question {
    /// Place in `VERBS`, or `CANNED`.
    pub verb: usize,
    /// About whom.
    pub about: About,
}

/// A contact that may be confirmed or released.
#[derive(Debug, Clone)]
struct Granted {
    contact_id: String,
    customer: u64,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Book {
    /// By a profile.
    Profile(Arc<ProfileBook>),
    /// One message, the key changed.
    Canned(Template),
}

/// A profile, prepared.
#[derive(Debug)]
pub struct ProfileBook {
    asks: Vec<Ask>,
    templates: Vec<Template>,
    /// Ways of each ask, as places in `Profile::ways`.
    ways: Vec<Vec<usize>>,
    ask_weights: Vec<f64>,
    verb_weights: [f64; 7],
    batch_size: usize,
}

impl ProfileBook {
    /// Encode what a profile asks.
    pub fn of(profile: &Profile) -> Self {
        let ways = profile.ways();
        let place = |way| ways.iter().position(|each| each == way).unwrap_or(0);
        Self {
            asks: profile.asks.clone(),
            templates: profile.asks.iter().map(Template::of_ask).collect(),
            ways: profile.asks.iter().map(|ask| ask.candidates.iter().map(place).collect()).collect(),
            ask_weights: profile.asks.iter().map(|ask| ask.weight).collect(),
            verb_weights: profile.mix.weights(),
            batch_size: profile.batch_size,
        }
    }
}

/// One worker's desk.
#[derive(Debug)]
pub struct Desk {
    book: Book,
    keys: Keys,
    random: Rng,
    next_id: u64,
    pool: VecDeque<Granted>,
    detector: Option<Arc<Mutex<Detector>>>,
    start: Instant,
    /// The instant of the last reading, in nanoseconds from the start.
    pub now_ns: u64,
    /// What was counted since it was last taken.
    pub figures: Figures,
    /// Calls that ended since it was last set to 0: in a closed run each is followed by another.
    pub ended: usize,
}

impl Desk {
    /// A desk; `next_id` begins a range of request ids that no other worker or run has.
    pub fn new(
        book: Book,
        keys: Keys,
        seed: u64,
        next_id: u64,
        detector: Option<Arc<Mutex<Detector>>>,
        start: Instant,
    ) -> Self {
        let (pool, figures) = (VecDeque::new(), Figures::default());
        Self {
            book,
            keys,
            random: Rng::with_seed(seed),
            next_id,
            pool,
            detector,
            start,
            now_ns: 0,
            figures,
            ended: 0,
        }
    }

    /// Read the clock.
    pub fn read_clock(&mut self) -> u64 {
        self.now_ns = ns(self.start.elapsed());
        self.now_ns
    }

    /// When the run began.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// The next question, its body written into `body`: a whole gRPC message.
    pub fn next(&mut self, body: &mut Vec<u8>) -> Question {
        body.clear();
        self.next_id = self.next_id.wrapping_add(1);
        let id = self.next_id;
        let book = match &self.book {
            Book::Canned(template) => {
                template.write(body, id, self.keys.draw(&mut self.random));
                return Question { verb: CANNED, about: About::Nothing };
            }
            Book::Profile(book) => Arc::clone(book),
        };
        let mut verb = drawn(&mut self.random, &book.verb_weights);
        if matches!(VERBS.get(verb), Some(&("confirm" | "release"))) && self.pool.is_empty() {
            self.figures.substituted += 1;
            verb = 0;
        }
        let about = match VERBS.get(verb).copied().unwrap_or_default() {
            "confirm" => self.settle(body, questions::confirm, false),
            "release" => self.settle(body, questions::release, true),
            "record" => {
                let asked = self.draw(&book);
                if let Some(ask) = book.asks.get(asked.ask) {
                    *body = questions::opened(id, asked.customer, ask);
                }
                About::Nothing
            }
            "batch" => self.batch(&book, body),
            "stream" => {
                grpc_head(body, 0);
                let about = self.one(&book, body, id, Template::write_field);
                set_length(body);
                about
            }
            _ => self.one(&book, body, id, Template::write),
        };
        Question { verb, about }
    }

    fn draw(&mut self, book: &ProfileBook) -> Asked {
        Asked { customer: self.keys.draw(&mut self.random), ask: drawn(&mut self.random, &book.ask_weights) }
    }

    fn one(
        &mut self,
        book: &ProfileBook,
        body: &mut Vec<u8>,
        id: u64,
        write: impl Fn(&Template, &mut Vec<u8>, u64, u64),
    ) -> About {
        let asked = self.draw(book);
        if let Some(template) = book.templates.get(asked.ask) {
            write(template, body, id, asked.customer);
        }
        About::One(asked)
    }

    fn batch(&mut self, book: &ProfileBook, body: &mut Vec<u8>) -> About {
        let mut all = Vec::with_capacity(book.batch_size);
        grpc_head(body, 0);
        for _ in 0..book.batch_size {
            self.next_id = self.next_id.wrapping_add(1);
            let asked = self.draw(book);
            if let Some(template) = book.templates.get(asked.ask) {
                template.write_field(body, self.next_id, asked.customer);
            }
            all.push(asked);
        }
        set_length(body);
        About::Many(all)
    }

    fn settle(&mut self, body: &mut Vec<u8>, write: impl Fn(&str) -> Vec<u8>, gives_back: bool) -> About {
        if let Some(granted) = self.pool.pop_front() {
            *body = write(&granted.contact_id);
            if let Some(detector) = self.detector.as_ref().filter(|_| gives_back) {
                let mut detector = detector.lock().unwrap_or_else(PoisonError::into_inner);
                detector.releasing(granted.customer, &granted.contact_id);
            }
        }
        About::Nothing
    }

    fn count_outcome(&mut self, outcome: Option<Outcome>, asked: Asked, sent_ns: u64) {
        match outcome {
            Some(Outcome { error: Some(trouble), .. }) => {
                self.figures.error(u32::try_from(trouble.code).unwrap_or(DATA_LOSS), &trouble.message);
            }
            Some(Outcome { response: Some(verdicts), .. }) => self.count(verdicts, asked, sent_ns, true),
            _ => self.figures.error(DATA_LOSS, "an answer has neither a response nor an error"),
        }
    }

    fn count(&mut self, verdicts: Verdicts, asked: Asked, sent_ns: u64, is_taken: bool) {
        let Book::Profile(book) = &self.book else { return };
        let book = Arc::clone(book);
        for (place, decision) in verdicts.decisions.into_iter().enumerate() {
            if decision.verdict != 1 {
                self.figures.denials += 1;
                let reason = decision.denials.first().map_or(0, |denial| denial.reason);
                *self.figures.reasons.entry(reason).or_default() += 1;
                continue;
            }
            self.figures.grants += 1;
            if !is_taken {
                continue;
            }
            let way = book.ways.get(asked.ask).and_then(|ways| ways.get(place));
            if let (Some(detector), Some(&way)) = (&self.detector, way) {
                let mut detector = detector.lock().unwrap_or_else(PoisonError::into_inner);
                let before = detector.found().0;
                detector.granted(
                    asked.customer,
                    way,
                    i128::from(sent_ns),
                    i128::from(self.now_ns),
                    &decision.contact_id,
                );
                self.figures.over_admitted += detector.found().0 - before;
            }
            if self.pool.len() < POOL {
                self.pool.push_back(Granted { contact_id: decision.contact_id, customer: asked.customer });
            }
        }
    }

    fn latency(&mut self, verb: usize, at_ns: u64) {
        if let Some(histogram) = self.figures.latency_ns.get_mut(verb) {
            // It grows with what comes.
            let _ = histogram.record(self.now_ns.saturating_sub(at_ns).max(1));
        }
        self.figures.answered += 1;
        self.ended += 1;
    }

    /// A call that was never sent or never ended.
    pub fn unanswered(&mut self, status: u32, why: &str) {
        self.figures.error(status, why);
    }

    fn read(&mut self, tag: &mut Tag, body: &[u8]) -> Result<(), prost::DecodeError> {
        match &mut tag.about {
            About::One(asked) => self.count(
                Verdicts::decode(body)?,
                *asked,
                tag.sent_ns,
                VERBS.get(tag.verb) == Some(&"request"),
            ),
            About::Many(all) => {
                let outcomes = Outcomes::decode(body)?.results;
                let missing = all.len().saturating_sub(outcomes.len());
                let mut outcomes = outcomes.into_iter();
                for asked in all.drain(..) {
                    self.count_outcome(outcomes.next(), asked, tag.sent_ns);
                }
                debug_assert!(missing == 0 || self.figures.error_count() > 0);
            }
            About::Stream(waiting) => {
                if let Some((at_ns, sent_ns, asked)) = waiting.pop_front() {
                    self.count_outcome(Streamed::decode(body)?.result, asked, sent_ns);
                    self.latency(tag.verb, at_ns);
                }
            }
            About::Nothing if VERBS.get(tag.verb) == Some(&"record") => {
                for trouble in Recorded::decode(body)?.results.into_iter().filter_map(|each| each.error) {
                    self.figures.error(u32::try_from(trouble.code).unwrap_or(DATA_LOSS), &trouble.message);
                }
            }
            About::Nothing => {}
        }
        Ok(())
    }
}

impl Answers<Tag> for Desk {
    fn message(&mut self, tag: &mut Tag, body: &[u8]) {
        if let Err(error) = self.read(tag, body) {
            self.figures.error(DATA_LOSS, &format!("an answer cannot be read: {error}"));
        }
    }

    fn end(&mut self, tag: Tag, end: &End) {
        if let About::Stream(waiting) = tag.about {
            for (at_ns, ..) in waiting {
                self.figures.error(end.status.max(1), &end.message);
                self.latency(tag.verb, at_ns);
            }
            return;
        }
        if end.status != 0 {
            self.figures.error(end.status, &end.message);
        }
        self.latency(tag.verb, tag.at_ns);
    }
}

/// A place, as often as its weight says.
fn drawn(random: &mut Rng, weights: &[f64]) -> usize {
    if let [_] = weights {
        return 0;
    }
    let mut rest = random.f64() * weights.iter().sum::<f64>();
    for (place, weight) in weights.iter().enumerate() {
        if rest < *weight {
            return place;
        }
        rest -= weight;
    }
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
}

/// Write the length of a gRPC message whose head was written before its length was known.
fn set_length(body: &mut [u8]) {
    let length = u32::try_from(body.len().saturating_sub(5)).unwrap_or(u32::MAX);
    if let Some(place) = body.get_mut(1..5) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// A span that a run takes at most beyond its schedule, for answers that are late.
pub const DRAIN: Duration = Duration::from_secs(10);
