//! `earliest_time` is exact: from it on, and not a millisecond before, the rule is silent, if nothing else happens.

use arbiter_core::decision::{Decision, Denial};
use arbiter_core::time::{DAY_MS, LAST, Timestamp};
use proptest::prelude::*;

use crate::story::{CAMPAIGNS, CHANNELS, live, policies, steps};
use crate::world::World;

fn speaks(decision: &Decision, denial: &Denial) -> bool {
    decision.denials.iter().any(|other| (other.reason, other.rule) == (denial.reason, denial.rule))
}

/// Moments between two, their ends included.
fn between(from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
    let span = until.0 - from.0;
    (0..=16).map(move |part| Timestamp(from.0 + span / 16 * part)).chain([until])
}

fn ensure_exact(world: &World, campaign: &str, channel: &str, now: Timestamp) -> Result<(), TestCaseError> {
    let ask = |t: Timestamp| world.check(campaign, channel, t);
    let decision = ask(now);
    for denial in &decision.denials {
        let silent_from = denial.earliest.unwrap_or(LAST);
        prop_assert!(silent_from > now, "{denial:?} speaks at {now:?}");
        for t in between(now, silent_from.minus_ms(1)) {
            prop_assert!(speaks(&ask(t), denial), "{denial:?} is silent at {t:?} already");
        }
        if let Some(earliest) = denial.earliest {
            prop_assert!(!speaks(&ask(earliest), denial), "{denial:?} still speaks then");
        }
    }
    if decision.grant.is_none() {
        let free_from = decision.earliest.unwrap_or(LAST);
        for t in between(now, free_from.minus_ms(1)) {
            prop_assert!(ask(t).grant.is_none(), "free at {t:?}, before {free_from:?}");
        }
        if let Some(earliest) = decision.earliest {
            prop_assert!(ask(earliest).grant.is_some(), "{:?} at {earliest:?}", ask(earliest).denials);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn from_its_earliest_time_on_a_rule_is_silent_and_not_before(
        policies in policies(),
        horizon_days in 366..800_i64,
        steps in steps(40),
    ) {
        let (world, now) = live(&policies, horizon_days * DAY_MS, &steps);
        for campaign in CAMPAIGNS {
            for channel in CHANNELS {
                ensure_exact(&world, campaign, channel, now)?;
            }
        }
    }

    #[test]
    fn a_denial_leaves_the_state_as_it_was(policies in policies(), steps in steps(40)) {
        let (mut world, now) = live(&policies, 400 * DAY_MS, &steps);
        for campaign in CAMPAIGNS {
            let before = world.state.clone();
            let question = crate::world::request("again", campaign, "sms");
            let outcome = arbiter_core::decide::decide(&world.snapshot, &mut world.state, &question, now).unwrap();
            if outcome.decisions[0].grant.is_none() {
                prop_assert!(!outcome.is_changed);
                prop_assert_eq!(&world.state, &before);
            }
        }
    }
}
