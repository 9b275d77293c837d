//! The values of a field that begin with a text: what somebody may be about to type.

use annals_model::{Criterion, Field, Filter, GroupCount, Pattern, Query, limits::GROUPS_MAX};
use hashbrown::HashMap;

use super::{Reader, counts::GROUP_VALUES_MAX};
use crate::error::QueryError;

impl Reader {
    /// The values that begin so, upper and lower case alike, the most frequent first, ties by value.
    pub(crate) fn values(
        &self,
        query: &Query,
        field: &Field,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<GroupCount>, QueryError> {
        query.check()?;
        if query.scope().is_nothing() {
            return Ok(Vec::new());
        }
        let criterion = Criterion::Like(Pattern::beginning(prefix));
        let narrowed = match prefix {
            "" => Filter::Exists(field.clone()),
            _ => Filter::Value(field.clone(), criterion.clone()),
        };
        let condition = query.condition().and(narrowed);
        let mut counts = HashMap::new();
        for mut slot in self.slots(&condition) {
            slot.matches()?.group(field, &mut counts)?;
            // Where a field has many values, other values of the same events were counted too.
            counts.retain(|value, _| value.as_deref().is_some_and(|value| criterion.accepts(value)));
            if counts.len() > GROUP_VALUES_MAX {
                return Err(QueryError::TooManyGroups);
            }
        }
        let mut groups: Vec<GroupCount> =
            counts.into_iter().map(|(value, count)| GroupCount { value, count }).collect();
        groups.sort_unstable_by(|one, two| two.count.cmp(&one.count).then_with(|| one.value.cmp(&two.value)));
        groups.truncate(limit.min(GROUPS_MAX));
        Ok(groups)
    }
}
