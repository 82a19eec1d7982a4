//! What holds of every story: `earliest_time` is exact to the millisecond, a denial changes nothing, an answer is a function of what is
//! asked, and nobody is the worse for a claim that is not there.

use arbiter_core::codec::{decode, encode};
use arbiter_core::decide::decide;
use arbiter_core::decision::{Decision, Denial};
use arbiter_core::request::{MAX_PLANNED_MS, Request};
use arbiter_core::standings::Standings;
use arbiter_core::time::{DAY_MS, LAST, Timestamp};
use proptest::prelude::*;

use crate::story::{CAMPAIGNS, CHANNELS, live, rules, steps};
use crate::world::{World, request};

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

/// The first instant at or after `planned` at which asking helps, for who asks at `now` for a contact then.
fn ensure_exact_when_planned(
    world: &World,
    campaign: &str,
    now: Timestamp,
    planned: Timestamp,
) -> Result<(), TestCaseError> {
    let question = Request { planned: Some(planned), ..request("", campaign, "email") };
    let decision = world.answer(&question, now).decisions.remove(0);
    if decision.grant.is_some() {
        return Ok(());
    }
    let ask = |t: Timestamp| world.check(campaign, "email", t);
    let free_from = decision.earliest.unwrap_or(LAST);
    prop_assert!(free_from >= planned);
    for t in between(planned, free_from.minus_ms(1)).filter(|t| planned <= *t && *t < free_from) {
        prop_assert!(ask(t).grant.is_none(), "free at {t:?}, before {free_from:?}");
    }
    if let Some(earliest) = decision.earliest {
        prop_assert!(ask(earliest).grant.is_some(), "{:?} at {earliest:?}", ask(earliest).denials);
    }
    Ok(())
}

proptest! {
    #[test]
    fn from_its_earliest_time_on_a_rule_is_silent_and_not_before(
        rules in rules(),
        horizon_days in 366..800_i64,
        steps in steps(40),
    ) {
        let (world, now) = live(&rules, horizon_days * DAY_MS, &steps);
        for campaign in CAMPAIGNS {
            for channel in CHANNELS {
                ensure_exact(&world, campaign, channel, now)?;
            }
        }
    }

    #[test]
    fn who_plans_is_told_the_first_instant_at_which_asking_helps(
        rules in rules(),
        steps in steps(40),
        ahead_ms in prop_oneof![Just(0), 0..=MAX_PLANNED_MS],
    ) {
        let (world, now) = live(&rules, 400 * DAY_MS, &steps);
        for campaign in CAMPAIGNS {
            ensure_exact_when_planned(&world, campaign, now, now.plus_ms(ahead_ms))?;
        }
    }

    #[test]
    fn a_denial_leaves_the_state_as_it_was(rules in rules(), steps in steps(40), ahead_ms in any_ahead()) {
        let (mut world, now) = live(&rules, 400 * DAY_MS, &steps);
        for campaign in CAMPAIGNS {
            let before = world.state.clone();
            let planned = ahead_ms.map(|ms| now.plus_ms(ms));
            let question = Request { planned, ..request("again", campaign, "sms") };
            let outcome = decide(&world.snapshot, &mut world.state, &question, &mut Standings::default(), now).unwrap();
            if outcome.decisions[0].grant.is_none() {
                prop_assert!(!outcome.is_changed);
                prop_assert_eq!(&world.state, &before);
            }
        }
    }

    #[test]
    fn the_same_arguments_give_the_same_answer(rules in rules(), steps in steps(40), ahead_ms in any_ahead()) {
        let (world, now) = live(&rules, 400 * DAY_MS, &steps);
        let candidates = CAMPAIGNS.map(|campaign| request("", campaign, "sms").candidates[0]);
        let planned = ahead_ms.map(|ms| now.plus_ms(ms));
        let question =
            Request { candidates: candidates.to_vec(), planned, max_grants: 2, ..request("r", "", "") };
        let answer = || {
            // As in a store: the state is read from its bytes.
            let mut state = decode(&encode(&world.state)).unwrap();
            let outcome = decide(&world.snapshot, &mut state, &question, &mut Standings::default(), now).unwrap();
            (outcome.decisions, outcome.alternatives, outcome.is_changed, encode(&state))
        };
        prop_assert_eq!(answer(), answer());
    }

    #[test]
    fn without_a_claim_nobody_is_denied_who_was_granted_with_it(
        rules in rules(),
        steps in steps(40),
        ahead_ms in any_ahead(),
    ) {
        let (mut world, now) = live(&rules, 400 * DAY_MS, &steps);
        let planned = ahead_ms.map(|ms| now.plus_ms(ms));
        let granted = |world: &World| -> Vec<bool> {
            let asked = CAMPAIGNS.iter().flat_map(|campaign| CHANNELS.map(|channel| (*campaign, channel)));
            let questions = asked.map(|(campaign, channel)| Request { planned, ..request("", campaign, channel) });
            questions.map(|question| world.answer(&question, now).decisions[0].grant.is_some()).collect()
        };
        let mut before = granted(&world);
        while world.state.claims.pop().is_some() {
            let after = granted(&world);
            prop_assert!(before.iter().zip(&after).all(|(before, after)| before <= after));
            before = after;
        }
    }

    #[test]
    fn every_alternative_would_be_granted_when_it_says(rules in rules(), steps in steps(40)) {
        let (world, now) = live(&rules, 400 * DAY_MS, &steps);
        for campaign in CAMPAIGNS {
            let names = &world.snapshot.register;
            for other in world.answer(&request("", campaign, "email"), now).alternatives {
                let (campaign, channel) = (&names.campaigns[other.campaign.index()], &names.channels[other.channel.index()]);
                prop_assert!(world.check(campaign, channel, other.time).grant.is_some(), "{other:?}");
            }
        }
    }
}

fn any_ahead() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(0..=MAX_PLANNED_MS)
}
