//! Writing the file under a segment: sections one after the other, page checksums as the bytes go by, footer, trailer.
//! The counterpart of `file`; it knows no event either.

use std::io::{BufWriter, Write};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    SegmentMeta, WriteError,
    bits::put_varint,
    file::{FORMAT_VERSION, MAGIC, MAGIC_END, PAGE_BYTES, Section, TRAILER_BYTES},
};
use crate::{files::NewFile, pace};

/// What wrote the file, for whoever looks into one.
const WRITER: &str = concat!("annals ", env!("CARGO_PKG_VERSION"));
/// Bytes gathered before the system is asked to write.
const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// A segment file that is being written.
pub(super) struct Sink {
    out: BufWriter<Box<dyn NewFile>>,
    page: Vec<u8>,
    checksums: Vec<u8>,
    written: u64,
    sections: Vec<(Section, u64, u64)>,
    section_start: u64,
}

impl Sink {
    pub(super) fn new(file: Box<dyn NewFile>) -> Result<Self, WriteError> {
        let out = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file);
        let mut sink = Self {
            out,
            page: Vec::with_capacity(PAGE_BYTES),
            checksums: Vec::new(),
            written: 0,
            sections: Vec::new(),
            section_start: 0,
        };
        sink.write(&MAGIC)?;
        sink.write(&FORMAT_VERSION.to_le_bytes())?;
        sink.section_start = sink.written;
        Ok(sink)
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), WriteError> {
        pace::small_step();
        self.written += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PAGE_BYTES - self.page.len()));
            self.page.extend_from_slice(now);
            bytes = later;
            if self.page.len() == PAGE_BYTES {
                self.close_page()?;
            }
        }
        Ok(())
    }

    /// How many bytes of the open section were written.
    pub(super) const fn offset(&self) -> u64 {
        self.written - self.section_start
    }

    /// Says that everything since the last section belongs to this one.
    pub(super) fn end_section(&mut self, section: Section) {
        self.sections.push((section, self.section_start, self.offset()));
        self.section_start = self.written;
    }

    /// Writes a whole section.
    pub(super) fn section(&mut self, section: Section, bytes: &[u8]) -> Result<(), WriteError> {
        self.write(bytes)?;
        self.end_section(section);
        Ok(())
    }

    fn close_page(&mut self) -> Result<(), WriteError> {
        self.checksums.extend_from_slice(&xxh3_64(&self.page).to_le_bytes());
        self.out.write_all(&self.page)?;
        self.page.clear();
        Ok(())
    }

    /// Writes checksums, footer and trailer, and brings everything to the disk. Fills in the length of the file.
    pub(super) fn finish(mut self, meta: &mut SegmentMeta) -> Result<(), WriteError> {
        if !self.page.is_empty() {
            self.close_page()?;
        }
        let checksums_at = self.written;
        let mut footer = Vec::new();
        footer.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        footer.extend_from_slice(&(PAGE_BYTES as u32).to_le_bytes());
        footer.extend_from_slice(&meta.events.to_le_bytes());
        for position in [meta.first, meta.last] {
            footer.extend_from_slice(&position.time.nanos().to_le_bytes());
            footer.extend_from_slice(&position.seq.to_le_bytes());
        }
        footer.extend_from_slice(&meta.seq_first.to_le_bytes());
        footer.extend_from_slice(&meta.seq_last.to_le_bytes());
        footer.extend_from_slice(&checksums_at.to_le_bytes());
        footer.extend_from_slice(&(self.checksums.len() as u64).to_le_bytes());
        footer.extend_from_slice(&xxh3_64(&self.checksums).to_le_bytes());
        put_varint(&mut footer, WRITER.len() as u64);
        footer.extend_from_slice(WRITER.as_bytes());
        footer.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        for (section, start, length) in &self.sections {
            put_varint(&mut footer, section.name().len() as u64);
            footer.extend_from_slice(section.name().as_bytes());
            footer.extend_from_slice(&start.to_le_bytes());
            footer.extend_from_slice(&length.to_le_bytes());
        }
        let footer_at = checksums_at + self.checksums.len() as u64;
        self.out.write_all(&self.checksums)?;
        self.out.write_all(&footer)?;
        self.out.write_all(&footer_at.to_le_bytes())?;
        self.out.write_all(&(footer.len() as u32).to_le_bytes())?;
        self.out.write_all(&FORMAT_VERSION.to_le_bytes())?;
        self.out.write_all(&xxh3_64(&footer).to_le_bytes())?;
        self.out.write_all(&MAGIC_END)?;
        meta.bytes = footer_at + (footer.len() + TRAILER_BYTES) as u64;
        let mut file = self.out.into_inner().map_err(|error| WriteError::Io(error.into_error()))?;
        file.sync()?;
        Ok(())
    }
}
