//! How many bytes a value takes. The figures in the codec's documentation are these.

use arbiter_core::codec::encode;
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{
    AccountKey, Charge, Claim, CustomerState, Engagement, Member, Pool, Status, Whose,
};
use arbiter_core::ids::{CampaignId, CapacityId, ChannelId, SegmentId, TermsId};
use arbiter_core::time::{DAY_MS, Timestamp};

use super::{T, contact, empty};

/// A year of settled contacts under 300 terms, at uneven distances.
fn settled_year(contacts: u32) -> CustomerState {
    let step = 365 * DAY_MS / i64::from(contacts.max(1));
    let unevenly = |n: u32| T + i64::from(n) * step + i64::from(n * 7_919 % 1_000) * (step / 2_000);
    CustomerState {
        clock: Timestamp(T + 365 * DAY_MS),
        next_sequence: contacts + 1,
        contacts: (0..contacts)
            .map(|n| contact(unevenly(n), n + 1, n * 37 % 300, Status::Confirmed))
            .collect(),
        ..empty()
    }
}

fn size_of(change: impl Fn(&mut CustomerState)) -> usize {
    let mut state = settled_year(100);
    change(&mut state);
    encode(&state).len()
}

#[test]
fn a_settled_contact_takes_at_most_10_bytes_and_the_rest_64() {
    let measured =
        [(0, 17), (1, 25), (2, 33), (5, 54), (10, 93), (50, 398), (100, 775), (365, 2_421), (4_096, 26_947)];
    for (contacts, bytes) in measured {
        assert_eq!(encode(&settled_year(contacts)).len(), bytes, "{contacts} contacts");
        assert!(bytes <= 64 + 10 * contacts as usize);
    }
}

#[test]
fn a_contact_takes_8_bytes_more_while_its_request_may_be_repeated() {
    let plain = size_of(|_| {});
    assert_eq!(size_of(|state| state.contacts[99].key = Some(7)) - plain, 8);
    assert_eq!(
        size_of(|state| state.contacts.iter_mut().for_each(|contact| contact.key = Some(7))) - plain,
        800
    );
}

#[test]
fn segments_take_a_byte_a_contact_and_their_set_once() {
    let plain = size_of(|_| {});
    let with_segments = size_of(|state| {
        state.segment_sets = vec![vec![SegmentId(0), SegmentId(1)]];
        state.contacts.iter_mut().for_each(|contact| contact.segment_set = 1);
    });
    assert_eq!(with_segments - plain, 3 + 100);
}

#[test]
fn an_engagement_takes_17_to_20_bytes() {
    let click = |n: i64| Engagement {
        member: Member::OWN,
        time: Timestamp(T + n * 9 * DAY_MS),
        kind: EngagementKind::Clicked,
        terms: Some(TermsId(200)),
        offer_family: None,
        channel: None,
        value: 0,
        key: 0xabcd_ef01_2345_6789,
    };
    let plain = size_of(|_| {});
    let bytes = size_of(|state| state.engagements = (0..20).map(click).collect()) - plain;
    assert!((17 * 20..=20 * 20).contains(&bytes), "20 engagements take {bytes} bytes");
}

/// Claims of one customer, a week apart, of campaigns of a large catalog.
fn claims(scores: &[Option<f64>]) -> Vec<Claim> {
    let claim = |(week, score): (i64, &Option<f64>)| Claim {
        member: Member::OWN,
        campaign: CampaignId(200),
        channels: Vec::new(),
        from: Timestamp(T + (365 + 7 * week) * DAY_MS),
        until: Timestamp(T + (372 + 7 * week) * DAY_MS),
        score: *score,
        version: 40,
    };
    (0..).zip(scores).map(claim).collect()
}

#[test]
fn three_claims_of_a_customer_take_the_bytes_that_are_stated() {
    let plain = size_of(|_| {});
    let bytes = |score| size_of(|state| state.claims = claims(&[score; 3])) - plain;
    assert_eq!([bytes(None), bytes(Some(0.35)), bytes(Some(0.1 + 0.2))], [39, 48, 63]);
}

#[test]
fn a_claim_of_its_own_channels_takes_a_byte_more_and_one_for_each() {
    let with = |channels: &[u32]| {
        let mut all = claims(&[None]);
        all[0].channels = channels.iter().copied().map(ChannelId).collect();
        size_of(|state| state.claims.clone_from(&all))
    };
    assert_eq!(with(&[0, 3]) - with(&[]), 3);
}

#[test]
fn a_planned_contact_takes_the_bytes_that_are_stated() {
    let plain = size_of(|_| {});
    let planned = |days: i64| size_of(|state| state.contacts[99].lead_ms = days * DAY_MS) - plain;
    assert_eq!([planned(1), planned(31)], [5, 6]);
}

#[test]
fn an_address_and_a_subject_take_8_bytes_each() {
    let plain = size_of(|_| {});
    let with = |whose| size_of(|state| state.contacts[99].whose = whose) - plain;
    assert_eq!(with(Whose { contact_point: 1, ..Whose::default() }), 9);
    assert_eq!(with(Whose { contact_point: 1, subject: 2, ..Whose::default() }), 17);
    assert_eq!(with(Whose { member: Member(1), ..Whose::default() }), 2);
}

#[test]
fn what_a_contact_took_of_a_capacity_is_held_until_it_is_confirmed() {
    let plain = size_of(|_| {});
    let account = AccountKey { capacity: CapacityId(3), per: Some(1), start: Timestamp(T) };
    let charge = Charge { account, pool: Pool::COMMON, amount: 1 };
    let bytes = size_of(|state| state.contacts[99].charges = vec![charge]) - plain;
    assert_eq!(bytes, 12);
}
