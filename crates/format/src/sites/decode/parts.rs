//! Decodes the parts of stops.

use super::super::columns::{ADDRESS, LEN, PARTS, REGION, REST, STRLEN};
use super::super::layout::{
    ADDRESS_DIFFERS, ASKED_DIFFERS, BLOB_DIFFERS, INDEX_DIFFERS, KNOWN_MASK, LEN_DIFFERS,
    PARTS_KNOWN, REGION_HEAD, blob_count,
};
use super::super::model::{Call, Class, MEMO, Memo, PreviousRegion, Slot};
use super::{Rows, Sort, Wanted};

impl Rows<'_, '_> {
    fn memo(&mut self, sort: Sort) -> Option<&mut Memo> {
        match sort {
            Sort::Other => Some(&mut self.others),
            Sort::Site(site, phase) => {
                self.tables.history.sites.get_mut(site)?.memos.get_mut(phase)
            }
        }
    }

    pub(super) fn parts(&mut self, code: u8, sort: Sort, call: &Call) -> Option<()> {
        if matches!(self.parts, Wanted::None { .. }) {
            return Some(());
        }
        let mut previous = PreviousRegion::NONE;
        if code & PARTS_KNOWN != 0 {
            let count = self.memo(sort)?.count;
            if count > MEMO {
                return None;
            }
            for index in 0..count {
                let slot = self.memo(sort)?.slot(index);
                self.part(index, slot, sort, call, &mut previous)?;
            }
            return Some(());
        }
        let mut index = 0;
        while let Some(class) = self.columns[PARTS].uint()?.checked_sub(1) {
            let mut slot = self.memo(sort)?.slot(index);
            slot.class = u32::try_from(class).ok()?;
            self.part(index, slot, sort, call, &mut previous)?;
            index += 1;
        }
        self.memo(sort)?.count = index;
        Some(())
    }

    fn part(
        &mut self,
        index: usize,
        mut slot: Slot,
        sort: Sort,
        call: &Call,
        previous: &mut PreviousRegion,
    ) -> Option<()> {
        let number = usize::try_from(slot.class).ok()?;
        let class = self.tables.classes.get(number)?.class;
        let mut head = [0; 8];
        head[..2].copy_from_slice(&class.kind.0.to_le_bytes());
        head[2..4].copy_from_slice(&class.flags.to_le_bytes());
        match class.region {
            None => {
                slot.len = self.columns[LEN].delta(slot.len)?;
                head[4..].copy_from_slice(&u32::try_from(slot.len).ok()?.to_le_bytes());
                self.put(&head)?;
                self.data(number, usize::try_from(slot.len).ok()?)?;
            }
            Some(region) => self.region(head, number, region, &mut slot, call, previous)?,
        }
        self.memo(sort)?.learn(index, slot);
        Some(())
    }

    fn region(
        &mut self,
        mut part: [u8; 8],
        number: usize,
        (class, errno): ([u8; 4], u32),
        slot: &mut Slot,
        call: &Call,
        previous: &mut PreviousRegion,
    ) -> Option<()> {
        let mask = self.columns[REGION].byte()?;
        if mask & !KNOWN_MASK != 0 {
            return None;
        }
        let differs = |bit| mask & bit != 0;
        let mut address = call.address(class, slot.class, slot, previous);
        if differs(ADDRESS_DIFFERS) {
            address = self.columns[ADDRESS].delta(address)?;
        }
        let mut index = previous.next_index(slot.class);
        if differs(INDEX_DIFFERS) {
            index = u32::try_from(self.columns[REST].uint()?).ok()?;
        }
        let hint = call.hint(class[0]);
        let mut got = slot.predicted(hint);
        if Class::is_string(class[3]) {
            got = self.columns[STRLEN].uint()?;
        } else if differs(LEN_DIFFERS) {
            got = self.columns[LEN].delta(got)?;
        }
        let asked = if differs(ASKED_DIFFERS) { self.columns[REST].delta(got)? } else { got };
        let blobs = Class::is_blobs(class[3]);
        let count = if blobs { blob_count(got)? } else { 0 };
        let len = if blobs { count.checked_mul(8)? } else { usize::try_from(got).ok()? };
        part[4..]
            .copy_from_slice(&u32::try_from(len.checked_add(REGION_HEAD)?).ok()?.to_le_bytes());
        let mut head = [0; REGION_HEAD];
        head[..4].copy_from_slice(&class);
        head[4..8].copy_from_slice(&index.to_le_bytes());
        head[8..16].copy_from_slice(&address.to_le_bytes());
        head[16..24].copy_from_slice(&asked.to_le_bytes());
        head[24..32].copy_from_slice(&got.to_le_bytes());
        head[32..36].copy_from_slice(&errno.to_le_bytes());
        head[36..].copy_from_slice(&u32::try_from(len).ok()?.to_le_bytes());
        self.put(&part)?;
        self.put(&head)?;
        if blobs {
            if differs(BLOB_DIFFERS) {
                self.next_blob = self.columns[REST].delta(self.next_blob)?;
            }
            for _ in 0..count {
                self.put(&self.next_blob.to_le_bytes())?;
                self.next_blob = self.next_blob.wrapping_add(1);
            }
        } else {
            self.data(number, len)?;
        }
        *previous = PreviousRegion { class: slot.class, index, end: address.wrapping_add(got) };
        (slot.address, slot.len, slot.hinted) = (address, got, got == hint);
        Some(())
    }

    /// Appends the next bytes of a class.
    fn data(&mut self, class: usize, len: usize) -> Option<()> {
        let stream = self.tables.classes.get_mut(class)?;
        let end = stream.at.checked_add(len).filter(|&end| end <= stream.end)?;
        let bytes = self.data.get(stream.at..end)?;
        stream.at = end;
        self.put(bytes)
    }
}
