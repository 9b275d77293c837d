//! Postings as the versions 1 to 3 of the format have them: a few docs are varints of the distances between them, many
//! are a Roaring bitmap in its published serialised form. They are read and never written.

use roaring::RoaringBitmap;

use super::{
    bits::{Bad, Parsed, Reader},
    postings::{FEW_MAX, read_bitmap},
};

/// Bytes that a posting of a few docs has at most.
pub(super) const FEW_BYTES_MAX: u64 = (FEW_MAX as u64 + 2) * 10;

/// Visits a few docs, all of them below `docs`.
pub(super) fn visit_few(bytes: &[u8], count: usize, docs: u32, mut visit: impl FnMut(u32)) -> Parsed<()> {
    let mut reader = Reader::new(bytes);
    let mut next = 0_u64;
    for _ in 0..count {
        let doc = reader.varint()?.saturating_add(next);
        if doc >= u64::from(docs) {
            return Err(Bad("a posting of a doc that is not there"));
        }
        visit(doc as u32);
        next = doc + 1;
    }
    Ok(())
}

/// So many docs, all of them below `docs`.
pub(super) fn many(bytes: &[u8], count: u64, docs: u32) -> Parsed<RoaringBitmap> {
    let bitmap = read_bitmap(bytes, docs)?;
    if bitmap.len() == count { Ok(bitmap) } else { Err(Bad("a bitmap of another cardinality")) }
}
