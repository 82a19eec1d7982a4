//! What came back from a customer.

use serde::{Deserialize, Serialize};

/// What came back from a customer. The numbers are those of the wire and of the value's codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngagementKind {
    /// The contact was made.
    Sent = 1,
    /// It arrived.
    Delivered = 2,
    /// It was opened.
    Opened = 3,
    /// A link was followed.
    Clicked = 4,
    /// The customer answered.
    Answered = 5,
    /// The customer did what was proposed.
    Converted = 6,
    /// The customer bought something.
    Purchased = 7,
    /// The customer refused.
    Refused = 8,
    /// The customer complained.
    Complained = 9,
    /// The customer objected.
    OptedOut = 10,
    /// It could not be delivered.
    Bounced = 11,
}

impl EngagementKind {
    /// All of them, by number.
    pub const ALL: [Self; 11] = [
        Self::Sent,
        Self::Delivered,
        Self::Opened,
        Self::Clicked,
        Self::Answered,
        Self::Converted,
        Self::Purchased,
        Self::Refused,
        Self::Complained,
        Self::OptedOut,
        Self::Bounced,
    ];

    /// Those that teach an affinity where the catalog does not say.
    pub const TEACHERS: [Self; 5] =
        [Self::Opened, Self::Clicked, Self::Answered, Self::Converted, Self::Purchased];

    /// The kind with this number.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| u64::from(kind.number()) == number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether it makes a contact an answered one.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Clicked | Self::Answered | Self::Converted | Self::Purchased)
    }

    /// Whether it suppresses marketing from its time on.
    #[must_use]
    pub const fn is_objection(self) -> bool {
        matches!(self, Self::Complained | Self::OptedOut)
    }
}
