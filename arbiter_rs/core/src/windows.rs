//! Windows and spans on the line of time: which contacts a moment shares a window with, and when each leaves it.

use crate::time::{Calendar, Timestamp, Unit, WeekStart};
use crate::weights::RunningSums;

/// Whose calendar a window or span goes by.
#[derive(Clone, Debug)]
pub enum Zone {
    /// The customer's, else the brand's.
    Customer,
    /// The brand's.
    Brand,
    /// This one.
    Fixed(Calendar),
}

impl Zone {
    /// The calendar for a customer whose own, where known, is `customer`.
    #[must_use]
    pub fn calendar<'a>(&'a self, customer: Option<&'a Calendar>, brand: &'a Calendar) -> &'a Calendar {
        match self {
            Self::Customer => customer.unwrap_or(brand),
            Self::Brand => brand,
            Self::Fixed(calendar) => calendar,
        }
    }
}

/// The window of a frequency cap.
#[derive(Clone, Debug)]
pub enum Window {
    /// The last so many milliseconds: a contact exactly one window old no longer counts.
    Sliding(i64),
    /// The calendar period that holds the moment.
    Calendar(Unit, WeekStart, Zone),
    /// The last so many local dates, that of the moment included.
    RollingDays(i64, Zone),
    /// Ever, within the horizon.
    Lifetime,
}

/// How long a rest or respite lasts.
#[derive(Clone, Debug)]
pub enum Span {
    /// So many milliseconds.
    Exact(i64),
    /// Until the start of the date so many days after.
    Days(i64, Zone),
    /// For ever.
    Never,
}

impl Span {
    /// The first instant after the span that begins at `start`; nothing where it never ends.
    #[must_use]
    pub fn end(&self, start: Timestamp, customer: Option<&Calendar>, brand: &Calendar) -> Option<Timestamp> {
        match self {
            Self::Exact(ms) => Some(start.plus_ms(*ms)),
            Self::Days(days, zone) => {
                let calendar = zone.calendar(customer, brand);
                Some(calendar.start_of_day(calendar.day(start) + days))
            }
            Self::Never => None,
        }
    }
}

/// A window bound to one customer's calendar: positions on an axis on which it is `length` long.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// Positions are milliseconds.
    Sliding(i64),
    /// Positions are local day numbers.
    RollingDays(i64, &'a Calendar),
    /// Windows do not slide: each period is one.
    Calendar(Unit, WeekStart, &'a Calendar),
}

impl<'a> Frame<'a> {
    /// Bind a window.
    #[must_use]
    pub fn new(
        window: &'a Window,
        horizon_ms: i64,
        customer: Option<&'a Calendar>,
        brand: &'a Calendar,
    ) -> Self {
        match window {
            Window::Sliding(length_ms) => Self::Sliding(*length_ms),
            Window::Lifetime => Self::Sliding(horizon_ms),
            Window::RollingDays(days, zone) => Self::RollingDays(*days, zone.calendar(customer, brand)),
            Window::Calendar(unit, week_start, zone) => {
                Self::Calendar(*unit, *week_start, zone.calendar(customer, brand))
            }
        }
    }

    /// Instants `(from, until)` such that only contacts with `from <= time < until` share a window with `t`.
    #[must_use]
    pub fn reach(&self, t: Timestamp) -> (Timestamp, Timestamp) {
        match self {
            Self::Sliding(length_ms) => (t.minus_ms(length_ms - 1), t.plus_ms(*length_ms)),
            Self::RollingDays(days, calendar) => {
                let day = calendar.day(t);
                (calendar.start_of_day(day - days + 1), calendar.start_of_day(day + days))
            }
            Self::Calendar(unit, week_start, calendar) => calendar.period(*unit, *week_start, t),
        }
    }

    /// The first instant after every window that a contact at `c` shares.
    #[must_use]
    pub fn leaves(&self, c: Timestamp) -> Timestamp {
        match self {
            Self::Sliding(length_ms) => c.plus_ms(*length_ms),
            Self::RollingDays(days, calendar) => calendar.start_of_day(calendar.day(c) + days),
            Self::Calendar(unit, week_start, calendar) => calendar.period(*unit, *week_start, c).1,
        }
    }

    /// The heaviest window that holds `t`, over contacts `(time, weight)` in its reach, ascending by time: its weight, and the instant that it ends with.
    ///
    /// Where nothing lies after `t` this is the window that ends with `t`.
    #[must_use]
    pub fn heaviest(&self, t: Timestamp, contacts: &[(Timestamp, i64)]) -> (i64, Timestamp) {
        let sums = RunningSums::of(contacts.iter().copied());
        let windows = self.windows_with(t, contacts.iter().map(|(time, _)| *time));
        let weighed = windows.into_iter().map(|end| (sums.within(self.window_ending(end)), end));
        weighed.reduce(|best, other| if other.0 > best.0 { other } else { best }).unwrap_or((0, t))
    }

    /// What the windows that hold `t` end with, ascending, `t` first: `t` itself and those of these instants, ascending, that lie behind it.
    ///
    /// Windows that would be the same are named once, a period that does not slide by `t` alone.
    #[must_use]
    pub fn windows_with(&self, t: Timestamp, ends: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
        let mut windows = vec![t];
        if self.turns() {
            return windows;
        }
        let until = self.reach(t).1;
        let mut last = self.last_of(t);
        for end in ends.filter(|end| *end < until) {
            if end > last {
                windows.push(end);
                last = self.last_of(end);
            }
        }
        windows
    }

    /// Whether the window that ends with `end` holds a contact at `c`.
    #[must_use]
    pub fn holds(&self, end: Timestamp, c: Timestamp) -> bool {
        let (first, last) = self.window_ending(end);
        first <= c && c <= last
    }

    /// First and last instant of the window that ends with `end` (of the period that holds it).
    #[must_use]
    pub fn window_ending(&self, end: Timestamp) -> (Timestamp, Timestamp) {
        let (from, until) = self.reach(end);
        (from, if self.turns() { until.minus_ms(1) } else { self.last_of(end) })
    }

    /// Whether windows turn at fixed instants instead of sliding.
    #[must_use]
    pub const fn turns(&self) -> bool {
        matches!(self, Self::Calendar(..))
    }

    /// The last instant at the same position of the axis as `t`.
    fn last_of(&self, t: Timestamp) -> Timestamp {
        match self {
            Self::RollingDays(_, calendar) => calendar.start_of_day(calendar.day(t) + 1).minus_ms(1),
            Self::Sliding(_) | Self::Calendar(..) => t,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Frame;
    use crate::time::{Calendar, DAY_MS, Timestamp};

    const T: Timestamp = Timestamp(1_000 * DAY_MS);

    #[test]
    fn a_contact_exactly_one_window_old_no_longer_counts() {
        let frame = Frame::Sliding(DAY_MS);
        assert_eq!(frame.reach(T).0, Timestamp(T.0 - DAY_MS + 1));
        assert_eq!(frame.leaves(Timestamp(T.0 - DAY_MS)), T);
    }

    #[test]
    fn a_window_that_ends_later_may_be_the_heaviest() {
        let frame = Frame::Sliding(7 * DAY_MS);
        let contacts = [(T.minus_ms(6 * DAY_MS), 1), (T.plus_ms(DAY_MS), 1), (T.plus_ms(2 * DAY_MS), 1)];
        assert_eq!(frame.heaviest(T, &contacts), (2, T.plus_ms(2 * DAY_MS)));
    }

    #[test]
    fn rolling_days_end_with_the_date_of_the_moment() {
        let utc = Calendar::of("UTC").unwrap();
        let frame = Frame::RollingDays(2, &utc);
        assert_eq!(frame.reach(T.plus_ms(5)), (T.minus_ms(DAY_MS), T.plus_ms(2 * DAY_MS)));
        assert_eq!(frame.leaves(T.plus_ms(5)), T.plus_ms(2 * DAY_MS));
    }
}
