//! SQL for four databases that do not speak alike: tables, indexes, and queries with their names replaced.

use annals_testkit::Profile;

use crate::{
    data::{
        Column, Kind, Sample, Value, columns,
        sample::{replace, unknown},
    },
    workloads::queries::Query,
};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    PostgreSql,
    ClickHouse,
    DuckDb,
    Sqlite,
}

/// A statement and its values, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
}

impl Speech {
    pub(crate) fn type_of(self, column: &Column) -> &'static str {
        use Kind::{Address, Id, Json, Millis, Number, Text, Word};
        match (self, column.kind) {
            (Self::PostgreSql, Id) => "uuid",
            (Self::PostgreSql, Address) => "inet",
            (Self::PostgreSql, Millis) => "bigint",
            (Self::PostgreSql, Number) => "integer",
            (Self::PostgreSql, Json) => "jsonb",
            (Self::PostgreSql, Word | Text) => "text",
            (Self::ClickHouse, Id) => "UUID",
            (Self::ClickHouse, Millis) => "Int64",
            (Self::ClickHouse, Number) => "UInt32",
            (Self::ClickHouse, Word | Address) => "LowCardinality(String)",
            (Self::ClickHouse, Text | Json) => "String",
            (Self::DuckDb, Id) => "UUID",
            (Self::DuckDb, Millis) => "BIGINT",
            (Self::DuckDb, Number) => "INTEGER",
            (Self::DuckDb, Word | Text | Address | Json) => "VARCHAR",
            (Self::Sqlite, Id) => "blob",
            (Self::Sqlite, Millis | Number) => "integer",
            (Self::Sqlite, Word | Text | Address | Json) => "text",
        }
    }

    /// Statements that make a table without the indexes that [`Speech::indexes`] adds.
    pub(crate) fn table(self, name: &str, profile: Profile) -> Vec<String> {
        let mut parts: Vec<String> = columns(profile)
            .iter()
            .map(|column| format!("{} {} not null", column.name, self.type_of(column)))
            .collect();
        if self != Self::ClickHouse {
            return vec![format!("create table {name} ({})", parts.join(", "))];
        }
        // Columns are not null by themselves.
        for part in &mut parts {
            *part = part.trim_end_matches(" not null").to_owned();
        }
        for (column, kind) in [
            ("id", "bloom_filter(0.01)"),
            ("actor", "bloom_filter(0.01)"),
            ("target", "bloom_filter(0.01)"),
            ("type", "bloom_filter(0.01)"),
        ] {
            parts.push(format!("index by_{column} {column} type {kind} granularity 1"));
        }
        if profile == Profile::Large1017 {
            parts.push("index by_word message type tokenbf_v1(8192, 3, 0) granularity 1".to_owned());
        }
        vec![format!(
            "create table {name} ({}) engine = MergeTree order by (organization, time) settings \
             default_compression_codec = 'ZSTD(1)', fsync_after_insert = 1, fsync_part_directory = 1",
            parts.join(", ")
        )]
    }

    /// Statements that make the indexes its queries need.
    pub(crate) fn indexes(self, name: &str, profile: Profile) -> Vec<String> {
        if !matches!(self, Self::PostgreSql | Self::Sqlite) {
            return Vec::new();
        }
        let mut statements = vec![format!("create unique index {name}_id on {name} (id)")];
        for (index, columns) in [
            ("time", "time"),
            ("organization", "organization, time"),
            ("organization_type", "organization, type, time"),
            ("actor", "actor, time"),
            ("target", "target, time"),
            ("type", "type, time"),
        ] {
            statements.push(format!("create index {name}_{index} on {name} ({columns})"));
        }
        if profile == Profile::Large1017 {
            match self {
                Self::PostgreSql => statements.push(format!(
                    "create index {name}_word on {name} using gin (to_tsvector('simple', message))"
                )),
                _ => statements.extend([
                    format!(
                        "create virtual table {name}_words using fts5(message, content='{name}', content_rowid='rowid')"
                    ),
                    format!("insert into {name}_words ({name}_words) values ('rebuild')"),
                    format!(
                        "create trigger {name}_word after insert on {name} begin insert into {name}_words \
                         (rowid, message) values (new.rowid, new.message); end"
                    ),
                ]),
            }
        }
        statements
    }

    /// A query's statements with the sample's values.
    pub(crate) fn statements(
        self,
        query: &Query,
        sample: &Sample,
        profile: Profile,
    ) -> Result<Vec<Statement>, String> {
        query.sql.iter().map(|template| self.statement(template, sample, profile)).collect()
    }

    fn statement(self, template: &str, sample: &Sample, profile: Profile) -> Result<Statement, String> {
        let all: Vec<&str> = columns(profile).iter().map(|column| column.name).collect();
        let template = template.replace("{all}", &all.join(", ")).replace("{hour}", self.hour());
        let template = self.with_words(&template);
        let mut values = Vec::new();
        let text = replace(&template, |name| {
            let value = sample.value(name).ok_or_else(|| unknown(name))?;
            if self == Self::ClickHouse {
                return Ok(literal(&value));
            }
            values.push(value);
            let number = values.len();
            Ok(match self {
                Self::Sqlite => format!("?{number}"),
                _ => format!("${number}"),
            })
        })?;
        Ok(Statement { text, values })
    }

    const fn hour(self) -> &'static str {
        match self {
            Self::PostgreSql | Self::Sqlite => "time / 3600000",
            Self::ClickHouse => "intDiv(time, 3600000)",
            Self::DuckDb => "time // 3600000",
        }
    }

    fn with_words(self, template: &str) -> String {
        let Some((before, rest)) = template.split_once("{word(") else { return template.to_owned() };
        let Some((word, after)) = rest.split_once(")}") else { return template.to_owned() };
        let condition = match self {
            Self::PostgreSql => format!("to_tsvector('simple', message) @@ to_tsquery('simple', '{word}')"),
            Self::ClickHouse => format!("hasToken(message, '{word}')"),
            Self::DuckDb => format!("contains(message, '{word}')"),
            Self::Sqlite => {
                format!("rowid in (select rowid from events_words where events_words match '{word}')")
            }
        };
        format!("{before}{condition}{after}")
    }
}

/// A value inside the text of a statement.
fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Value::Instant(millis) => millis.to_string(),
        Value::Id(id) => format!("toUUID('{id}')"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::queries::queries;

    #[test]
    fn values_are_numbered_or_written_out() {
        let sample = Sample::of(0, 10, Profile::Small454);
        let template = "select {all} from events where organization = :organization and time >= :from";
        let statement = |speech: Speech| speech.statement(template, &sample, Profile::Small454).unwrap();
        let sqlite = statement(Speech::Sqlite);
        assert!(sqlite.text.starts_with("select id, time, "), "{}", sqlite.text);
        assert!(sqlite.text.ends_with("organization = ?1 and time >= ?2"), "{}", sqlite.text);
        assert_eq!(sqlite.values.len(), 2);
        assert!(statement(Speech::PostgreSql).text.ends_with("time >= $2"));
        let clickhouse = statement(Speech::ClickHouse);
        assert!(clickhouse.values.is_empty() && clickhouse.text.contains("organization = 'tenant-"));
        assert_eq!(literal(&Value::Text("it's \\".to_owned())), "'it\\'s \\\\'");
    }

    #[test]
    fn nothing_is_left_to_replace() {
        for speech in [Speech::PostgreSql, Speech::ClickHouse, Speech::DuckDb, Speech::Sqlite] {
            for query in queries(Profile::Large1017, 1_000_000) {
                let sample = Sample::of(1, 10, Profile::Large1017);
                for statement in speech.statements(&query, &sample, Profile::Large1017).unwrap() {
                    assert!(!statement.text.contains(['{', '}', ':']), "{}", statement.text);
                }
            }
        }
    }
}
