//! The section about the web page: its rows are the interactions that a run measured.

use std::fmt::Write;

use super::{
    page::significant,
    results::{Measurement, OURS, Run},
};

/// What the goal is about.
pub(crate) const FIRST_VIEW: &str = "first view";
/// Between the parts of the name of a work.
const SEPARATOR: &str = ": ";
const AT_ONCE: &str = "web at once";
const FIRST_TIME: &str = "web first time";
const ALONE: &str = "web alone";

/// What all requests of an interaction at once are called among the works.
pub(crate) fn at_once(interaction: &str) -> String {
    [AT_ONCE, interaction].join(SEPARATOR)
}

/// The same when it was done for the first time.
pub(crate) fn first_time(interaction: &str) -> String {
    [FIRST_TIME, interaction].join(SEPARATOR)
}

/// What one request of it by itself is called.
pub(crate) fn alone(interaction: &str, request: &str) -> String {
    [ALONE, interaction, request].join(SEPARATOR)
}

/// Writes the section, when the run has any of it.
pub(crate) fn section(page: &mut String, run: &Run) {
    let prefix = at_once("");
    let names: Vec<&str> =
        run.measurements.iter().filter_map(|found| found.work.strip_prefix(&prefix)).collect();
    if names.is_empty() {
        return;
    }
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n### The web page's requests\n\n\
         What the page asks for at each interaction ([the list](../bench/page_requests.json) is taken from the page in a browser, and a test compares them). At once: all \
         requests of the interaction over a browser's six connections, until the last answer is there, median / p99; the first time is before anything of it was asked. One by one: \
         the sum of the medians of its requests by themselves.\n\n\
         | interaction | requests | at once | the first time | one by one |\n|---|---|---|---|---|\n"
    );
    for name in &names {
        let requests = requests(run, name);
        let sum: f64 = requests.iter().map(|(_, found)| found.value).sum();
        let first = run.value(&first_time(name), OURS).map_or_else(String::new, millis);
        let together = run.find(&at_once(name), OURS).map_or_else(String::new, times);
        let _ = writeln!(page, "| {name} | {} | {together} | {first} | {} |", requests.len(), millis(sum));
    }
    page.push_str("\n<details><summary>Each request by itself</summary>\n\n| interaction | request | median / p99 |\n|---|---|---|\n");
    for name in &names {
        for (request, found) in requests(run, name) {
            let _ = writeln!(page, "| {name} | `{}` | {} |", request.replace('|', "%7C"), times(found));
        }
    }
    page.push_str("\n</details>\n");
}

/// The requests of an interaction.
fn requests<'r>(run: &'r Run, interaction: &str) -> Vec<(&'r str, &'r Measurement)> {
    let prefix = alone(interaction, "");
    let found = run.measurements.iter();
    found.filter_map(|found| Some((found.work.strip_prefix(&prefix)?, found))).collect()
}

fn times(found: &Measurement) -> String {
    let p99 = found.p99.map_or_else(String::new, |p99| format!(" / {}", significant(p99)));
    format!("{}{p99} ms", significant(found.value))
}

fn millis(value: f64) -> String {
    format!("{} ms", significant(value))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::results::tests::empty, *};

    #[test]
    fn an_interaction_is_a_row_and_so_is_each_of_its_requests() {
        let mut run = empty("small", 1_000);
        let mut text = String::new();
        section(&mut text, &run);
        assert_eq!(text, "");
        run.note_times(&first_time(FIRST_VIEW), OURS, vec![Duration::from_millis(9)]);
        run.note_times(&at_once(FIRST_VIEW), OURS, vec![Duration::from_millis(4); 100]);
        for (request, took) in [("/a?x=1", 2), ("/b", 3)] {
            run.note_times(&alone(FIRST_VIEW, request), OURS, vec![Duration::from_millis(took)]);
        }
        section(&mut text, &run);
        assert!(text.contains("| first view | 2 | 4.00 / 4.00 ms | 9.00 ms | 5.00 ms |\n"), "{text}");
        assert!(text.contains("| first view | `/a?x=1` | 2.00 ms |\n"), "{text}");
    }
}
