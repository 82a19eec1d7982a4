//! The ledger of an account: what it lends, what it reads, and what its bytes are.

use arbiter_core::customer::Pool;
use arbiter_core::ledger::{
    Counts, Lease, Ledger, LedgerError, MAX_BLOCK_CONTACTS, MAX_LEASES, MAX_POOLS, block, lease_field,
    returned_field,
};
use proptest::prelude::*;

const RETAIL: Pool = Pool(1);

fn lease(id: u64, amount: i64) -> Lease {
    Lease { id, replica: 9, amount, beat: 0 }
}

fn returned(pool: Pool, amount: i64) -> Counts {
    let mut counts = Counts::default();
    counts.give_back(pool, amount);
    counts
}

#[test]
fn a_block_is_a_32nd_of_the_rest_in_whole_contacts_and_one_at_least() {
    assert_eq!(block(1, 400), Some(12));
    assert_eq!(block(60_000, 100_000_000), Some(52 * 60_000));
    assert_eq!(block(1, 33), Some(1));
    assert_eq!(block(7, 7), Some(7));
    assert_eq!(block(7, 6), None);
    assert_eq!(block(1, 0), None);
    assert_eq!(block(1, -5), None);
    assert_eq!(block(0, 100), None);
    assert_eq!(block(2, i64::MAX), Some(2 * MAX_BLOCK_CONTACTS));
    assert_eq!(block(i64::MAX, i64::MAX), Some(i64::MAX));
}

#[test]
fn room_is_what_is_neither_settled_nor_lent_and_what_came_back() {
    let limits = [(Pool::COMMON, 40), (RETAIL, 60)];
    let mut ledger = Ledger::default();
    ledger.open(RETAIL, lease(1, 20)).unwrap();
    ledger.open(RETAIL, lease(2, 5)).unwrap();
    assert_eq!(ledger.room(&limits, &Counts::default(), RETAIL), 35);
    ledger.extend(2, 8);
    assert_eq!(ledger.room(&limits, &Counts::default(), RETAIL), 32);
    ledger.end(1, 11);
    assert_eq!(ledger.room(&limits, &Counts::default(), RETAIL), 41);
    assert_eq!(ledger.room(&limits, &returned(RETAIL, 3), RETAIL), 44);
    assert_eq!(ledger.room(&limits, &Counts::default(), Pool::COMMON), 40);
    assert_eq!(ledger.room(&limits, &Counts::default(), Pool(7)), 0);
}

#[test]
fn a_lease_that_has_ended_ends_no_second_time() {
    let mut ledger = Ledger::default();
    ledger.open(Pool::COMMON, lease(1, 20)).unwrap();
    ledger.end(1, 11);
    ledger.end(1, 11);
    ledger.extend(1, 99);
    assert_eq!(ledger.settled(Pool::COMMON), 11);
    assert_eq!(ledger.leases().count(), 0);
}

#[test]
fn a_lease_never_shrinks() {
    let mut ledger = Ledger::default();
    ledger.open(Pool::COMMON, lease(1, 20)).unwrap();
    ledger.extend(1, 5);
    assert_eq!(ledger.leases().map(|(_, lease)| lease.amount).collect::<Vec<_>>(), [20]);
}

#[test]
fn all_pools_together_lend_no_more_than_all_limits() {
    let mut ledger = Ledger::default();
    ledger.open(RETAIL, lease(1, 60)).unwrap();
    // A later version knows no share of retail.
    assert_eq!(ledger.room(&[(Pool::COMMON, 100)], &Counts::default(), Pool::COMMON), 40);
    // Another lowers the limit below what is out.
    assert_eq!(ledger.room(&[(Pool::COMMON, 50)], &Counts::default(), Pool::COMMON), -10);
}

#[test]
fn a_beat_is_of_the_leases_of_one_replica() {
    let mut ledger = Ledger::default();
    ledger.open(Pool::COMMON, lease(1, 5)).unwrap();
    ledger.open(RETAIL, Lease { replica: 8, ..lease(2, 5) }).unwrap();
    ledger.beat(8);
    assert_eq!(ledger.leases().map(|(_, lease)| lease.beat).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn the_fields_of_an_account_are_these() {
    assert_eq!(lease_field(0x1f), "L000000000000001f");
    assert_eq!(returned_field(RETAIL), "R1");
    let counts = Counts::of([("L000000000000001f", 5), ("R1", 2), ("R", 1), ("Lx", 1), ("other", 9)]);
    assert_eq!((counts.taken(0x1f), counts.returned(RETAIL)), (5, 2));
    assert_eq!((counts.taken(1), counts.returned(Pool::COMMON)), (0, 0));
}

#[test]
fn the_bytes_of_a_ledger_never_change() {
    let mut ledger = Ledger::default();
    ledger.open(RETAIL, Lease { id: 1, replica: 2, amount: 300, beat: 4 }).unwrap();
    ledger.open(RETAIL, lease(7, 1)).unwrap();
    ledger.end(7, 1);
    let body = [&[1, 1, 1, 2, 1][..], &1_u64.to_le_bytes(), &2_u64.to_le_bytes(), &[0xd8, 0x04, 4]].concat();
    let bytes = ledger.encode();
    assert_eq!(bytes[..bytes.len() - 4], body);
    assert_eq!(bytes[bytes.len() - 4..], crc_of(&body));
}

fn crc_of(body: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    (!crc).to_le_bytes()
}

#[test]
fn a_damaged_ledger_is_refused() {
    let mut ledger = Ledger::default();
    ledger.open(Pool::COMMON, lease(1, 20)).unwrap();
    let bytes = ledger.encode();
    assert_eq!(Ledger::decode(&[]), Ok(Ledger::default()));
    assert!(matches!(Ledger::decode(&[2, 0, 0, 0, 0]), Err(LedgerError::NewerFormat(2))));
    assert!(matches!(Ledger::decode(&[0, 0, 0, 0, 0]), Err(LedgerError::Damaged(_))));
    for index in 1..bytes.len() {
        let mut changed = bytes.clone();
        changed[index] ^= 1;
        assert!(matches!(Ledger::decode(&changed), Err(LedgerError::Damaged(_))), "byte {index}");
        assert!(matches!(Ledger::decode(&bytes[..index]), Err(LedgerError::Damaged(_))), "cut at {index}");
    }
}

#[test]
fn a_ledger_has_a_maximum_of_leases_and_of_pools() {
    let mut ledger = Ledger::default();
    let count = |number: usize| u64::try_from(number).unwrap();
    (0..MAX_LEASES).for_each(|id| ledger.open(Pool::COMMON, lease(count(id), 1)).unwrap());
    assert_eq!(ledger.open(RETAIL, lease(count(MAX_LEASES), 1)), Err(LedgerError::Full("leases")));
    assert_eq!(Ledger::decode(&ledger.encode()), Ok(ledger.clone()));

    let mut ledger = Ledger::default();
    (0..MAX_POOLS)
        .for_each(|pool| ledger.open(Pool(u32::try_from(pool).unwrap()), lease(count(pool), 1)).unwrap());
    assert_eq!(ledger.open(Pool(u32::MAX), lease(count(MAX_POOLS), 1)), Err(LedgerError::Full("pools")));
    assert_eq!(Ledger::decode(&ledger.encode()), Ok(ledger));
}

#[derive(Clone, Debug)]
enum Change {
    Open(u32, u64, i64),
    Extend(u64, i64),
    End(u64, i64),
    Beat(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0_u32..4, 0_u64..20, 0_i64..1_000).prop_map(|(pool, id, amount)| Change::Open(pool, id, amount)),
        (0_u64..20, 0_i64..2_000).prop_map(|(id, amount)| Change::Extend(id, amount)),
        (0_u64..20, 0_i64..1_000).prop_map(|(id, taken)| Change::End(id, taken)),
        (0_u64..3).prop_map(Change::Beat),
    ]
}

proptest! {
    #[test]
    fn a_ledger_that_is_written_is_read_as_it_was(changes in prop::collection::vec(change(), 0..60)) {
        let mut ledger = Ledger::default();
        for change in changes {
            match change {
                Change::Open(pool, id, amount) => {
                    ledger.open(Pool(pool), Lease { id, replica: id % 3, amount, beat: id }).unwrap();
                }
                Change::Extend(id, amount) => ledger.extend(id, amount),
                Change::End(id, taken) => ledger.end(id, taken),
                Change::Beat(replica) => ledger.beat(replica),
            }
        }
        prop_assert_eq!(Ledger::decode(&ledger.encode()), Ok(ledger));
    }

    #[test]
    fn no_bytes_make_the_ledger_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut checked = [&[1_u8][..], &bytes].concat();
        checked.extend(crc_of(&checked));
        drop(Ledger::decode(&checked));
        drop(Ledger::decode(&bytes));
    }
}
