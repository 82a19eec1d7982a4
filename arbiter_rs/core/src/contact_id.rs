//! Contact ids as callers see them: `<sequence>-<time, base 36>@<customer>`, so that an id alone finds the customer's value.

use crate::apply::ContactName;
use crate::time::Timestamp;

/// The id of a contact.
#[must_use]
pub fn format(name: ContactName, customer: &str) -> String {
    let mut digits = Vec::new();
    let mut rest = name.time.0.unsigned_abs();
    while rest > 0 || digits.is_empty() {
        let digit = u32::try_from(rest % 36).unwrap_or(0);
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        rest /= 36;
    }
    let time: String = digits.into_iter().rev().collect();
    format!("{}-{time}@{customer}", name.sequence)
}

/// The contact and the customer that an id names; nothing where it is not the id of a contact.
#[must_use]
pub fn parse(id: &str) -> Option<(ContactName, &str)> {
    let (name, customer) = id.split_once('@')?;
    let (sequence, time) = name.split_once('-')?;
    let time = i64::from_str_radix(time, 36).ok()?;
    let name = ContactName { sequence: sequence.parse().ok()?, time: Timestamp(time) };
    (!customer.is_empty() && format(name, customer) == id).then_some((name, customer))
}

#[cfg(test)]
mod tests {
    use super::{format, parse};
    use crate::apply::ContactName;
    use crate::time::Timestamp;

    #[test]
    fn a_contact_id_names_its_customer_whatever_the_customer_is_called() {
        for customer in ["42", "a@b-c", "é{}", "-"] {
            let name = ContactName { sequence: 17, time: Timestamp(1_772_319_600_000) };
            let id = format(name, customer);
            assert_eq!(parse(&id), Some((name, customer)));
        }
    }

    #[test]
    fn what_is_not_a_contact_id_names_nothing() {
        for id in ["", "@", "17@42", "17-@42", "x-1@42", "17-1@", "017-1@42", "17-A@42", "-1-1@4", "17--1@42"]
        {
            assert_eq!(parse(id), None, "{id}");
        }
    }
}
