//! One question asked both ways: the long one says what the answer is, the fast one must say the same to the last byte, or nothing.

use arbiter_core::catalog::Snapshot;
use arbiter_core::codec::{decode, encode};
use arbiter_core::customer::CustomerState;
use arbiter_core::decide::decide;
use arbiter_core::fast_path::{Scratch, grant};
use arbiter_core::request::Request;
use arbiter_core::standings::Standings;
use arbiter_core::time::Timestamp;

/// Which way a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A grant, both ways.
    Fast,
    /// A grant, the long way only.
    Long,
    /// The grant of an earlier request, the long way only.
    Repeated,
    /// No grant.
    Refused,
}

thread_local! {
    /// One for all questions, as in a server: what is left of one must not reach the next.
    static SCRATCH: std::cell::RefCell<Scratch> = std::cell::RefCell::default();
}

/// Ask both ways on the bytes of a state.
pub(crate) fn compare(
    snapshot: &Snapshot,
    state: &CustomerState,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Way, String> {
    let is_unknown = *state == CustomerState::default();
    let value = if is_unknown { Vec::new() } else { encode(state) };
    let mut after = decode(&value).map_err(|error| error.to_string())?;
    let mut standings = Standings::default();
    let decided = decide(snapshot, &mut after, request, &mut standings, now);
    let mut next = vec![0xff; 3];
    let granted = SCRATCH.with_borrow_mut(|scratch| {
        grant(snapshot, &value, request, now, scratch, &mut next)
            .map(arbiter_core::fast_path::Granted::outcome)
    });
    let Some(granted) = granted else {
        let grants =
            decided.iter().flat_map(|outcome| &outcome.decisions).filter_map(|decision| decision.grant);
        let repeats: Vec<bool> = grants.map(|grant| grant.is_repeat).collect();
        return Ok(match repeats.as_slice() {
            [] => Way::Refused,
            repeats if repeats.contains(&true) => Way::Repeated,
            _ => Way::Long,
        });
    };
    let same = |what: &str, is_same: bool| {
        let told =
            || format!("{what} of {request:?} at {now:?} on {value:02x?}: {granted:?}, not {decided:?}");
        if is_same { Ok(()) } else { Err(told()) }
    };
    let Ok(outcome) = &decided else { return Err(same("answer", false).unwrap_err()) };
    same("standings", standings.take_missing().is_empty())?;
    same("decisions", granted.decisions == outcome.decisions)?;
    same("alternatives", granted.alternatives == outcome.alternatives)?;
    same("change", granted.is_changed == outcome.is_changed)?;
    if outcome.is_changed {
        let wanted = encode(&after);
        same(&format!("next value {next:02x?}, not {wanted:02x?},"), next == wanted)?;
    }
    Ok(Way::Fast)
}
