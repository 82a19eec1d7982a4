//! A run: workers on threads, their seconds gathered while it goes on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    arrivals::{Curve, Instants, Spacing},
    desk::{Book, Desk},
    error::LoadError,
    figures::{Figures, Percentiles},
    keys::Keys,
    numbers::{count, float, ns, ratio},
    over_admission::Detector,
    worker::{Pace, Slice, Target, Worker},
};

/// How a run asks.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where; its connections are shared out among the workers.
    pub target: Target,
    /// What.
    pub book: Book,
    /// About whom.
    pub keys: Keys,
    /// When.
    pub pace: PlanPace,
    /// The seed of the schedule.
    pub seed: u64,
    /// Threads.
    pub workers: usize,
    /// The count of grants.
    pub detector: Option<Arc<Mutex<Detector>>>,
}

/// When a plan asks.
#[derive(Debug, Clone)]
pub enum PlanPace {
    /// By a curve, whatever comes back.
    Open(Curve, Spacing),
    /// So many calls in flight on every connection, for so long.
    Closed(usize, Duration),
}

/// One second of a run.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Second {
    /// From the start.
    pub second: u64,
    /// Calls that the schedule has in it; as many as were sent in a closed run.
    pub asked: f64,
    /// Calls answered in it.
    pub answered: u64,
    /// Of those answered in it.
    pub latency: Percentiles,
    /// Decisions.
    pub grants: u64,
    /// Decisions.
    pub denials: u64,
    /// Calls, or requests of batches, with an error.
    pub errors: u64,
}

/// What a run gave.
#[derive(Debug)]
pub struct Outcome {
    /// All of it.
    pub figures: Figures,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// From the first instant of the schedule to its end, or to the last answer where that is later.
    pub seconds_taken: f64,
    /// Processor time of the generator, in seconds.
    pub generator_cpu: f64,
    /// Why it was broken off, where it was.
    pub broken: Option<String>,
}

impl Outcome {
    /// Answers a second over the whole run.
    pub fn answers_per_second(&self) -> f64 {
        ratio(float(self.figures.answered), self.seconds_taken)
    }
}

/// Run a plan; `watch` sees every second with all that was counted until then.
pub fn run(plan: &Plan, watch: &mut dyn FnMut(&Second, &Figures)) -> Result<Outcome, LoadError> {
    let (sender, slices) = mpsc::channel();
    let workers = plan.workers.clamp(1, plan.target.connections.max(1));
    let nonce = fresh_id();
    let start = Instant::now() + Duration::from_millis(50);
    let mut threads = Vec::new();
    for worker in 0..workers {
        let mut target = plan.target.clone();
        target.connections =
            plan.target.connections / workers + usize::from(worker < plan.target.connections % workers);
        let number = count(worker);
        let first_id = nonce.wrapping_add(number << 48);
        let seed = plan.seed.wrapping_mul(31).wrapping_add(number);
        let desk =
            Desk::new(plan.book.clone(), plan.keys.clone(), seed, first_id, plan.detector.clone(), start);
        let pace = match &plan.pace {
            PlanPace::Open(curve, spacing) => {
                Pace::Open(Instants::new(curve.clone(), *spacing, plan.seed, number, count(workers)))
            }
            PlanPace::Closed(in_flight, lasts) => Pace::Closed { in_flight: *in_flight, lasts: *lasts },
        };
        let asker =
            Worker::connect(target, desk, sender.clone()).map_err(|broken| LoadError::Server(broken.0))?;
        threads.push(thread::spawn(move || asker.run(pace)));
    }
    drop(sender);
    let cpu_before = generator_cpu();
    let (figures, seconds) = gather(&slices, workers, &plan.pace, watch);
    let taken = start.elapsed().as_secs_f64();
    let ends = threads.into_iter().map(|thread| thread.join());
    let broken = ends.filter_map(|end| {
        end.map_or(Some("a worker panicked".to_owned()), |run| run.err().map(|broken| broken.0))
    });
    let broken: Vec<String> = broken.collect();
    let seconds_taken = match &plan.pace {
        PlanPace::Open(curve, _) => taken.max(curve.seconds()),
        PlanPace::Closed(_, lasts) => taken.max(lasts.as_secs_f64()),
    };
    let generator_cpu = generator_cpu() - cpu_before;
    Ok(Outcome { figures, seconds, seconds_taken, generator_cpu, broken: broken.into_iter().next() })
}

/// Join the seconds of all workers, each when the last of them has sent it.
fn gather(
    slices: &Receiver<Slice>,
    workers: usize,
    pace: &PlanPace,
    watch: &mut dyn FnMut(&Second, &Figures),
) -> (Figures, Vec<Second>) {
    let mut open: BTreeMap<u64, (usize, Figures)> = BTreeMap::new();
    let mut total = Figures::default();
    let mut seconds = Vec::new();
    let mut close = |second: u64, figures: Figures| {
        total.add(&figures);
        let asked = match pace {
            PlanPace::Open(curve, _) => {
                curve.calls_until(float(second + 1)) - curve.calls_until(float(second))
            }
            PlanPace::Closed(..) => float(figures.sent),
        };
        let closed = Second {
            second,
            asked,
            answered: figures.answered,
            latency: Percentiles::of(&figures.latency_of_all()),
            grants: figures.grants,
            denials: figures.denials,
            errors: figures.error_count(),
        };
        watch(&closed, &total);
        seconds.push(closed);
    };
    for slice in slices {
        let entry = open.entry(slice.second).or_default();
        entry.0 += 1;
        entry.1.add(&slice.figures);
        while let Some(first) = open.first_entry().filter(|entry| entry.get().0 >= workers) {
            let (second, (_, figures)) = first.remove_entry();
            close(second, figures);
        }
    }
    open.into_iter().for_each(|(second, (_, figures))| close(second, figures));
    (total, seconds)
}

/// Processor time of this process, in seconds.
fn generator_cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
        .as_secs_f64()
}

/// Where the request ids of a run begin: a repeated id would be a replay and never reach the store.
pub fn fresh_id() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    fastrand::Rng::with_seed(ns(now) ^ u64::from(std::process::id())).u64(..)
}
