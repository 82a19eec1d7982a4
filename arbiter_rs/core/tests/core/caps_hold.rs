//! Caps hold: a counter that adds up every window by brute force agrees with every verdict, whatever is granted, released or lapses.

use arbiter_core::apply::{ContactName, SettleError, Settlement, settle};
use arbiter_core::decision::Amount;
use arbiter_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::world::{HOUR_MS, T, World, cap};

/// Where a moment lies on the axis of a window, and how long the window is there.
#[derive(Clone, Copy, Debug)]
enum Axis {
    Sliding(i64),
    RollingDays(i64),
    CalendarDay,
}

impl Axis {
    fn window(self) -> Value {
        match self {
            Self::Sliding(ms) => json!({"sliding_ms": ms}),
            Self::RollingDays(days) => json!({"rolling_days": days, "zone": "UTC"}),
            Self::CalendarDay => json!({"calendar": "day", "zone": "UTC"}),
        }
    }

    fn place(self, t: Timestamp) -> i64 {
        match self {
            Self::Sliding(_) => t.0,
            Self::RollingDays(_) | Self::CalendarDay => t.0.div_euclid(DAY_MS),
        }
    }

    fn length(self) -> i64 {
        match self {
            Self::Sliding(length) | Self::RollingDays(length) => length,
            Self::CalendarDay => 1,
        }
    }

    /// The most that a window which holds `t` holds of these.
    fn fullest(self, t: Timestamp, times: &[Timestamp]) -> i64 {
        let here = self.place(t);
        let ends = times.iter().map(|c| self.place(*c)).chain([here]);
        let holding = ends.filter(|end| (here..here + self.length()).contains(end));
        let count = |end: i64| {
            times.iter().filter(|c| (end - self.length() + 1..=end).contains(&self.place(**c))).count()
        };
        i64::try_from(holding.map(count).max().unwrap_or(0)).unwrap()
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    name: ContactName,
    lapses: bool,
    is_confirmed: bool,
    is_released: bool,
}

impl Held {
    fn is_lapsed(&self, t: Timestamp) -> bool {
        self.lapses && !self.is_confirmed && t >= self.name.time.plus_ms(HOUR_MS)
    }

    fn holds_place(&self, t: Timestamp) -> bool {
        !self.is_released && !self.is_lapsed(t)
    }
}

/// The counter: every contact that was granted, and what became of it.
#[derive(Debug, Default)]
struct Counter(Vec<Held>);

impl Counter {
    fn ask(
        &mut self,
        world: &mut World,
        axis: Axis,
        limit: i64,
        channel: &str,
        now: Timestamp,
    ) -> Result<(), TestCaseError> {
        let times: Vec<Timestamp> =
            self.0.iter().filter(|held| held.holds_place(now)).map(|held| held.name.time).collect();
        let used = axis.fullest(now, &times);
        let decision = world.ask_by("spring", channel, now);
        prop_assert_eq!(decision.grant.is_some(), used < limit, "{} used at {:?}", used, now);
        match decision.grant {
            Some(grant) => {
                prop_assert_eq!(decision.remaining[0].used, Amount::Contacts(used + 1));
                let name = ContactName { sequence: grant.sequence, time: grant.time };
                self.0.push(Held { name, lapses: channel == "sms", is_confirmed: false, is_released: false });
            }
            None => prop_assert_eq!(decision.denials[0].used, Amount::Contacts(used)),
        }
        Ok(())
    }

    fn settle(
        &mut self,
        world: &mut World,
        index: usize,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<(), TestCaseError> {
        let Some(held) = self.0.get_mut(index) else { return Ok(()) };
        let found = settle(&world.snapshot, &mut world.state, held.name, settlement, now);
        let expected = match settlement {
            Settlement::Confirm if held.is_released => Some(SettleError::Released),
            Settlement::Confirm if held.is_lapsed(now) => Some(SettleError::Expired),
            Settlement::Release if held.is_confirmed => Some(SettleError::Confirmed),
            Settlement::Confirm | Settlement::Release => None,
        };
        prop_assert_eq!(found.err(), expected);
        if expected.is_none() {
            held.is_confirmed |= settlement == Settlement::Confirm;
            held.is_released |= settlement == Settlement::Release;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Ask(&'static str),
    Settle(Settlement, usize),
}

fn acts() -> impl Strategy<Value = Vec<(i64, Act)>> {
    // A replica whose clock runs behind asks in the past of the others.
    let after_ms = prop_oneof![Just(0), Just(1), -2 * HOUR_MS..10 * HOUR_MS, 0..2 * DAY_MS];
    let act = prop_oneof![
        6 => select(vec!["email", "sms"]).prop_map(Act::Ask),
        1 => (0..40_usize).prop_map(|index| Act::Settle(Settlement::Confirm, index)),
        1 => (0..40_usize).prop_map(|index| Act::Settle(Settlement::Release, index)),
    ];
    proptest::collection::vec((after_ms, act), 1..60)
}

proptest! {
    #[test]
    fn a_brute_force_counter_agrees_with_every_verdict(
        axis in prop_oneof![
            select(vec![1, HOUR_MS, DAY_MS, 7 * DAY_MS]).prop_map(Axis::Sliding),
            (1..8_i64).prop_map(Axis::RollingDays),
            Just(Axis::CalendarDay),
        ],
        limit in 0..6_i64,
        acts in acts(),
    ) {
        let mut world = World::with_rules(&json!([cap("cap", limit, &axis.window())]));
        let mut counter = Counter::default();
        let mut now = T;
        for (after_ms, act) in acts {
            now = now.plus_ms(after_ms);
            match act {
                Act::Ask(channel) => counter.ask(&mut world, axis, limit, channel, now)?,
                Act::Settle(settlement, index) => counter.settle(&mut world, index, settlement, now)?,
            }
        }
    }
}
