//! What is said of an event of another source that says nothing itself.

use annals_model::{Event, Outcome};

/// As in `DB instance orders: backup succeeded`: what it is about, what was done or else the category, how it ended.
pub(crate) fn of(event: &Event, title: &str, category: &str) -> String {
    let which = event.target.name.as_deref().or(event.target.id.as_deref()).unwrap_or_default();
    let what = if event.action.is_empty() { category } else { &event.action };
    let ended = match event.outcome {
        Outcome::Success => " succeeded",
        Outcome::Failure => " failed",
        Outcome::Pending => " started",
        Outcome::Unknown => "",
    };
    format!("{title} {which}: {what}{ended}")
}

#[cfg(test)]
mod tests {
    use annals_model::Entity;

    use super::*;

    #[test]
    fn sentences_say_how_it_ended() {
        for (action, outcome, expected) in [
            ("backup", Outcome::Success, "DB snapshot s: backup succeeded"),
            ("create", Outcome::Pending, "DB snapshot s: create started"),
            ("create", Outcome::Failure, "DB snapshot s: create failed"),
            ("delete", Outcome::Unknown, "DB snapshot s: delete"),
            ("", Outcome::Unknown, "DB snapshot s: deletion"),
        ] {
            let event = Event {
                action: action.into(),
                outcome,
                target: Entity { kind: None, id: Some("s".into()), name: None },
                ..Event::default()
            };
            assert_eq!(of(&event, "DB snapshot", "deletion"), expected);
        }
    }
}
