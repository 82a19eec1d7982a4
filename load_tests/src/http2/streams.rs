//! The calls that are open on one connection, found by stream id without hashing: ids go up by two.

use std::collections::VecDeque;

/// One call.
#[derive(Debug)]
pub(super) struct Stream<T> {
    /// What the caller wants back with its answer.
    pub(super) tag: T,
    /// Bytes that the server still takes on this stream.
    pub(super) window: i64,
    /// The body that has not been sent for want of window.
    pub(super) unsent: Vec<u8>,
    /// Whether the end of the body is to be sent after `unsent`.
    pub(super) ends: bool,
    /// A message of which not everything has come.
    pub(super) partial: Vec<u8>,
    /// Bytes that came since the server was last given room.
    pub(super) received: u32,
}

/// The open calls, oldest first.
#[derive(Debug)]
pub(super) struct Streams<T> {
    first_id: u32,
    next_id: u32,
    slots: VecDeque<Option<Stream<T>>>,
    open: usize,
}

impl<T> Streams<T> {
    pub(super) fn new() -> Self {
        Self { first_id: 1, next_id: 1, slots: VecDeque::new(), open: 0 }
    }

    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Whether ids are left: 2^30 calls on one connection.
    pub(super) fn has_ids(&self) -> bool {
        self.next_id < 0x7fff_fff0
    }

    pub(super) fn insert(&mut self, stream: Stream<T>) -> u32 {
        let id = self.next_id;
        self.next_id += 2;
        self.slots.push_back(Some(stream));
        self.open += 1;
        id
    }

    pub(super) fn get(&mut self, id: u32) -> Option<&mut Stream<T>> {
        let place = self.place(id)?;
        self.slots.get_mut(place)?.as_mut()
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Stream<T>> {
        let place = self.place(id)?;
        let removed = self.slots.get_mut(place)?.take();
        self.open -= usize::from(removed.is_some());
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first_id += 2;
        }
        removed
    }

    /// Remove all calls after this id, the oldest first.
    pub(super) fn remove_after(&mut self, id: u32) -> Vec<Stream<T>> {
        let ids: Vec<u32> = (self.first_id..self.next_id).step_by(2).filter(|&each| each > id).collect();
        ids.into_iter().filter_map(|each| self.remove(each)).collect()
    }

    /// Every open call with its id.
    pub(super) fn each(&mut self) -> impl Iterator<Item = (u32, &mut Stream<T>)> {
        let ids = (self.first_id..).step_by(2);
        ids.zip(self.slots.iter_mut()).filter_map(|(id, slot)| slot.as_mut().map(|stream| (id, stream)))
    }

    fn place(&self, id: u32) -> Option<usize> {
        if id.is_multiple_of(2) {
            return None;
        }
        usize::try_from(id.checked_sub(self.first_id)? / 2).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(tag: u32) -> Stream<u32> {
        Stream { tag, window: 0, unsent: Vec::new(), ends: true, partial: Vec::new(), received: 0 }
    }

    #[test]
    fn a_call_is_found_by_its_id_whatever_ended_before_it() {
        let mut streams = Streams::new();
        let ids: Vec<u32> = (0..5).map(|tag| streams.insert(stream(tag))).collect();
        assert_eq!(ids, [1, 3, 5, 7, 9]);
        assert_eq!(streams.remove(5).unwrap().tag, 2);
        assert_eq!(streams.remove(1).unwrap().tag, 0);
        assert_eq!(streams.get(7).unwrap().tag, 3);
        assert!(
            streams.get(5).is_none()
                && streams.get(1).is_none()
                && streams.get(11).is_none()
                && streams.get(2).is_none()
        );
        assert_eq!(streams.remove_after(3).iter().map(|each| each.tag).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(streams.open(), 1);
        assert_eq!(streams.insert(stream(9)), 11);
    }
}
