//! Whatever a state holds comes back from its bytes, and bytes that nobody wrote are no state.

use arbiter_core::codec::{FORMAT, decode, encode};
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{
    AccountKey, Charge, Claim, Contact, CustomerState, Engagement, Member, Pool, Status, Suppression, Taste,
    Whose,
};
use arbiter_core::ids::{CampaignId, CapacityId, ChannelId, FamilyId, SegmentId, TermsId};
use arbiter_core::time::Timestamp;
use proptest::prelude::*;

use super::sealed;

fn any_contact() -> impl Strategy<Value = Contact> {
    (
        any::<i64>(),
        any::<u32>(),
        any::<u32>(),
        0..4_u8,
        any::<bool>(),
        any::<u32>(),
        any::<Option<u64>>(),
        any::<u32>(),
        any_extension(),
    )
        .prop_map(
            |(
                time,
                sequence,
                terms,
                status,
                is_answered,
                segment_set,
                key,
                count,
                (whose, lead_ms, charges),
            )| {
                Contact {
                    time: Timestamp(time),
                    sequence,
                    terms: TermsId(terms),
                    status: Status::of(status).unwrap(),
                    is_answered,
                    segment_set,
                    key,
                    count,
                    whose,
                    lead_ms,
                    charges,
                }
            },
        )
}

fn any_charge() -> impl Strategy<Value = Charge> {
    (any::<u32>(), any_number(), any::<i64>(), any::<u32>(), any::<i64>()).prop_map(
        |(capacity, per, start, pool, amount)| Charge {
            account: AccountKey { capacity: CapacityId(capacity), per, start: Timestamp(start) },
            pool: Pool(pool),
            amount,
        },
    )
}

/// Often a customer that is a party of its own, whose contacts are at no address and made at once.
fn any_extension() -> impl Strategy<Value = (Whose, i64, Vec<Charge>)> {
    let key = || prop_oneof![Just(0), any::<u64>()];
    let whose = (any_member(), key(), key()).prop_map(|(member, contact_point, subject)| Whose {
        member,
        contact_point,
        subject,
    });
    (whose, prop_oneof![Just(0), 0..=i64::MAX], proptest::collection::vec(any_charge(), 0..3))
}

fn any_member() -> impl Strategy<Value = Member> {
    prop_oneof![Just(Member::OWN), any::<u32>().prop_map(Member)]
}

/// Whole millionths, other numbers, and those that are neither large nor small.
fn any_finite() -> impl Strategy<Value = f64> {
    let millionths = -2_000_000..2_000_000_i32;
    prop_oneof![
        millionths.prop_map(|figure| f64::from(figure) / 1e6),
        any::<f64>().prop_filter("finite", |figure| figure.is_finite()),
        Just(-0.0),
    ]
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let channels = proptest::collection::vec(any::<u32>().prop_map(ChannelId), 0..4);
    let times = (any::<i64>(), any::<i64>());
    (any_member(), any::<u32>(), channels, times, proptest::option::of(any_finite()), any::<u64>()).prop_map(
        |(member, campaign, channels, (from, until), score, version)| Claim {
            member,
            campaign: CampaignId(campaign),
            channels,
            from: Timestamp(from),
            until: Timestamp(until),
            score,
            version,
        },
    )
}

fn any_taste() -> impl Strategy<Value = Taste> {
    (any_member(), any::<u32>(), any::<i64>(), any_finite()).prop_map(|(member, family, time, strength)| {
        Taste { member, family: FamilyId(family), time: Timestamp(time), strength }
    })
}

/// The catalog gives out numbers up to [`ChannelId::UNNAMED`].
fn any_number() -> impl Strategy<Value = Option<u32>> {
    proptest::option::of(0..u32::MAX)
}

fn any_kind() -> impl Strategy<Value = EngagementKind> {
    proptest::sample::select(EngagementKind::ALL.as_slice())
}

fn any_engagement() -> impl Strategy<Value = Engagement> {
    let kind = (any_kind(), any_member());
    (any::<i64>(), kind, any_number(), any_number(), any_number(), any::<i64>(), any::<u64>()).prop_map(
        |(time, (kind, member), terms, offer_family, channel, value, key)| Engagement {
            member,
            time: Timestamp(time),
            kind,
            terms: terms.map(TermsId),
            offer_family: offer_family.map(FamilyId),
            channel: channel.map(ChannelId),
            value,
            key,
        },
    )
}

fn any_suppression() -> impl Strategy<Value = Suppression> {
    (any_member(), any::<i64>(), any_kind(), any_number()).prop_map(|(member, since, kind, channel)| {
        Suppression { member, since: Timestamp(since), kind, channel: channel.map(ChannelId) }
    })
}

/// Each section is often not there at all.
fn any_sections() -> impl Strategy<Value = (Vec<String>, Vec<Claim>, Vec<Taste>)> {
    (
        proptest::collection::vec(any::<String>(), 0..3),
        proptest::collection::vec(any_claim(), 0..4),
        proptest::collection::vec(any_taste(), 0..3),
    )
}

fn any_state() -> impl Strategy<Value = CustomerState> {
    let sets =
        proptest::collection::vec(proptest::collection::vec(any::<u32>().prop_map(SegmentId), 0..5), 0..4);
    (
        any::<i64>(),
        any::<u32>(),
        sets,
        proptest::collection::vec(any_contact(), 0..20),
        proptest::collection::vec(any_engagement(), 0..10),
        proptest::collection::vec(any_suppression(), 0..4),
        any_sections(),
    )
        .prop_map(
            |(clock, next_sequence, segment_sets, contacts, engagements, suppressions, sections)| {
                let (members, claims, tastes) = sections;
                CustomerState {
                    clock: Timestamp(clock),
                    next_sequence,
                    contacts,
                    engagements,
                    suppressions,
                    segment_sets,
                    members,
                    claims,
                    tastes,
                }
            },
        )
}

proptest! {
    #[test]
    fn every_state_comes_back_from_its_bytes(state in any_state()) {
        prop_assert_eq!(decode(&encode(&state)), Ok(state));
    }

    #[test]
    fn a_changed_value_is_never_read_as_another(state in any_state(), place in any::<prop::sample::Index>(), change in 1..=u8::MAX) {
        let mut bytes = encode(&state);
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn bytes_that_nobody_wrote_are_refused_or_mean_one_state(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(body.is_empty() || decode(&body).is_err());
        for format in 1..=FORMAT {
            let body = [&[format], body.as_slice()].concat();
            if let Ok(state) = decode(&sealed(&body)) {
                prop_assert_eq!(decode(&encode(&state)), Ok(state));
            }
        }
    }
}
