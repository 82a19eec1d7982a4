//! The value's binary form: the same bytes for ever, and nothing but what was written is ever read.

mod round_trip;
mod sizes;

use arbiter_core::catalog::MAX_CHANNELS;
use arbiter_core::codec::{CodecError, FORMAT, decode, encode};
use arbiter_core::compiled::EngagementKind;
use arbiter_core::customer::{
    AccountKey, Charge, Claim, Contact, CustomerState, Engagement, MAX_MEMBERS, Member, Pool, Status,
    Suppression, Taste, Whose,
};
use arbiter_core::ids::{CampaignId, CapacityId, ChannelId, FamilyId, SegmentId, TermsId, UnitId};
use arbiter_core::time::{DAY_MS, Timestamp};

/// 2026-03-02T08:00:00Z.
const T: i64 = 1_772_438_400_000;

fn contact(time: i64, sequence: u32, terms: u32, status: Status) -> Contact {
    Contact { time: Timestamp(time), sequence, terms: TermsId(terms), status, ..Contact::default() }
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
        member: Member::OWN,
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
            objection(T, EngagementKind::OptedOut, Some(ChannelId(1))),
            objection(T + 31 * DAY_MS, EngagementKind::Complained, None),
        ],
        ..empty()
    }
}

const fn objection(since: i64, kind: EngagementKind, channel: Option<ChannelId>) -> Suppression {
    Suppression { member: Member::OWN, since: Timestamp(since), kind, channel }
}

/// What format 1 had no words for: another customer of the party, a contact planned ahead at an address, about a subject, under a capacity
/// and a budget; claims with and without channels and score; what forgotten engagements taught.
fn party() -> CustomerState {
    let other = Member(1);
    let charge = |capacity, per, start, pool, amount| Charge {
        account: AccountKey { capacity: CapacityId(capacity), per, start: Timestamp(start) },
        pool,
        amount,
    };
    let claim = |member, channels: &[u32], days: i64, score| Claim {
        member,
        campaign: CampaignId(5),
        channels: channels.iter().copied().map(ChannelId).collect(),
        from: Timestamp(T + days * DAY_MS),
        until: Timestamp(T + (days + 7) * DAY_MS),
        score,
        version: 4,
    };
    let taste = |member, days: i64, strength| Taste {
        member,
        family: FamilyId(1),
        time: Timestamp(T - days * DAY_MS),
        strength,
    };
    let planned = Contact {
        key: Some(9),
        whose: Whose { member: other, contact_point: 0xaaaa, subject: u64::MAX },
        lead_ms: 5 * DAY_MS,
        charges: vec![
            charge(0, None, T, Pool::of(UnitId(1)), 1),
            charge(1, Some(3), 0, Pool::COMMON, 1_500_000),
        ],
        ..contact(T + 5 * DAY_MS, 2, 1, Status::Pending)
    };
    CustomerState {
        clock: Timestamp(T),
        next_sequence: 3,
        contacts: vec![contact(T, 1, 3, Status::Confirmed), planned],
        engagements: vec![Engagement {
            member: other,
            time: Timestamp(T),
            kind: EngagementKind::Opened,
            terms: Some(TermsId(3)),
            offer_family: None,
            channel: None,
            value: 0,
            key: 77,
        }],
        suppressions: vec![Suppression { member: other, ..objection(T, EngagementKind::OptedOut, None) }],
        members: vec!["Zoë of no. 7".to_owned()],
        claims: vec![
            claim(Member::OWN, &[], 0, None),
            claim(Member::OWN, &[0, 2], 7, Some(0.25)),
            claim(other, &[], -1, Some(0.1 + 0.2)),
        ],
        tastes: vec![taste(Member::OWN, 3, 0.5), taste(other, 40, 12.75)],
        ..empty()
    }
}

/// What was written to disks and Redis in format 1. These files never change.
fn golden_1() -> [(&'static [u8], CustomerState); 3] {
    [
        (include_bytes!("golden/format-1/empty.bin"), empty()),
        (include_bytes!("golden/format-1/one-pending.bin"), one_pending()),
        (include_bytes!("golden/format-1/rich.bin"), rich()),
    ]
}

/// What is written in format 2. These files never change either; a later format has files of its own.
fn golden_2() -> [(&'static [u8], CustomerState); 4] {
    [
        (include_bytes!("golden/format-2/empty.bin"), empty()),
        (include_bytes!("golden/format-2/one-pending.bin"), one_pending()),
        (include_bytes!("golden/format-2/rich.bin"), rich()),
        (include_bytes!("golden/format-2/party.bin"), party()),
    ]
}

fn golden() -> impl Iterator<Item = (&'static [u8], CustomerState)> {
    golden_1().into_iter().chain(golden_2())
}

/// Bytes with the checksum that a writer of theirs would have given them.
fn sealed(body: &[u8]) -> Vec<u8> {
    [body, &crc32fast::hash(body).to_le_bytes()].concat()
}

#[test]
fn values_of_every_format_are_read_as_they_were_written() {
    for (bytes, state) in golden() {
        assert_eq!(decode(bytes), Ok(state));
    }
}

#[test]
fn values_are_written_as_they_always_were() {
    for (bytes, state) in golden_2() {
        assert_eq!(encode(&state), bytes);
    }
}

#[test]
fn a_value_of_format_1_is_one_byte_longer_in_format_2() {
    for (bytes, state) in golden_1() {
        assert_eq!(encode(&state).len(), bytes.len() + 1);
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
        CodecError::NewerFormat(3).to_string(),
        "value has format 3, this server reads up to 2: upgrade it"
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
    let lists = (3..=6).map(|length| [FORMAT, 0, 1, 0, 0, 0][..length].to_vec());
    let sections = [1, 1 << 1, 1 << 2].map(|section| vec![FORMAT, 0, 1, 0, 0, 0, 0, section]);
    for before in lists.chain(sections) {
        let found = decode(&sealed(&[before.as_slice(), &many].concat()));
        assert_eq!(found, Err(CodecError::Damaged("a list is too long")), "{before:?}");
    }
}

#[test]
fn a_score_that_is_no_number_is_refused() {
    let claim = |score: f64| {
        let with_score =
            [&[FORMAT, 0, 1, 0, 0, 0, 0, 1 << 1, 1, 1 << 2, 0, 0, 0], &score.to_le_bytes()[..], &[1]];
        decode(&sealed(&with_score.concat()))
    };
    assert_eq!(claim(1.5).map(|state| state.claims[0].score), Ok(Some(1.5)));
    for score in [f64::NAN, f64::INFINITY] {
        assert_eq!(claim(score), Err(CodecError::Damaged("a number is not finite")));
    }
}

#[test]
fn a_customer_whose_name_is_no_text_is_refused() {
    let named = |bytes: &[u8]| {
        decode(&sealed(
            &[&[FORMAT, 0, 1, 0, 0, 0, 0, 1, 1, u8::try_from(bytes.len()).unwrap()], bytes].concat(),
        ))
    };
    assert_eq!(named("é".as_bytes()).map(|state| state.members), Ok(vec!["é".to_owned()]));
    assert_eq!(named(&[0xff]), Err(CodecError::Damaged("a name is not UTF-8")));
}

#[test]
fn a_party_that_objected_in_every_way_that_it_can_comes_back_from_its_bytes() {
    let mut state = empty();
    let kinds = [EngagementKind::OptedOut, EngagementKind::Complained];
    let members = (0..u32::try_from(MAX_MEMBERS).unwrap()).map(Member);
    let channels = (0..u32::try_from(MAX_CHANNELS).unwrap()).map(|channel| Some(ChannelId(channel)));
    for (member, channel) in
        members.flat_map(|member| channels.clone().chain([None]).map(move |of| (member, of)))
    {
        for kind in kinds {
            state.suppress(Suppression { member, ..objection(T, kind, channel) });
        }
    }
    assert_eq!(decode(&encode(&state)), Ok(state));
}
