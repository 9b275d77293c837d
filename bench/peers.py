"""One database in one process, for `cargo xtask bench`: ClickHouse (chdb), DuckDB or SQLite.

Usage: peers.py clickhouse|duckdb|sqlite DIRECTORY

Takes one JSON object a line and answers with one. What it reports of time (`nanos`) is measured here, around the calls of the
database alone: reading files, cutting lines and this protocol are left out. A failure is answered {"error": "..."}.
"""

import json
import os
import sys
import time
import uuid


def clock():
    return time.perf_counter_ns()


def tree_bytes(directory):
    return sum(
        os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(directory) for name in names
    )


def lines_of(path, rows_at_once):
    """The lines of a file, so many at once."""
    with open(path, encoding="utf-8", newline="\n") as file:
        lines = file.readlines()
    return [lines[start : start + rows_at_once] for start in range(0, len(lines), rows_at_once)]


class ClickHouse:
    def __init__(self, directory):
        from chdb import session

        self.directory = directory
        self.session = session.Session(directory)

    def version(self):
        return self.text("select version()").strip()

    def text(self, statement):
        return self.session.query(statement, "TSV").bytes().decode()

    def run(self, statement):
        self.session.query(statement)

    def load(self, table, path, rows_at_once, columns):
        """A file of 1,000 rows for each insert: text inside the statement would be parsed twice."""
        nanos = rows = 0
        for batch in lines_of(path, rows_at_once or 1 << 60):
            part = path + ".part"
            with open(part, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(batch)
            structure = ", ".join(
                f"{name} {({'id': 'UUID', 'number': 'Int64'}).get(kind, 'String')}" for name, kind in columns
            )
            begun = clock()
            self.run(f"insert into {table} select * from file('{part}', 'TSV', '{structure}')")
            nanos += clock() - begun
            rows += len(batch)
            os.remove(part)
        return rows, nanos

    def finish(self, table):
        self.run(f"optimize table {table} final")

    def bytes(self, table):
        statement = f"select sum(bytes_on_disk) from system.parts where active and table = '{table}'"
        return int(self.text(statement))

    def ask(self, statement, values):
        """Binary columns are the cheapest answer it has; they are made and taken, not read."""
        return self.session.query(statement, "Native").bytes()

    def rows(self, statement, values):
        return [line.split("\t") for line in self.text(statement).splitlines()]

    def export(self, columns):
        path = os.path.join(self.directory, "export.json")
        begun = clock()
        self.run(f"select * from events into outfile '{path}' truncate format JSONEachRow")
        return exported(path, clock() - begun)


class DuckDb:
    def __init__(self, directory):
        import duckdb

        self.directory = directory
        self.path = os.path.join(directory, "events.duckdb")
        self.connection = duckdb.connect(self.path)
        self.name = duckdb.__version__

    def version(self):
        return self.name

    def run(self, statement):
        self.connection.execute(statement)

    def load(self, table, path, rows_at_once, columns):
        names = {"id": "UUID", "number": "BIGINT", "text": "VARCHAR"}
        described = ", ".join(f"'{name}': '{names[kind]}'" for name, kind in columns)
        nanos = rows = 0
        for batch in lines_of(path, rows_at_once or 1 << 60):
            part = path + ".part"
            with open(part, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(batch)
            begun = clock()
            self.run(
                f"insert into {table} select * from read_csv('{part}', delim='\t', quote='', escape='', header=false, "
                f"auto_detect=false, columns={{{described}}})"
            )
            nanos += clock() - begun
            rows += len(batch)
            os.remove(part)
        return rows, nanos

    def finish(self, table):
        self.run("checkpoint")
        self.run("analyze")

    def bytes(self, table):
        """One table is left when this is asked."""
        self.run("checkpoint")
        return tree_bytes(self.directory)

    def ask(self, statement, values):
        values = [uuid.UUID(value["id"]) if isinstance(value, dict) else value for value in values]
        return self.connection.execute(statement, values).fetchall()

    def rows(self, statement, values):
        return [[str(value) for value in row] for row in self.ask(statement, values)]

    def export(self, columns):
        path = os.path.join(self.directory, "export.json")
        begun = clock()
        self.run(f"copy events to '{path}' (format json)")
        return exported(path, clock() - begun)


class Sqlite:
    def __init__(self, directory):
        import sqlite3

        self.directory = directory
        self.name = sqlite3.sqlite_version
        self.connection = sqlite3.connect(os.path.join(directory, "events.sqlite"), isolation_level=None)
        for setting in ("journal_mode=wal", "synchronous=full", "cache_size=-1000000", "mmap_size=68719476736"):
            self.connection.execute(f"pragma {setting}").fetchall()

    def version(self):
        return self.name

    def run(self, statement):
        self.connection.execute(statement).fetchall()

    def values_of(self, line, columns):
        values = line.rstrip("\n").split("\t")
        for place, (_, kind) in enumerate(columns):
            if kind == "id":
                values[place] = uuid.UUID(values[place]).bytes
            elif kind == "number":
                values[place] = int(values[place])
        return values

    def insert(self, table, columns):
        return f"insert into {table} values ({', '.join('?' * len(columns))})"

    def load(self, table, path, rows_at_once, columns):
        statement = self.insert(table, columns)
        nanos = rows = 0
        # In bulk: few transactions, for the memory of this process.
        for batch in lines_of(path, rows_at_once or 100_000):
            values = [self.values_of(line, columns) for line in batch]
            begun = clock()
            self.connection.execute("begin")
            self.connection.executemany(statement, values)
            self.connection.execute("commit")
            nanos += clock() - begun
            rows += len(batch)
        return rows, nanos

    def finish(self, table):
        self.run("analyze")
        self.run("pragma wal_checkpoint(truncate)")

    def bytes(self, table):
        """One table is left when this is asked; what was removed before it leaves free pages."""
        pages = self.connection.execute("pragma page_count").fetchone()[0]
        free = self.connection.execute("pragma freelist_count").fetchone()[0]
        size = self.connection.execute("pragma page_size").fetchone()[0]
        return (pages - free) * size

    def bound(self, values):
        return [uuid.UUID(value["id"]).bytes if isinstance(value, dict) else value for value in values]

    def ask(self, statement, values):
        return self.connection.execute(statement, self.bound(values)).fetchall()

    def rows(self, statement, values):
        def shown(value):
            return str(uuid.UUID(bytes=value)) if isinstance(value, bytes) else str(value)

        return [[shown(value) for value in row] for row in self.ask(statement, values)]

    def export(self, columns):
        parts = ", ".join(f"'{name}', {f'hex({name})' if kind == 'id' else name}" for name, kind in columns)
        total = 0
        begun = clock()
        for (text,) in self.connection.execute(f"select json_object({parts}) from events"):
            total += len(text) + 1
        return total, clock() - begun

    def singles(self, path, columns, seconds):
        statement = self.insert("events", columns)
        batches = lines_of(path, 1 << 60)
        values = [self.values_of(line, columns) for line in (batches[0] if batches else [])]
        times = []
        begun = clock()
        end = begun + int(seconds * 1e9)
        for row in values:
            start = clock()
            if start > end:
                break
            self.connection.execute(statement, row)
            times.append(clock() - start)
        return clock() - begun, times


def exported(path, nanos):
    size = os.path.getsize(path)
    os.remove(path)
    return size, nanos


def answer(database, request):
    match request["do"]:
        case "version":
            return {"version": database.version()}
        case "run":
            for statement in request["statements"]:
                database.run(statement)
            return {}
        case "load":
            rows, nanos = database.load(
                request["table"], request["file"], request["rows_at_once"], request["columns"]
            )
            return {"rows": rows, "nanos": nanos}
        case "finish":
            begun = clock()
            for statement in request["statements"]:
                database.run(statement)
            database.finish(request["table"])
            return {"nanos": clock() - begun}
        case "bytes":
            return {"bytes": database.bytes(request["table"])}
        case "ask" if request["show"]:
            rows = []
            for statement, values in request["statements"]:
                found = database.rows(statement, values)
                rows += [row[:1] for row in found] if request["first_only"] else found
            return {"rows": rows}
        case "ask":
            begun = clock()
            for statement, values in request["statements"]:
                database.ask(statement, values)
            return {"nanos": clock() - begun}
        case "export":
            total, nanos = database.export(request["columns"])
            return {"bytes": total, "nanos": nanos}
        case "singles":
            nanos, times = database.singles(request["file"], request["columns"], request["seconds"])
            return {"nanos": nanos, "times": times}
        case other:
            return {"error": f"unknown request {other}"}


def main():
    # The protocol keeps the first output to itself; whatever a library prints goes to the second.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    kind = {"clickhouse": ClickHouse, "duckdb": DuckDb, "sqlite": Sqlite}[sys.argv[1]]
    database = kind(sys.argv[2])
    for line in sys.stdin:
        try:
            reply = answer(database, json.loads(line))
        except Exception as error:  # whatever a database raises is the harness's to report
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
