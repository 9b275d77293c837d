//! Events as Apache Parquet, for programs that read columns: DuckDB, pyarrow, Spark.
//!
//! A row has the shape of an event's native JSON: `actor.name` is the member `name` of the group `actor`. A field that is
//! absent is null; `categories` and `labels` without anything are empty. `before`, `after` and `data` are texts of JSON,
//! with every digit as it was stored.
//!
//! Rows are collected column by column until they are a row group, and are written out as one: what is in memory is one
//! group, however long the file. The groups' places come last, in the footer, so that a file that broke off has none
//! and is refused by every reader.

use std::{io, sync::Arc};

use annals_model::{Entity, Event, Json, Named};
use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::writer::ColumnWriter,
    data_type::{ByteArray, FixedLenByteArray},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::{parser::parse_message_type, types::ColumnPath},
};

use super::FileWriter;
use crate::limits::{EXPORT_GROUP_BYTES, EXPORT_GROUP_EVENTS};

/// The columns, in the order in which [`Row::event`] fills them.
const SCHEMA: &str = "
message event {
  required fixed_len_byte_array(16) id (UUID);
  required int64 seq (INTEGER(64, false));
  required int64 time (TIMESTAMP(NANOS, true));
  required int64 recorded (TIMESTAMP(NANOS, true));
  required binary source (STRING);
  optional binary source_id (STRING);
  required binary type (STRING);
  required binary action (STRING);
  required binary outcome (STRING);
  optional binary status (STRING);
  optional group organization { required binary id (STRING); optional binary name (STRING); }
  optional group project { required binary id (STRING); optional binary name (STRING); }
  optional group environment { required binary id (STRING); optional binary name (STRING); }
  optional group actor { optional binary type (STRING); optional binary id (STRING); optional binary name (STRING); }
  optional group target { optional binary type (STRING); optional binary id (STRING); optional binary name (STRING); }
  optional binary part (STRING);
  optional binary origin (STRING);
  optional binary zone (STRING);
  required group categories (LIST) { repeated group list { required binary element (STRING); } }
  required group labels (MAP) { repeated group key_value { required binary key (STRING); required binary value (STRING); } }
  optional group request {
    optional binary id (STRING);
    optional binary method (STRING);
    optional binary uri (STRING);
    optional binary ip (STRING);
    optional binary user_agent (STRING);
    optional int64 status;
    optional int64 elapsed_ms;
  }
  optional binary message (STRING);
  optional binary before (JSON);
  optional binary after (JSON);
  optional binary data (JSON);
}";

/// Columns whose values hardly ever repeat: a dictionary of them would be thrown away again.
const UNREPEATED: [&str; 4] = ["id", "seq", "time", "recorded"];
/// Those of them that grow by little from row to row.
const GROWING: [&str; 3] = ["seq", "time", "recorded"];
/// What an entry of a column needs beside its text: levels, and where it ends or its number.
const ENTRY_BYTES: usize = 12;

/// Writes a file piece by piece.
pub(crate) struct Parquet {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Column>,
    events: usize,
    bytes: usize,
}

impl Parquet {
    /// Begins a file.
    pub(crate) fn new() -> io::Result<Self> {
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(failed)?);
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("annals version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // They would be kept for every page until the footer is written.
            .set_offset_index_disabled(true);
        for name in UNREPEATED {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(name), false);
        }
        for name in GROWING {
            properties =
                properties.set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
        }
        let file =
            SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).map_err(failed)?;
        let columns = file.schema_descr().columns().iter();
        let columns = columns.map(|column| Column::new(column.max_def_level(), column.max_rep_level()));
        Ok(Self { columns: columns.collect(), file, events: 0, bytes: 0 })
    }

    /// Writes the collected rows out as a row group.
    fn close_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            column.write(writer.untyped())?;
            writer.close()?;
        }
        group.close()?;
        (self.events, self.bytes) = (0, 0);
        Ok(())
    }

    /// Hands over what of the file is written.
    fn hand_over(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.file.flush()?;
        out.append(self.file.inner_mut());
        Ok(())
    }
}

impl FileWriter for Parquet {
    fn write(&mut self, events: &[Arc<Event>], out: &mut Vec<u8>) -> io::Result<()> {
        for event in events {
            let mut row = Row { columns: self.columns.iter_mut(), bytes: 0 };
            row.event(event);
            self.bytes += row.bytes;
            self.events += 1;
            if self.events >= EXPORT_GROUP_EVENTS || self.bytes >= EXPORT_GROUP_BYTES {
                self.close_group().map_err(failed)?;
            }
        }
        self.hand_over(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.events > 0 {
            self.close_group().map_err(failed)?;
        }
        self.file.finish().map_err(failed)?;
        self.hand_over(out)
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The values of a column within a row group.
#[derive(Default)]
struct Column {
    /// Texts or ids one behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    numbers: Vec<i64>,
    /// How much of the path to a value is there, where something on it may be missing.
    definitions: Option<Vec<i16>>,
    /// Whether a value continues the list of the one before, where there are lists.
    repetitions: Option<Vec<i16>>,
}

impl Column {
    fn new(definition_max: i16, repetition_max: i16) -> Self {
        Self {
            definitions: (definition_max > 0).then(Vec::new),
            repetitions: (repetition_max > 0).then(Vec::new),
            ..Self::default()
        }
    }

    fn level(&mut self, definition: i16, repetition: i16) {
        if let Some(definitions) = &mut self.definitions {
            definitions.push(definition);
        }
        if let Some(repetitions) = &mut self.repetitions {
            repetitions.push(repetition);
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// Writes the values and forgets them.
    fn write(&mut self, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let (definitions, repetitions) = (self.definitions.as_deref(), self.repetitions.as_deref());
        match writer {
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&self.numbers, definitions, repetitions)?;
            }
            ColumnWriter::FixedLenByteArrayColumnWriter(writer) => {
                let ids: Vec<FixedLenByteArray> =
                    texts(&mut self.bytes, &self.ends).map(FixedLenByteArray::from).collect();
                writer.write_batch(&ids, definitions, repetitions)?;
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let texts: Vec<ByteArray> = texts(&mut self.bytes, &self.ends).collect();
                writer.write_batch(&texts, definitions, repetitions)?;
            }
            _ => return Err(ParquetError::General("a column of a type that no field has".to_owned())),
        }
        self.ends.clear();
        self.numbers.clear();
        for levels in [&mut self.definitions, &mut self.repetitions].into_iter().flatten() {
            levels.clear();
        }
        Ok(())
    }
}

/// Takes the bytes apart without copying them.
fn texts(bytes: &mut Vec<u8>, ends: &[usize]) -> impl Iterator<Item = ByteArray> {
    let bytes = Bytes::from(std::mem::take(bytes));
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(move |(start, end)| ByteArray::from(bytes.slice(start..*end)))
}

/// A row in the making: it goes through the columns in their order.
struct Row<'a> {
    columns: std::slice::IterMut<'a, Column>,
    /// What the row adds to the memory of its group.
    bytes: usize,
}

impl Row<'_> {
    fn event(&mut self, event: &Event) {
        self.required(event.id.as_bytes());
        // The column is declared as one without a sign.
        self.number(0, Some(event.seq.cast_signed()));
        self.number(0, Some(event.time.nanos()));
        self.number(0, Some(event.recorded.nanos()));
        self.required(event.source.as_bytes());
        self.optional(event.source_id.as_deref());
        self.required(event.kind.as_bytes());
        self.required(event.action.as_bytes());
        self.required(event.outcome.as_str().as_bytes());
        self.optional(event.status.as_deref());
        self.named(event.organization.as_ref());
        self.named(event.project.as_ref());
        self.named(event.environment.as_ref());
        self.entity(&event.actor);
        self.entity(&event.target);
        self.optional(event.part.as_deref());
        self.optional(event.origin.as_deref());
        self.optional(event.zone.as_deref());
        self.list(event.categories.iter());
        self.list(event.labels.keys());
        self.list(event.labels.values());
        let request = &event.request;
        let is_there = !request.is_empty();
        for text in [&request.id, &request.method, &request.uri, &request.ip, &request.user_agent] {
            self.member(is_there, text.as_deref());
        }
        for number in [request.status, request.elapsed_ms] {
            self.number(level(is_there, number.is_some()), number);
        }
        self.optional(event.message.as_deref());
        for json in [&event.before, &event.after, &event.data] {
            self.optional(json.as_ref().map(Json::as_str));
        }
    }

    fn next(&mut self) -> Option<&mut Column> {
        self.bytes += ENTRY_BYTES;
        self.columns.next()
    }

    fn leaf(&mut self, definition: i16, value: Option<&[u8]>) {
        self.bytes += value.map_or(0, <[u8]>::len);
        if let Some(column) = self.next() {
            column.level(definition, 0);
            if let Some(value) = value {
                column.put(value);
            }
        }
    }

    fn number(&mut self, definition: i16, number: Option<i64>) {
        if let Some(column) = self.next() {
            column.level(definition, 0);
            column.numbers.extend(number);
        }
    }

    fn required(&mut self, value: &[u8]) {
        self.leaf(0, Some(value));
    }

    fn optional(&mut self, text: Option<&str>) {
        self.leaf(i16::from(text.is_some()), text.map(str::as_bytes));
    }

    /// A member that may be missing of a group that may be missing.
    fn member(&mut self, is_there: bool, text: Option<&str>) {
        self.leaf(level(is_there, text.is_some()), text.map(str::as_bytes));
    }

    fn named(&mut self, named: Option<&Named>) {
        let is_there = named.is_some();
        self.leaf(i16::from(is_there), named.map(|named| named.id.as_bytes()));
        self.member(is_there, named.and_then(|named| named.name.as_deref()));
    }

    fn entity(&mut self, entity: &Entity) {
        let is_there = !entity.is_empty();
        for text in [&entity.kind, &entity.id, &entity.name] {
            self.member(is_there, text.as_deref());
        }
    }

    fn list<'t>(&mut self, texts: impl Iterator<Item = &'t String>) {
        let mut bytes = 0;
        let Some(column) = self.next() else { return };
        let mut repetition = 0;
        for text in texts {
            column.level(1, repetition);
            column.put(text.as_bytes());
            bytes += ENTRY_BYTES + text.len();
            repetition = 1;
        }
        if repetition == 0 {
            column.level(0, 0);
        }
        self.bytes += bytes;
    }
}

/// How much of the path to a member of a group is there.
fn level(has_group: bool, has_member: bool) -> i16 {
    if has_group { 1 + i16::from(has_member) } else { 0 }
}

#[cfg(test)]
mod tests {
    use annals_model::{Json, Request, Timestamp};
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::{Field, Row},
    };

    use super::*;

    fn file(events: Vec<Event>) -> Bytes {
        let (mut writer, mut out) = (Parquet::new().unwrap(), Vec::new());
        let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
        writer.write(&events, &mut out).unwrap();
        writer.finish(&mut out).unwrap();
        out.into()
    }

    fn rows(file: Bytes) -> Vec<Row> {
        let reader = SerializedFileReader::new(file).unwrap();
        reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
    }

    /// A value by the path of its column.
    fn at<'r>(row: &'r Row, path: &str) -> Option<&'r Field> {
        let mut row = row;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            let (_, field) = row.get_column_iter().find(|(known, _)| *known == name)?;
            match field {
                Field::Null => return None,
                Field::Group(group) => row = group,
                field => return names.peek().is_none().then_some(field),
            }
        }
        None
    }

    #[test]
    fn absent_and_empty_are_told_apart() {
        let full = Event {
            seq: u64::MAX,
            time: Timestamp::from_nanos(-1),
            status: Some(String::new()),
            organization: Named::new("o", None),
            actor: Entity { name: Some("n".to_owned()), ..Entity::default() },
            categories: vec!["b".into(), String::new(), "a".into()],
            labels: [("k".to_owned(), "v".to_owned())].into(),
            data: Some(Json::parse(r#"{"n":12345678901234567890.10}"#).unwrap()),
            request: Request { elapsed_ms: Some(-7), ..Request::default() },
            ..Event::default()
        };
        let rows = rows(file(vec![Event::default(), full]));
        let shown = |row: usize, path: &str| at(&rows[row], path).map(ToString::to_string);
        let cases = [
            ("seq", "0", &u64::MAX.to_string()[..]),
            ("status", "null", "\"\""),
            ("organization.id", "null", "\"o\""),
            ("organization.name", "null", "null"),
            ("actor.id", "null", "null"),
            ("actor.name", "null", "\"n\""),
            ("categories", "[]", r#"["b", "", "a"]"#),
            ("labels", "{}", r#"{"k" -> "v"}"#),
            ("request.status", "null", "null"),
            ("request.elapsed_ms", "null", "-7"),
        ];
        for (path, empty, filled) in cases {
            for (row, expected) in [(0, empty), (1, filled)] {
                assert_eq!(shown(row, path).as_deref().unwrap_or("null"), expected, "{path} of row {row}");
            }
        }
        assert!(
            matches!(at(&rows[1], "data"), Some(Field::Str(text)) if text.contains("12345678901234567890.10"))
        );
    }

    #[test]
    fn memory_is_that_of_a_row_group() {
        const EVENTS: usize = 40;
        let (mut writer, mut out, mut pieces) = (Parquet::new().unwrap(), Vec::new(), 0);
        for number in 0..EVENTS {
            let event = Event { message: Some("x".repeat(1 << 20)), seq: number as u64, ..Event::default() };
            let before = out.len();
            writer.write(&[Arc::new(event)], &mut out).unwrap();
            pieces += usize::from(out.len() > before);
            let held: usize = writer.columns.iter().map(|column| column.bytes.len()).sum();
            assert!(held <= EXPORT_GROUP_BYTES);
        }
        assert_eq!(pieces, 2, "the beginning of the file, and a row group");
        writer.finish(&mut out).unwrap();
        let reader = SerializedFileReader::new(Bytes::from(out)).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        assert_eq!(reader.metadata().file_metadata().num_rows(), EVENTS as i64);
    }

    #[test]
    fn a_file_that_broke_off_is_refused() {
        let whole = file(vec![Event::default(); 10]);
        assert_eq!(rows(whole.clone()).len(), 10);
        for length in [0, 4, whole.len() / 2, whole.len() - 1] {
            assert!(SerializedFileReader::new(whole.slice(..length)).is_err(), "{length} bytes");
        }
        assert_eq!(rows(file(Vec::new())).len(), 0, "a table without rows is a table");
    }
}
