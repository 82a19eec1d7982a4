//! Numbers that change their type, in one place.

use std::time::Duration;

/// Nanoseconds of a span; the largest number for one of more than 584 years.
pub fn ns(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A share or rate as a float: exact below 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "figures are shown with at most six digits"
)]
pub fn float(number: u64) -> f64 {
    number as f64
}

/// The whole number below; 0 for what is negative or no number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates by definition of `as`"
)]
pub fn whole(number: f64) -> u64 {
    number as u64
}

/// A count as a place in a list.
pub fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The length of a list as a count.
pub fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// `a / b`, and 0 where there is nothing to divide by.
pub fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// A span as catalogs and profiles write it: `10s`, `24h`, `150ms`.
pub fn span(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let of = |ms: u64| number.parse::<u64>().ok().and_then(|n| n.checked_mul(ms)).map(Duration::from_millis);
    match unit {
        "ms" => of(1),
        "s" => of(1_000),
        "m" => of(60_000),
        "h" => of(3_600_000),
        "d" => of(86_400_000),
        _ => None,
    }
    .ok_or_else(|| {
        format!("`{text}` is no span: write a whole number and `ms`, `s`, `m`, `h` or `d`, like `30s`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(span("150ms").unwrap(), Duration::from_millis(150));
        assert_eq!(span("24h").unwrap(), Duration::from_secs(86_400));
        for wrong in ["", "s", "10", "1.5s", "-3s", "10 s", "99999999999999999999d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
