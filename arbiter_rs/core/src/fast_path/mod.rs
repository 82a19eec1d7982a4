//! The fast path: grants the plain request from the bytes of the value, in one pass over its contacts, and writes the bytes of the next one.
//!
//! [`decide`](crate::decide::decide) is what an answer means. This says the same where it says anything, to the last byte, and says nothing
//! where a request or value is not plain, or where the answer is no: a denial is explained the long way.
//!
//! Plain is: one candidate, to be contacted now, of a customer that is a party of its own; a value that holds nothing planned ahead, nobody
//! else's contacts and nothing under a capacity; rules that count contacts, or look at what came back from the customer.

mod calendars;
mod cursor;
mod judge;
mod plan;
mod scan;
mod sums;
mod write;

use self::calendars::Calendars;
use self::judge::Question;
pub(crate) use self::plan::Plans;
use self::sums::Sums;
use crate::arbitrate::Rank;
use crate::catalog::Snapshot;
use crate::customer::{Claim, CustomerState};
use crate::decide::Outcome;
use crate::decision::{CapUsage, Decision, Grant};
use crate::ids::SegmentId;
use crate::request::{Purpose, Request};
use crate::score::Score;
use crate::standings::Standings;
use crate::time::Timestamp;

/// What one decision after the other is worked out in, so that none allocates. It holds nothing that an answer depends on.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Of the value in hand: all but its contacts and segments.
    state: CustomerState,
    standings: Standings,
    segments: Vec<SegmentId>,
    sums: Sums,
    calendars: Calendars,
    firsts: Vec<i64>,
    forgotten: Vec<scan::Forgotten>,
    remaining: Vec<CapUsage>,
}

/// A grant of the fast path.
#[derive(Debug)]
pub struct Granted<'a> {
    /// The place.
    pub grant: Grant,
    /// What each cap still holds.
    pub remaining: &'a [CapUsage],
    /// What ranked the candidate after its priority.
    pub score: Option<Score>,
    /// The claim that it used.
    pub claim: Option<Claim>,
    /// Whether there is a new value.
    pub is_changed: bool,
}

impl Granted<'_> {
    /// The answer as [`decide`](crate::decide::decide) gives it.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let decision = Decision {
            grant: Some(self.grant),
            remaining: self.remaining.to_vec(),
            score: self.score,
            claim: self.claim,
            ..Decision::default()
        };
        Outcome { decisions: vec![decision], alternatives: Vec::new(), is_changed: self.is_changed }
    }
}

/// Grant a plain request on the value of these bytes and write the next value into `next`; nothing where the long way must be gone, and then
/// `next` holds nothing of use.
///
/// A check, as always, changes nothing: it writes no value.
pub fn grant<'a>(
    snapshot: &Snapshot,
    value: &[u8],
    request: &Request<'_>,
    now: Timestamp,
    scratch: &'a mut Scratch,
    next: &mut Vec<u8>,
) -> Option<Granted<'a>> {
    let value = write::checked(value)?;
    let question = Question::of(snapshot, request, now, &mut scratch.segments)?;
    let scanned = scan::scan(&question, value, scratch)?;
    let judged = question.judge(scratch)?;
    let is_changed = request.purpose == Purpose::Reserve;
    let mut grant = Grant {
        sequence: 0,
        time: now,
        expires: now.plus_ms(question.terms.expires_after_ms),
        terms: question.terms_id,
        is_repeat: false,
    };
    let claim = question.use_claim(scratch);
    if is_changed {
        grant.sequence = scanned.next_sequence;
        write::write(&question, value, &scanned, scratch, next)?;
    }
    Some(Granted { grant, remaining: &scratch.remaining, score: judged, claim, is_changed })
}

/// Where a candidate stands among claims.
fn rank_of<'a>(question: &Question<'a>, score: Option<Score>) -> Rank<'a> {
    Rank {
        priority: question.campaign.common.priority,
        score: score.map_or(0.0, |score| score.figure()),
        deadline: question.candidate.deadline,
        campaign: question.candidate.campaign,
    }
}
