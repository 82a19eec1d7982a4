//! Batches, spread over the runtimes: the parties of each part one after the other, the requests of each party in their order.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use arbiter_store::Store;
use futures_util::{StreamExt, future::join_all, stream};

use super::{Shared, Waits, message::HEAD_BYTES};
use crate::{
    arbitration::{CUSTOMERS_IN_FLIGHT, Door, decode, groups_of, party},
    messages::repit::v1::{BatchRequestContactsRequest, RequestContactResult},
    pace::Pace,
    status::Refusal,
};

/// From how many requests on a batch is spread: below, telling the others costs more than it saves.
const SPREAD_FROM: usize = 128;
/// The number of the field `results`.
const RESULTS: u32 = 1;

/// Positions of the requests of each party.
type Groups = Vec<Vec<usize>>;

/// The results of a part as they stand in the answer, and where each begins and ends.
#[derive(Debug, Default)]
struct Part {
    bytes: Vec<u8>,
    results: Vec<(usize, Range<usize>)>,
}

impl Part {
    fn write(&mut self, index: usize, result: &RequestContactResult) {
        let start = self.bytes.len();
        prost::encoding::message::encode(RESULTS, result, &mut self.bytes);
        self.results.push((index, start..self.bytes.len()));
    }
}

/// Answer a batch, after [`HEAD_BYTES`] bytes of room.
pub(super) async fn batch<S: Store + 'static>(
    shared: &Shared<S>,
    request: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let message: BatchRequestContactsRequest = decode(request)?;
    let groups = groups_of(&message)?;
    let is_spread = message.requests.len() >= SPREAD_FROM && shared.runtimes.len() > 1;
    let message = Arc::new(message);
    if !is_spread {
        return Ok(joined(&[part(Arc::clone(&shared.door), shared.waits, message, groups).await]));
    }
    let parts = dealt(&message, groups, shared.runtimes.len());
    let working = shared.runtimes.iter().zip(parts).map(|(runtime, groups)| {
        runtime.spawn(part(Arc::clone(&shared.door), shared.waits, Arc::clone(&message), groups))
    });
    let parts = join_all(working).await.into_iter().collect::<Result<Vec<Part>, _>>();
    Ok(joined(&parts.map_err(|_| Refusal::internal())?))
}

/// The parties of each part, by the hash of their name.
fn dealt(message: &BatchRequestContactsRequest, groups: Groups, parts: usize) -> Vec<Groups> {
    let mut dealt: Vec<Groups> = vec![Vec::new(); parts];
    for group in groups {
        let mut hasher = DefaultHasher::new();
        if let Some(first) = group.first().and_then(|index| message.requests.get(*index)) {
            party(&first.party_id, &first.customer_id).hash(&mut hasher);
        }
        let turn = hasher.finish() % u64::try_from(parts).unwrap_or(1);
        if let Some(part) = usize::try_from(turn).ok().and_then(|turn| dealt.get_mut(turn)) {
            part.push(group);
        }
    }
    dealt
}

async fn part<S: Store + 'static>(
    door: Arc<Door<S>>,
    waits: Waits,
    message: Arc<BatchRequestContactsRequest>,
    groups: Groups,
) -> Part {
    let pace = Pace::fair();
    let mut part = Part::default();
    if waits == Waits::Never {
        for index in groups.into_iter().flatten() {
            pace.steps(1).await;
            if let Some(request) = message.requests.get(index) {
                part.write(index, &door.result(request).await);
            }
        }
        return part;
    }
    let answered = stream::iter(groups).map(|group| {
        let (door, message) = (Arc::clone(&door), Arc::clone(&message));
        async move {
            let mut results = Vec::with_capacity(group.len());
            for index in group {
                if let Some(request) = message.requests.get(index) {
                    results.push((index, door.result(request).await));
                }
            }
            results
        }
    });
    let mut answered = answered.buffer_unordered(CUSTOMERS_IN_FLIGHT);
    while let Some(results) = answered.next().await {
        pace.steps(results.len()).await;
        results.iter().for_each(|(index, result)| part.write(*index, result));
    }
    part
}

/// The results in the order of the requests.
fn joined(parts: &[Part]) -> Vec<u8> {
    let mut results: Vec<(usize, &[u8])> = parts
        .iter()
        .flat_map(|part| {
            part.results
                .iter()
                .map(|(index, range)| (*index, part.bytes.get(range.clone()).unwrap_or_default()))
        })
        .collect();
    results.sort_unstable_by_key(|(index, _)| *index);
    let length: usize = parts.iter().map(|part| part.bytes.len()).sum();
    let mut answer = Vec::with_capacity(HEAD_BYTES + length);
    answer.resize(HEAD_BYTES, 0);
    results.into_iter().for_each(|(_, result)| answer.extend_from_slice(result));
    answer
}
