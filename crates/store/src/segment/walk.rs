//! Walking a selection in the total order, either way, deciding only about the events it comes past.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use annals_model::{Event, Order, Position};

use super::{
    ahead::{Ahead, Step},
    matches::{Selection, Shape},
    sets::{DocSet, Docs},
};
use crate::{
    Damage,
    query::part::{Keep, Left},
};

/// Where a walk stands.
#[derive(Default)]
pub(super) struct Walk {
    order: Order,
    course: Course,
    ahead: Ahead,
    current: Option<Current>,
}

/// The match that was shown last.
struct Current {
    step: Step,
    /// Already made, if it had to be looked at.
    event: Option<Box<Event>>,
}

/// What is left to walk.
enum Course {
    /// The rest of every lane, and the next match of it.
    Lanes(Vec<Lane>),
    /// Places of the segment's total order.
    Ranks(Range<u32>),
    /// Docs of the set in the total order, by their index among all of them.
    List(Arc<DocSet>, Range<usize>),
}

impl Default for Course {
    fn default() -> Self {
        Self::Lanes(Vec::new())
    }
}

struct Lane {
    docs: Range<u32>,
    head: Option<(Position, u32)>,
}

impl Selection<'_> {
    pub(super) fn begin_walk(&mut self, order: Order, after: Option<Position>) -> Result<(), Damage> {
        // Behind `after`: larger positions upwards, smaller ones downwards.
        let segment = self.segment;
        let is_before = |position: Position| match (after, order) {
            (None, Order::Ascending) => false,
            (None, Order::Descending) => true,
            (Some(after), Order::Ascending) => position <= after,
            (Some(after), Order::Descending) => position < after,
        };
        let keep = |range: Range<u32>, cut: u32| match order {
            Order::Ascending => cut..range.end,
            Order::Descending => range.start..cut,
        };
        let list = match (&self.shape, &self.set) {
            (Shape::Order(_), Docs::Set(set)) => set.as_list(segment)?.map(|list| (set, list)),
            _ => None,
        };
        let course = match (&self.shape, list) {
            (_, Some((set, list))) => {
                let (mut low, mut high) = (0, list.len());
                while low < high {
                    let middle = low + (high - low) / 2;
                    if is_before(segment.position(list[middle])?) {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                let rest = match order {
                    Order::Ascending => low..list.len(),
                    Order::Descending => 0..low,
                };
                Course::List(Arc::clone(set), rest)
            }
            (Shape::Lanes(lanes), _) => {
                let mut rest = Vec::with_capacity(lanes.len());
                for lane in lanes {
                    let cut = segment.partition_docs(lane.clone(), is_before)?;
                    let mut lane = Lane { docs: keep(lane.clone(), cut), head: None };
                    self.advance_lane(&mut lane, order)?;
                    rest.push(lane);
                }
                Course::Lanes(rest)
            }
            (Shape::Order(ranks), _) => {
                Course::Ranks(keep(ranks.clone(), segment.partition_ranks(ranks.clone(), is_before)?))
            }
        };
        self.walk = Walk { order, course, ..Walk::default() };
        Ok(())
    }

    /// Finds the next match of a lane and takes it off the rest.
    fn advance_lane(&self, lane: &mut Lane, order: Order) -> Result<(), Damage> {
        let doc = match (&self.set, order) {
            _ if lane.docs.is_empty() => None,
            (Docs::All(_), Order::Ascending) => Some(lane.docs.start),
            (Docs::All(_), Order::Descending) => Some(lane.docs.end - 1),
            (Docs::Set(set), Order::Ascending) => set.range(lane.docs.clone()).next(),
            (Docs::Set(set), Order::Descending) => set.range(lane.docs.clone()).next_back(),
        };
        lane.head = match doc {
            None => None,
            Some(doc) => Some((self.segment.position(doc)?, doc)),
        };
        match (doc, order) {
            (None, _) => lane.docs = 0..0,
            (Some(doc), Order::Ascending) => lane.docs.start = doc + 1,
            (Some(doc), Order::Descending) => lane.docs.end = doc,
        }
        Ok(())
    }

    /// The next doc, whether it matches or not.
    fn next_step(&mut self) -> Result<Option<Step>, Damage> {
        if let Some(step) = self.walk.ahead.steps.pop_front() {
            return Ok(Some(step));
        }
        Ok(self.next_doc()?.map(|(position, doc)| Step::new(position, doc)))
    }

    /// The next doc of the course, whether it matches or not.
    fn next_doc(&mut self) -> Result<Option<(Position, u32)>, Damage> {
        let order = self.walk.order;
        let mut course = std::mem::take(&mut self.walk.course);
        let next = match &mut course {
            Course::Lanes(lanes) => {
                let heads = lanes
                    .iter()
                    .enumerate()
                    .filter_map(|(number, lane)| lane.head.map(|head| (head, number)));
                let next = match order {
                    Order::Ascending => heads.min(),
                    Order::Descending => heads.max(),
                };
                match next {
                    None => Ok(None),
                    Some((head, number)) => match lanes.get_mut(number) {
                        Some(lane) => self.advance_lane(lane, order).map(|()| Some(head)),
                        None => Ok(None),
                    },
                }
            }
            Course::Ranks(ranks) => loop {
                let rank = match order {
                    Order::Ascending => ranks.next(),
                    Order::Descending => ranks.next_back(),
                };
                let Some(rank) = rank else {
                    break Ok(None);
                };
                let doc = match self.segment.doc_at(rank) {
                    Ok(doc) => doc,
                    Err(damage) => break Err(damage),
                };
                if self.set.contains(doc) {
                    break self.segment.position(doc).map(|position| Some((position, doc)));
                }
            },
            Course::List(docs, rest) => {
                let at = match order {
                    Order::Ascending => rest.next(),
                    Order::Descending => rest.next_back(),
                };
                match docs.listed(at) {
                    None => Ok(None),
                    Some(doc) => self.segment.position(doc).map(|position| Some((position, doc))),
                }
            }
        };
        self.walk.course = course;
        next
    }

    pub(super) fn peek_walk(&mut self) -> Result<Option<Position>, Damage> {
        if let Some(current) = &self.walk.current {
            return Ok(Some(current.step.position));
        }
        while let Some(step) = self.next_step()? {
            let (position, doc) = (step.position, step.doc);
            // Counting may have decided meanwhile about docs that were candidates when the walk began.
            if !self.set.contains(doc) {
                continue;
            }
            let mut event = None;
            if let Some((must, filter)) = self.check.take() {
                let looked = if must.contains(doc) { Ok(None) } else { self.look(doc, &filter).map(Some) };
                self.check = Some((must, filter));
                match looked? {
                    None => {}
                    Some(None) => continue,
                    Some(Some(found)) => event = Some(Box::new(found)),
                }
            }
            self.walk.current = Some(Current { step, event });
            return Ok(Some(position));
        }
        Ok(None)
    }

    pub(super) fn take_walk(&mut self) -> Result<Option<Event>, Damage> {
        self.peek_walk()?;
        match self.walk.current.take() {
            None => Ok(None),
            Some(Current { event: Some(event), .. }) => Ok(Some(*event)),
            Some(Current { step, .. }) => self.decoder.event(step.doc).map(Some),
        }
    }

    pub(super) fn write_walk(&mut self, out: &mut Vec<u8>, keep: Keep) -> Result<bool, Damage> {
        self.peek_walk()?;
        match self.walk.current.take() {
            None => return Ok(false),
            Some(Current { event: Some(event), .. }) => event.write_json(out),
            Some(Current { mut step, .. }) => {
                if let Keep::No(left) = keep {
                    self.write_ahead(&mut step, left)?;
                }
                match self.walk.ahead.json(&step) {
                    Some(json) => out.extend_from_slice(json),
                    None if keep == Keep::Yes => {
                        self.decoder.write_kept_json(step.doc, step.position, out)?;
                    }
                    None => self.decoder.write_json(step.doc, step.position, out)?,
                }
            }
        }
        Ok(true)
    }

    /// Writes the step it stands on and those that come next ahead, if they lie apart and nothing is written ahead any more.
    fn write_ahead(&mut self, first: &mut Step, left: Left) -> Result<(), Damage> {
        let lies_apart = match &self.walk.course {
            Course::Lanes(lanes) => lanes.len() > 1,
            Course::Ranks(_) | Course::List(..) => !self.segment.is_in_time_order(),
        };
        let is_ready = first.is_written() || !self.walk.ahead.steps.is_empty();
        if !lies_apart || is_ready || self.check.is_some() {
            return Ok(());
        }
        let wanted = self.walk.ahead.wanted(left);
        let mut steps = vec![Step::new(first.position, first.doc)];
        while steps.len() < wanted
            && let Some((position, doc)) = self.next_doc()?
        {
            steps.push(Step::new(position, doc));
        }
        self.walk.ahead.write(&mut steps, left.bytes, &mut self.decoder);
        let mut steps = VecDeque::from(steps);
        if let Some(written) = steps.pop_front() {
            *first = written;
        }
        self.walk.ahead.steps = steps;
        Ok(())
    }

    pub(super) fn skip_walk(&mut self) -> Result<(), Damage> {
        self.peek_walk()?;
        self.walk.current = None;
        Ok(())
    }
}
