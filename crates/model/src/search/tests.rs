//! The language by example.

use super::*;
use crate::Field;

fn moment() -> Moment {
    Moment::utc("2026-11-22T12:00:00Z".parse().unwrap())
}

fn filter(text: &str) -> Filter {
    Search::parse(text, moment()).unwrap().filter
}

#[test]
fn words_conditions_and_operators_make_a_tree() {
    assert_eq!(filter("  "), Filter::all());
    assert_eq!(filter("big bang"), Filter::Text("big bang".to_owned()));
    let or = Filter::Or(vec![
        Filter::And(vec![
            Filter::term(Field::ActorId, "u1"),
            Filter::Not(Box::new(Filter::Exists(Field::Zone))),
        ]),
        Filter::term(Field::Outcome, "failure"),
    ]);
    assert_eq!(filter("actor.id:u1 AND -zone:* OR outcome:Failure"), or);
}
