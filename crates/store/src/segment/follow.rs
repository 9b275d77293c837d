//! The matches of a segment in the order of the log. A segment is sorted by organization and time, so the docs of a
//! stretch of the log are gathered first, a bounded number at a time, and put in order.

use annals_model::Filter;
use roaring::RoaringBitmap;

use super::{Segment, decoder::Decoder, positions::GROUP_DOCS};
use crate::{
    Damage,
    query::follow::{Gathering, Stretch},
};

/// Docs that are put in the order of the log at once.
const DOCS_MAX: u64 = 16_384;

impl Segment {
    /// Adds the events of a stretch of the log that satisfy a condition to a page. Answers how far it came when the page
    /// is full, and `None` when there is nothing more here.
    pub(super) fn follow_log(
        &self,
        condition: &Filter,
        stretch: Stretch,
        page: &mut Gathering,
    ) -> Result<Option<u64>, Damage> {
        let selection = self.selection(condition)?;
        let docs = selection.docs()?;
        let certain = selection.check.map(|(must, _)| must);
        let end = stretch.through.min(self.meta.seq_last);
        let mut after = stretch.after.max(self.meta.seq_first.saturating_sub(1));
        let mut decoder = Decoder::new(self);
        while after < end && !docs.is_empty() {
            // Few docs are taken at once, however far apart they lie; of many only those of the next places.
            let through = if docs.len() <= DOCS_MAX { end } else { end.min(after.saturating_add(DOCS_MAX)) };
            for (seq, doc) in self.in_log_order(&docs, Stretch { after, through })? {
                if page.is_full() {
                    return Ok(Some(after));
                }
                let event = decoder.event(doc)?;
                match &certain {
                    Some(certain) if !certain.contains(doc) => page.judge(condition, event),
                    _ => page.push(event),
                }
                after = seq;
            }
            after = through;
        }
        Ok(None)
    }

    /// Those of `docs` that lie in a stretch of the log, in its order.
    fn in_log_order(&self, docs: &RoaringBitmap, stretch: Stretch) -> Result<Vec<(u64, u32)>, Damage> {
        let mut found = Vec::new();
        let group_docs = GROUP_DOCS as u32;
        for group in 0..self.docs.div_ceil(group_docs) {
            let (least, most) = self.seqs_of_group(group)?;
            if most <= stretch.after || least > stretch.through {
                continue;
            }
            let first = group * group_docs;
            for doc in docs.range(first..first.saturating_add(group_docs)) {
                let seq = self.position(doc)?.seq;
                if stretch.contains(seq) {
                    found.push((seq, doc));
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}
