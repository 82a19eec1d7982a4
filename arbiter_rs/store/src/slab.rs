//! Blocks of bytes of any length in pages of one slot size each: a handle of four bytes a block instead of a pointer of
//! sixteen, no allocation for a block that finds a free slot, and a page that holds nothing goes back to the allocator.

use std::ops::Range;

/// Slot sizes grow by this many bytes up to [`FINE_BYTES`], and by an eighth of a power of two beyond.
const STEP: usize = 8;
const FINE_BYTES: usize = 256;
const FINE_CLASSES: usize = FINE_BYTES / STEP;
/// The largest slot that shares a page; a longer block has a page to itself.
const SHARED_BYTES: usize = 4_096;
/// The class of the blocks that have a page to themselves.
const OWN_PAGE: usize = FINE_CLASSES + 8 * 4;
/// The bytes that a page aims at, and the most slots that it has.
const PAGE_BYTES: usize = 32 << 10;
const MAX_SLOTS: usize = 1 << SLOT_BITS;
/// How many pages of one slot size there are at most.
const MAX_PAGES: usize = 1 << PAGE_BITS;

const SLOT_BITS: usize = 8;
const PAGE_BITS: usize = 17;

/// Where a block lies: class (7 bits), page (17), slot (8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handle(u32);

/// A handle, taken apart.
#[derive(Clone, Copy)]
struct Place {
    class: usize,
    page: usize,
    slot: usize,
}

impl Handle {
    fn of(place: Place) -> Option<Self> {
        let Place { class, page, slot } = place;
        u32::try_from((class << (PAGE_BITS + SLOT_BITS)) | (page << SLOT_BITS) | slot).ok().map(Self)
    }

    fn place(self) -> Place {
        let number = usize::try_from(self.0).unwrap_or_default();
        Place {
            class: number >> (PAGE_BITS + SLOT_BITS),
            page: (number >> SLOT_BITS) & (MAX_PAGES - 1),
            slot: number & (MAX_SLOTS - 1),
        }
    }
}

/// The blocks. How long each is within its slot, its owner knows.
#[derive(Debug, Default)]
pub(crate) struct Slab(Vec<Class>);

/// All pages of one slot size.
#[derive(Debug, Default)]
struct Class {
    pages: Vec<Page>,
    /// Pages that had a free slot when they were put here.
    open: Vec<usize>,
}

#[derive(Debug, Default)]
struct Page {
    /// Empty while no slot holds anything.
    bytes: Box<[u8]>,
    /// Slots that hold nothing.
    free: Vec<u8>,
    is_open: bool,
}

impl Slab {
    /// A slot for a block of `length` bytes; nothing where there are as many of this size as there can be.
    pub(crate) fn take(&mut self, length: usize) -> Option<Handle> {
        let class = class_of(length);
        if self.0.len() <= class {
            self.0.resize_with(class + 1, Class::default);
        }
        let (page, slot) = self.0.get_mut(class)?.take(class, length)?;
        Handle::of(Place { class, page, slot })
    }

    /// Let go of a block.
    pub(crate) fn free(&mut self, handle: Handle) {
        let place = handle.place();
        if let Some(class) = self.0.get_mut(place.class) {
            class.free(place);
        }
    }

    /// Whether a block of `length` bytes may lie in the slot of this one.
    pub(crate) fn fits(handle: Handle, length: usize) -> bool {
        let class = class_of(length);
        class == handle.place().class && class != OWN_PAGE
    }

    /// The slot of a block.
    pub(crate) fn get(&self, handle: Handle) -> &[u8] {
        let place = handle.place();
        let page = self.0.get(place.class).and_then(|class| class.pages.get(place.page));
        page.and_then(|page| page.bytes.get(place.range(page.bytes.len()))).unwrap_or_default()
    }

    /// The slot of a block, to be written.
    pub(crate) fn get_mut(&mut self, handle: Handle) -> &mut [u8] {
        let place = handle.place();
        let page = self.0.get_mut(place.class).and_then(|class| class.pages.get_mut(place.page));
        page.and_then(|page| page.bytes.get_mut(place.range(page.bytes.len()))).unwrap_or_default()
    }
}

impl Place {
    fn range(self, page_bytes: usize) -> Range<usize> {
        if self.class == OWN_PAGE {
            return 0..page_bytes;
        }
        let size = slot_bytes(self.class);
        self.slot * size..(self.slot + 1) * size
    }
}

impl Class {
    fn take(&mut self, class: usize, length: usize) -> Option<(usize, usize)> {
        while let Some(place) = self.open.last().copied() {
            let page = self.pages.get_mut(place)?;
            if let Some(slot) = page.free.pop() {
                page.fill(class, length);
                return Some((place, usize::from(slot)));
            }
            page.is_open = false;
            self.open.pop();
        }
        if self.pages.len() >= MAX_PAGES {
            return None;
        }
        let mut page = Page { free: slots(class), is_open: true, ..Page::default() };
        let slot = page.free.pop()?;
        page.fill(class, length);
        self.open.push(self.pages.len());
        self.pages.push(page);
        Some((self.pages.len() - 1, usize::from(slot)))
    }

    fn free(&mut self, place: Place) {
        let (Some(page), Ok(slot)) = (self.pages.get_mut(place.page), u8::try_from(place.slot)) else {
            return;
        };
        page.free.push(slot);
        if page.free.len() == slot_count(place.class) {
            page.bytes = Box::default();
        }
        if !page.is_open {
            page.is_open = true;
            self.open.push(place.page);
        }
    }
}

impl Page {
    /// Make the bytes where no slot holds anything yet.
    fn fill(&mut self, class: usize, length: usize) {
        if self.bytes.is_empty() {
            let bytes = if class == OWN_PAGE { length } else { slot_count(class) * slot_bytes(class) };
            self.bytes = vec![0; bytes].into_boxed_slice();
        }
    }
}

/// The class of the smallest slot that a block of `length` bytes fits in.
fn class_of(length: usize) -> usize {
    // The last byte that it needs.
    let last = length.saturating_sub(1);
    if length <= FINE_BYTES {
        last / STEP
    } else if length <= SHARED_BYTES {
        // The power of two below it, and which eighth of it.
        let octave = last.ilog2() as usize;
        FINE_CLASSES + (octave - 8) * 8 + (last >> (octave - 3)) - 8
    } else {
        OWN_PAGE
    }
}

/// How many bytes a slot of a class has that shares its pages.
fn slot_bytes(class: usize) -> usize {
    match class.checked_sub(FINE_CLASSES) {
        None => (class + 1) * STEP,
        Some(coarse) => (9 + coarse % 8) << (5 + coarse / 8),
    }
}

/// How many slots a page of a class has.
fn slot_count(class: usize) -> usize {
    if class == OWN_PAGE { 1 } else { (PAGE_BYTES / slot_bytes(class)).clamp(1, MAX_SLOTS) }
}

fn slots(class: usize) -> Vec<u8> {
    (0..=u8::MAX).take(slot_count(class)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_length_has_the_smallest_slot_that_takes_it() {
        for length in 1..=SHARED_BYTES {
            let class = class_of(length);
            assert!(length <= slot_bytes(class), "{length}");
            assert!(class == 0 || slot_bytes(class - 1) < length, "{length}");
        }
        assert_eq!((class_of(0), class_of(SHARED_BYTES + 1)), (0, OWN_PAGE));
        assert_eq!(class_of(SHARED_BYTES) + 1, OWN_PAGE);
    }

    #[test]
    fn a_page_that_holds_nothing_gives_its_bytes_back() {
        let mut slab = Slab::default();
        let handles: Vec<_> = (0..1_000).filter_map(|_| slab.take(100)).collect();
        let bytes = |slab: &Slab| -> usize {
            slab.0.iter().flat_map(|class| &class.pages).map(|page| page.bytes.len()).sum()
        };
        assert!(104_000 <= bytes(&slab) && bytes(&slab) < 140_000);
        handles.iter().for_each(|handle| slab.free(*handle));
        assert_eq!(bytes(&slab), 0);
        assert!(slab.take(100).is_some_and(|handle| slab.get(handle).len() == 104));
    }

    proptest! {
        #[test]
        fn what_is_held_stays_as_it_was_written(steps in prop::collection::vec((0_u8..32, 0_usize..5_000), 1..200)) {
            let mut slab = Slab::default();
            let mut held: HashMap<u8, (Handle, Vec<u8>)> = HashMap::new();
            for (number, (name, length)) in steps.into_iter().enumerate() {
                if let Some((handle, _)) = held.remove(&name) {
                    slab.free(handle);
                }
                let handle = slab.take(length).unwrap();
                let bytes = vec![u8::try_from(number).unwrap(); length];
                slab.get_mut(handle)[..length].copy_from_slice(&bytes);
                held.insert(name, (handle, bytes));
            }
            for (handle, bytes) in held.values() {
                prop_assert_eq!(&slab.get(*handle)[..bytes.len()], bytes);
            }
        }
    }
}
