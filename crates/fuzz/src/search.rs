//! The search language: any text is a search or an error within it.

use annals_model::{
    Timestamp,
    search::{Moment, Node, Search, complete},
};

use crate::{Target, seeds};

const SEEDS: [&str; 8] = [
    "type:audit.app.*  actor:alice  -origin:CONSOLE  outcome:failure organization:acme target.type:app time:-7d..now",
    "data.request.memory>512 \"free words\" NOT (status:4?? OR status:[500..599])",
    "time:(today,2026-01,2026-01-31T23:59:59.5+01:00..) labels.\"a b\"=x",
    r#"message:*time\*out* "say \"a\\b\" \n" data."x.y".z:<=-1.5e3"#,
    "before.state:* -after.state:null request.ip:2001:db8::1",
    "a AND b OR (c -d) --e",
    "outcome:(success",
    "actr:alice",
];

pub(crate) fn targets() -> Vec<Target> {
    vec![Target::new("search", search).with_seeds(SEEDS.map(|seed| seed.as_bytes().to_vec()))]
}

fn search(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let moment = Moment { now: Timestamp::from_nanos(1_795_348_800_000_000_000), offset_seconds: 3_600 };
    let characters = text.chars().count();
    if let Ok(node) = Node::parse(text) {
        let written = node.to_string();
        // What is written may be longer than what may be read.
        if let Ok(read) = Node::parse(&written) {
            assert_eq!(read.to_string(), written, "{text}");
        }
    }
    match Search::parse(text, moment) {
        Ok(search) => {
            search.filter.check_size().unwrap();
            for event in seeds::sample_events().iter().step_by(20) {
                search.filter.matches(event);
            }
        }
        Err(error) => {
            assert!(error.column >= 1 && error.column - 1 + error.length <= characters, "{error:?}");
            assert!(error.render(text).contains('^') && !error.hint().is_empty());
        }
    }
    let ends = [0, characters / 2, characters];
    for completion in ends.map(|at| complete(text, at)) {
        assert!(completion.from <= completion.to && completion.to <= characters, "{completion:?}");
    }
}
