//! Counts as lines of text.

use super::counts::{Count, Counts};
use crate::output::{self, Style};

/// Characters of a column of lists at least; with less room the lists stand below one another.
const LIST_COLUMNS_MIN: usize = 38;
/// Characters between lists.
const GAP: usize = 2;
/// Lines above the lists on a terminal: the headline, rates, the line over time, and an empty one.
const LINES_ABOVE: usize = 4;
/// Lines of a list that hold no value: its heading and the empty one below.
const LINES_AROUND: usize = 2;
const LISTS: usize = 4;
/// What stands for an event that does not have the field.
const NONE: &str = "(none)";
/// From nothing to the most.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Where it is drawn.
pub(super) struct Sheet {
    /// Characters of a line.
    pub(super) columns: usize,
    /// Values of each list.
    pub(super) rows: usize,
    pub(super) colours: bool,
}

impl Sheet {
    /// How many values of each list fit on a terminal.
    pub(super) fn rows_that_fit(columns: usize, height: usize) -> usize {
        let bands = LISTS / beside(columns);
        (height.saturating_sub(LINES_ABOVE) / bands).saturating_sub(LINES_AROUND).max(1)
    }

    /// The lines.
    pub(super) fn lines(&self, counts: &Counts) -> Vec<String> {
        let mut lines = vec![self.rates(counts), self.timeline(counts), String::new()];
        let lists = [
            ("ACTORS", &counts.actors, counts.events, None),
            ("TARGETS", &counts.targets, counts.events, None),
            ("TYPES", &counts.types, counts.events, None),
            ("FAILING TYPES", &counts.failing_types, counts.failures, Some(Style::Red)),
        ];
        let beside = beside(self.columns);
        let width = (self.columns + GAP) / beside - GAP;
        for band in lists.chunks(beside) {
            let blocks: Vec<Vec<String>> = band
                .iter()
                .map(|(heading, values, of, style)| self.list(heading, values, *of, width, *style))
                .collect();
            let height = blocks.iter().map(Vec::len).max().unwrap_or_default();
            for row in 0..height {
                let cells: Vec<&str> =
                    blocks.iter().map(|block| block.get(row).map_or("", String::as_str)).collect();
                lines.push(joined(&cells, width));
            }
            lines.push(String::new());
        }
        lines.pop();
        lines
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colours { style.on(text) } else { text.to_owned() }
    }

    fn rates(&self, counts: &Counts) -> String {
        let names = ["now", "last minute", "last hour"];
        let rates =
            counts.rates.iter().zip(names).map(|(rate, name)| format!("{name} {}/s", two(rate.per_second)));
        let rates: Vec<String> = rates.collect();
        let failed = format!("failed {}", share(counts.failures, counts.events));
        let failed = if counts.failures > 0 { self.styled(Style::Red, &failed) } else { failed };
        let events = output::grouped(counts.events);
        format!("{}   {events} events in {}   {failed}", rates.join("   "), length(counts.window_seconds))
    }

    fn timeline(&self, counts: &Counts) -> String {
        let most = counts.timeline.iter().copied().max().unwrap_or_default();
        let bars: String = counts.timeline.iter().map(|count| bar(*count, most)).collect();
        let text = format!(
            "{bars}  {} a bar, {} at most",
            length(counts.timeline_bucket_seconds),
            output::grouped(most)
        );
        if most == 0 { String::new() } else { text }
    }

    fn list(
        &self,
        heading: &str,
        values: &[Count],
        of: u64,
        width: usize,
        style: Option<Style>,
    ) -> Vec<String> {
        let mut lines = vec![self.styled(Style::Bold, heading)];
        if values.is_empty() {
            lines.push(self.styled(Style::Dim, "no events"));
        }
        let counts: Vec<String> =
            values.iter().take(self.rows).map(|value| output::grouped(value.count)).collect();
        let digits = counts.iter().map(String::len).max().unwrap_or_default();
        for (value, count) in values.iter().zip(&counts) {
            let before = format!("{count:>digits$} {:>6}  ", share(value.count, of));
            let room = width.saturating_sub(before.chars().count());
            let name = value.value.as_deref().filter(|name| !name.is_empty()).unwrap_or(NONE);
            let text = output::one_line(name, room);
            let text = match style {
                Some(style) => self.styled(style, &text),
                None if value.value.is_none() => self.styled(Style::Dim, &text),
                None => text,
            };
            lines.push(format!("{before}{text}"));
        }
        lines
    }
}

/// How many lists stand beside one another.
const fn beside(columns: usize) -> usize {
    let fit = (columns + GAP) / (LIST_COLUMNS_MIN + GAP);
    if fit >= LISTS {
        LISTS
    } else if fit >= 2 {
        2
    } else {
        1
    }
}

/// Texts in columns of that width, of which the last is not filled up. Colours take no room.
fn joined(cells: &[&str], width: usize) -> String {
    let mut line = String::new();
    for (place, cell) in cells.iter().enumerate() {
        line.push_str(cell);
        if place + 1 < cells.len() {
            line.extend(std::iter::repeat_n(' ', (width + GAP).saturating_sub(seen(cell))));
        }
    }
    line.trim_end().to_owned()
}

/// Characters that are seen of a text of ours: not its colours.
fn seen(text: &str) -> usize {
    let mut in_code = false;
    let is_seen = |character: &char| {
        let is_code = in_code || *character == '\u{1b}';
        in_code = is_code && *character != 'm';
        !is_code
    };
    text.chars().filter(is_seen).count()
}

fn bar(count: u64, most: u64) -> char {
    // What is there is seen, however little it is.
    let eighths = (count as f64 / most.max(1) as f64 * 8.0).ceil() as usize;
    BARS.get(eighths).copied().unwrap_or(' ')
}

fn share(part: u64, of: u64) -> String {
    format!("{:.1}%", part as f64 * 100.0 / of.max(1) as f64)
}

/// A rate with two digits that say something.
fn two(rate: f64) -> String {
    match rate {
        rate if rate == 0.0 || rate >= 10.0 => format!("{rate:.0}"),
        rate if rate >= 1.0 => format!("{rate:.1}"),
        rate if rate >= 0.1 => format!("{rate:.2}"),
        rate => format!("{rate:.3}"),
    }
}

/// A length of time as it is typed: `90s`, `15m`, `24h`, `7d`.
pub(super) fn length(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let whole = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    // A day is better known as 24 hours.
    match whole {
        Some((86_400, _)) if seconds == 86_400 => "24h".to_owned(),
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::counts::Rate;

    fn counts() -> Counts {
        let values = |values: &[(Option<&str>, u64)]| {
            values
                .iter()
                .map(|(value, count)| Count { value: value.map(str::to_owned), count: *count })
                .collect()
        };
        Counts {
            window_seconds: 3_600,
            events: 2_000,
            failures: 50,
            rates: [(10, 30), (60, 60), (3_600, 2_000)]
                .map(|(seconds, events)| Rate {
                    seconds,
                    events,
                    failures: 0,
                    per_second: events as f64 / seconds as f64,
                })
                .into(),
            actors: values(&[(Some("alice\u{1b}[2J"), 1_500), (None, 500)]),
            targets: values(&[(Some(&"n".repeat(60)), 7)]),
            types: values(&[(Some("create"), 2_000)]),
            failing_types: values(&[]),
            timeline: vec![0, 1, 50, 100],
            timeline_bucket_seconds: 60,
        }
    }

    #[test]
    fn lists_stand_beside_one_another_where_there_is_room() {
        let lines = Sheet { columns: 80, rows: 5, colours: false }.lines(&counts());
        assert_eq!(
            lines,
            [
                "now 3.0/s   last minute 1.0/s   last hour 0.56/s   2,000 events in 1h   failed 2.5%",
                " ▁▄█  1m a bar, 100 at most",
                "",
                "ACTORS                                   TARGETS",
                "1,500  75.0%  alice\u{fffd}[2J                  7   0.3%  nnnnnnnnnnnnnnnnnnnnnnnnnnnn…",
                "  500  25.0%  (none)",
                "",
                "TYPES                                    FAILING TYPES",
                "2,000 100.0%  create                     no events",
            ]
        );
        let narrow = Sheet { columns: 40, rows: 5, colours: false }.lines(&counts());
        assert_eq!(narrow.len(), 3 + 4 + 3 + 3 + 2);
    }

    #[test]
    fn colours_take_no_room() {
        let plain = Sheet { columns: 80, rows: 5, colours: false }.lines(&counts());
        let coloured = Sheet { columns: 80, rows: 5, colours: true }.lines(&counts());
        assert_ne!(plain, coloured);
        for (plain, coloured) in plain.iter().zip(&coloured) {
            assert_eq!(plain.chars().count(), seen(coloured), "{coloured:?}");
        }
    }

    #[test]
    fn a_terminal_is_filled_and_not_more() {
        for (columns, height) in [(80, 24), (200, 50), (40, 20), (100, 30)] {
            let rows = Sheet::rows_that_fit(columns, height);
            let bands = LISTS / beside(columns);
            assert!(
                LINES_ABOVE + bands * (rows + LINES_AROUND) <= height.max(LINES_ABOVE + bands * 3),
                "{columns}"
            );
        }
    }

    #[test]
    fn lengths_are_as_they_are_typed() {
        for (seconds, text) in [(90, "90s"), (900, "15m"), (3_600, "1h"), (86_400, "24h"), (604_800, "7d")] {
            assert_eq!(length(seconds), text);
        }
    }
}
