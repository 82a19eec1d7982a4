//! The value's binary form: the same bytes for ever, and nothing but what was written is ever read.

use arbiter_core::codec::{CodecError, FORMAT, decode, encode};
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{Contact, CustomerState, Engagement, Status, Suppression};
use arbiter_core::ids::{ChannelId, FamilyId, SegmentId, TermsId};
use arbiter_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;

/// 2026-03-02T08:00:00Z.
const T: i64 = 1_772_438_400_000;

fn contact(time: i64, sequence: u32, terms: u32, status: Status) -> Contact {
    Contact {
        time: Timestamp(time),
        sequence,
        terms: TermsId(terms),
        status,
        is_answered: false,
        segment_set: 0,
        key: None,
        count: 1,
    }
}

/// Nobody has been contacted, ever: clock 1970, next number 1.
fn empty() -> CustomerState {
    CustomerState::default()
}

/// One reservation of the terms 3, granted at 2026-03-02T08:00:00Z to a request that may still be repeated.
fn one_pending() -> CustomerState {
    let pending = Contact { key: Some(0x0102_0304_0506_0708), ..contact(T, 1, 3, Status::Pending) };
    CustomerState { clock: Timestamp(T), next_sequence: 2, contacts: vec![pending], ..empty() }
}

/// Everything that a value can hold: each status, an answered contact, segments, a late contact made elsewhere, several folded into one,
/// engagements with and without a contact, an objection on one channel and a complaint on all.
fn rich() -> CustomerState {
    let engagement = |days: i64, kind, value| Engagement {
        time: Timestamp(T + days * DAY_MS),
        kind,
        terms: None,
        offer_family: None,
        channel: None,
        value,
        key: 0xfeed_0000_0000_0000 + days.unsigned_abs(),
    };
    let segments = |ids: &[u32]| ids.iter().copied().map(SegmentId).collect::<Vec<_>>();
    CustomerState {
        clock: Timestamp(T + 31 * DAY_MS),
        next_sequence: 300,
        segment_sets: vec![segments(&[0, 2]), segments(&[1])],
        contacts: vec![
            Contact { count: 12, ..contact(T - 400 * DAY_MS, 7, 0, Status::Confirmed) },
            Contact { is_answered: true, segment_set: 1, ..contact(T, 8, 130, Status::Confirmed) },
            Contact { key: Some(u64::MAX), segment_set: 2, ..contact(T + 500, 298, 1, Status::Elsewhere) },
            contact(T + DAY_MS, 9, 20_000, Status::Released),
            Contact { key: Some(1), ..contact(T + 31 * DAY_MS, 299, 2, Status::Pending) },
        ],
        engagements: vec![
            engagement(-3, EngagementKind::Purchased, 99_950_000),
            Engagement { terms: Some(TermsId(130)), ..engagement(1, EngagementKind::Clicked, 0) },
            Engagement {
                terms: Some(TermsId(0)),
                offer_family: Some(FamilyId(2)),
                channel: Some(ChannelId::UNNAMED),
                ..engagement(31, EngagementKind::Complained, 0)
            },
        ],
        suppressions: vec![
            Suppression { since: Timestamp(T), kind: EngagementKind::OptedOut, channel: Some(ChannelId(1)) },
            Suppression {
                since: Timestamp(T + 31 * DAY_MS),
                kind: EngagementKind::Complained,
                channel: None,
            },
        ],
    }
}

/// What was written to disks and Redis in format 1. These files never change; a later format has files of its own.
fn golden() -> [(&'static [u8], CustomerState); 3] {
    [
        (include_bytes!("golden/empty.bin"), empty()),
        (include_bytes!("golden/one-pending.bin"), one_pending()),
        (include_bytes!("golden/rich.bin"), rich()),
    ]
}

/// Bytes with the checksum that a writer of theirs would have given them.
fn sealed(body: &[u8]) -> Vec<u8> {
    [body, &crc32fast::hash(body).to_le_bytes()].concat()
}

#[test]
fn values_of_format_1_are_read_as_they_were_written() {
    for (bytes, state) in golden() {
        assert_eq!(decode(bytes), Ok(state));
    }
}

#[test]
fn values_are_written_as_they_always_were() {
    for (bytes, state) in golden() {
        assert_eq!(encode(&state), bytes);
    }
}

#[test]
fn no_bytes_are_the_empty_state() {
    assert_eq!(decode(&[]), Ok(empty()));
}

#[test]
fn a_newer_format_is_refused_and_says_what_to_do() {
    for (bytes, _) in golden() {
        let newer = [&[FORMAT + 1], &bytes[1..]].concat();
        assert_eq!(decode(&newer), Err(CodecError::NewerFormat(FORMAT + 1)));
    }
    assert_eq!(
        CodecError::NewerFormat(2).to_string(),
        "value has format 2, this server reads up to 1: upgrade it"
    );
}

#[test]
fn a_format_that_never_was_is_refused() {
    let written = encode(&empty());
    let body = [&[0], &written[1..written.len() - 4]].concat();
    assert_eq!(decode(&sealed(&body)), Err(CodecError::Damaged("there is no format 0")));
}

#[test]
fn a_value_cut_anywhere_is_refused() {
    for (bytes, _) in golden() {
        for length in 1..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "the first {length} bytes");
        }
    }
}

#[test]
fn a_value_with_more_behind_it_is_refused() {
    for (bytes, _) in golden() {
        assert!(decode(&[bytes, &[0]].concat()).is_err());
        let body = &bytes[..bytes.len() - 4];
        assert_eq!(decode(&sealed(&[body, &[0]].concat())), Err(CodecError::Damaged("bytes follow its end")));
    }
}

#[test]
fn a_single_flipped_bit_is_refused_wherever_it_is() {
    for (bytes, _) in golden() {
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&changed).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn lists_beyond_their_maxima_are_refused_before_they_are_read() {
    let many = [0x80, 0x80, 0x80, 0x80, 0x10];
    for before in [&[FORMAT, 0, 1][..], &[FORMAT, 0, 1, 0], &[FORMAT, 0, 1, 0, 0], &[FORMAT, 0, 1, 0, 0, 0]] {
        let found = decode(&sealed(&[before, &many].concat()));
        assert_eq!(found, Err(CodecError::Damaged("a list is too long")), "{before:?}");
    }
}

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
        [(0, 16), (1, 24), (2, 32), (5, 53), (10, 92), (50, 397), (100, 774), (365, 2_420), (4_096, 26_946)];
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
    )
        .prop_map(|(time, sequence, terms, status, is_answered, segment_set, key, count)| Contact {
            time: Timestamp(time),
            sequence,
            terms: TermsId(terms),
            status: Status::of(status).unwrap(),
            is_answered,
            segment_set,
            key,
            count,
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
    (any::<i64>(), any_kind(), any_number(), any_number(), any_number(), any::<i64>(), any::<u64>()).prop_map(
        |(time, kind, terms, offer_family, channel, value, key)| Engagement {
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
    (any::<i64>(), any_kind(), any_number()).prop_map(|(since, kind, channel)| Suppression {
        since: Timestamp(since),
        kind,
        channel: channel.map(ChannelId),
    })
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
    )
        .prop_map(|(clock, next_sequence, segment_sets, contacts, engagements, suppressions)| {
            CustomerState {
                clock: Timestamp(clock),
                next_sequence,
                contacts,
                engagements,
                suppressions,
                segment_sets,
            }
        })
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
        let body = [&[FORMAT], body.as_slice()].concat();
        if let Ok(state) = decode(&sealed(&body)) {
            prop_assert_eq!(decode(&encode(&state)), Ok(state));
        }
    }
}
