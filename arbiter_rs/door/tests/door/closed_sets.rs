//! Numbers and names that stand in the core and on the wire alike: each set tested closed.

use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::Status;
use arbiter_core::decision::{AlternativeKind, Reason};
use arbiter_core::selector::Kind;
use prost_types::EnumDescriptorProto;

use crate::schema::enumeration;

const REASONS: [Reason; 13] = [
    Reason::Suppressed,
    Reason::NoConsent,
    Reason::ChannelClosed,
    Reason::CampaignUnknown,
    Reason::CampaignInactive,
    Reason::NotEligible,
    Reason::HeldOut,
    Reason::Respite,
    Reason::BackOff,
    Reason::FrequencyCap,
    Reason::Capacity,
    Reason::Budget,
    Reason::Outranked,
];

/// A variant as protobuf writes it: `FrequencyCap` of `DENIAL_REASON` is `DENIAL_REASON_FREQUENCY_CAP`.
fn spelt(prefix: &str, variant: &str) -> String {
    let mut name = prefix.to_owned();
    for letter in variant.chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// Names and numbers of an enum of the wire, without the 0 that is never sent.
fn sent(declared: &EnumDescriptorProto) -> Vec<(String, i32)> {
    assert!(declared.value[0].name().ends_with("_UNSPECIFIED"));
    declared.value.iter().skip(1).map(|value| (value.name().to_owned(), value.number())).collect()
}

#[test]
fn denial_reasons_are_those_of_the_wire_in_order_of_precedence() {
    let of_core = REASONS.map(|reason| (spelt("DENIAL_REASON", &format!("{reason:?}")), reason as i32));
    assert_eq!(sent(&enumeration("DenialReason")), of_core);
    assert!(REASONS.is_sorted());
}

#[test]
fn engagement_kinds_are_those_of_the_wire() {
    let of_core = EngagementKind::ALL
        .map(|kind| (spelt("ENGAGEMENT_KIND", &format!("{kind:?}")), i32::from(kind.number())));
    assert_eq!(sent(&enumeration("EngagementKind")), of_core);
    for number in 1..=11_u64 {
        assert_eq!(EngagementKind::of(number).map(|kind| u64::from(kind.number())), Some(number));
    }
    assert_eq!((EngagementKind::of(0), EngagementKind::of(12)), (None, None));
}

#[test]
fn kinds_are_those_of_the_wire() {
    let all = [Kind::Marketing, Kind::Service, Kind::Transactional, Kind::Legal];
    let of_core: Vec<String> = all.iter().map(|kind| spelt("KIND", &format!("{kind:?}"))).collect();
    let of_wire: Vec<String> = sent(&enumeration("Kind")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(of_wire, of_core);
}

#[test]
fn alternatives_are_those_of_the_wire() {
    let all = [AlternativeKind::Channel, AlternativeKind::Fallback, AlternativeKind::Time];
    let of_core = all.map(|kind| (spelt("ALTERNATIVE_KIND", &format!("{kind:?}")), kind as i32));
    assert_eq!(sent(&enumeration("AlternativeKind")), of_core);
}

#[test]
fn a_contact_stands_where_the_wire_says_or_was_made_elsewhere() {
    // `Elsewhere` is a confirmed contact on the wire, and an expired one is pending in the value.
    let of_wire: Vec<String> = sent(&enumeration("ContactState")).into_iter().map(|(name, _)| name).collect();
    let of_core = [Status::Pending, Status::Confirmed, Status::Released]
        .map(|status| spelt("CONTACT_STATE", &format!("{status:?}")));
    assert_eq!(of_wire[..3], of_core);
    assert_eq!(of_wire[3..], ["CONTACT_STATE_EXPIRED"]);
    assert_eq!(Status::of(4), None);
}
