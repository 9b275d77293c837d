//! Merging any split of events gives what writing them at once gives.

use proptest::prelude::*;

use super::{Place, answers, events};

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn any_split(
        all in prop_oneof![events::events(200), events::events_of_many(200)],
        parts in proptest::collection::vec(0_usize..4, 230),
        queries in proptest::collection::vec(events::query(), 1..6),
    ) {
        let place = Place::new();
        let mut split = vec![Vec::new(); 4];
        for (event, part) in all.iter().zip(parts) {
            split[part].push(event.clone());
        }
        let mut inputs = Vec::new();
        for (number, part) in split.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
            inputs.push(place.write(&format!("part-{number}"), part));
        }
        let merged = place.merge("merged", &inputs);
        answers::check_events(&merged, &all);
        let whole = place.write("whole", &all);
        prop_assert_eq!(merged.meta(), whole.meta());
        for filter in &queries {
            answers::check(&merged, &all, filter, None);
        }
        let written = std::fs::read(place.path("whole")).unwrap();
        let merged = std::fs::read(place.path("merged")).unwrap();
        prop_assert!(written == merged, "the same events make the same file");
    }
}
