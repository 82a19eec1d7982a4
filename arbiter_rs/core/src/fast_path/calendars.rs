//! The first instants of windows that turn at local midnights, worked out once a day and zone.

use crate::time::{Calendar, Timestamp, Unit, WeekStart};
use crate::windows::{Frame, Window, Zone};

/// Local midnights, and the turns of the clock but for rare ones, lie on quarters of an hour.
const BLOCK_MS: i64 = 900_000;
/// How many zones are remembered.
const MAX_ZONES: usize = 16;
/// How many windows are remembered for a zone.
const MAX_WINDOWS: usize = 64;

/// What was worked out before. It depends on nothing but zone, window and local date.
#[derive(Debug, Default)]
pub(super) struct Calendars {
    zones: Vec<ZoneDay>,
    next: usize,
}

/// One local date.
#[derive(Debug)]
struct ZoneDay {
    zone: String,
    /// The quarter of an hour that was last seen to lie within the date.
    block: i64,
    day: i64,
    firsts: Vec<(Turn, Timestamp)>,
}

/// A window without its zone.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    Days(i64),
    Period(Unit, WeekStart),
}

impl Calendars {
    /// The first instant of the window that ends with `t`, or of the period that holds it.
    pub(super) fn first(
        &mut self,
        window: &Window,
        customer: Option<&Calendar>,
        brand: &Calendar,
        t: Timestamp,
    ) -> Timestamp {
        let (turn, zone): (Turn, &Zone) = match window {
            Window::RollingDays(days, zone) => (Turn::Days(*days), zone),
            Window::Calendar(unit, week_start, zone) => (Turn::Period(*unit, *week_start), zone),
            Window::Sliding(_) | Window::Lifetime => return t,
        };
        let calendar = zone.calendar(customer, brand);
        let work_out = || match turn {
            Turn::Days(days) => Frame::RollingDays(days, calendar).reach(t).0,
            Turn::Period(unit, week_start) => Frame::Calendar(unit, week_start, calendar).reach(t).0,
        };
        let Some(date) = self.date(calendar, t) else { return work_out() };
        if let Some((_, first)) = date.firsts.iter().find(|(known, _)| *known == turn) {
            return *first;
        }
        let first = work_out();
        if date.firsts.len() < MAX_WINDOWS {
            date.firsts.push((turn, first));
        }
        first
    }

    /// The local date of `t`; nothing where it turns within the quarter of an hour, or the zone has no name.
    fn date(&mut self, calendar: &Calendar, t: Timestamp) -> Option<&mut ZoneDay> {
        let name = calendar.zone_name()?;
        let block = t.0.div_euclid(BLOCK_MS);
        let place = self.zones.iter().position(|held| held.zone == name);
        if let Some(place) =
            place.filter(|place| self.zones.get(*place).is_some_and(|held| held.block == block))
        {
            return self.zones.get_mut(place);
        }
        let begin = Timestamp(block * BLOCK_MS);
        let day = calendar.day(begin);
        if calendar.day(begin.plus_ms(BLOCK_MS - 1)) != day {
            return None;
        }
        let place = place.unwrap_or_else(|| self.room());
        let held = self.zones.get_mut(place)?;
        if held.zone != name || held.day != day {
            held.firsts.clear();
            name.clone_into(&mut held.zone);
            held.day = day;
        }
        held.block = block;
        Some(held)
    }

    /// A place for one more zone: an empty one, or the one taken longest ago.
    fn room(&mut self) -> usize {
        if self.zones.len() < MAX_ZONES {
            self.zones.push(ZoneDay {
                zone: String::new(),
                block: i64::MIN,
                day: i64::MIN,
                firsts: Vec::new(),
            });
            return self.zones.len() - 1;
        }
        self.next = (self.next + 1) % MAX_ZONES;
        self.next
    }
}
