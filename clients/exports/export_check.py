"""Exports of every kind, read by other people's tools, are what is stored: NDJSON by Python's json and DuckDB, CSV by Python's csv
and DuckDB, Parquet by pyarrow and DuckDB. Every field of every event is compared with the native list, and the list with what was
sent."""

import csv
import io
import json
import random
import sys
import tempfile
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow.parquet

EVENTS = 4_000
BATCH = 1_000
SEED = 7

JSON_FIELDS = ["before", "after", "data"]
NUMBERS = {"seq", "request.status", "request.elapsed_ms"}
INSTANTS = ["time", "recorded"]
GROUPS = {
    "organization": ["id", "name"], "project": ["id", "name"], "environment": ["id", "name"],
    "actor": ["type", "id", "name"], "target": ["type", "id", "name"],
    "request": ["id", "method", "uri", "ip", "user_agent", "status", "elapsed_ms"],
}
TEXTS = ["source", "source_id", "type", "action", "outcome", "status", "part", "origin", "zone", "message"]

AWKWARD = [
    "", " ", "plain", "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'", "'=1", "''", '"', '""', '"a"', "a,b", "a;b", "a\nb", "a\r\nb",
    "\n", "NULL", "null", "nan", "1e5", "007", "2026-01-01", "true", "[]", "{}", "\\", "\\N", "ä", "日本語", "🦀 crab", "\u200b",
    "\u2028", "e\u0301", "x" * 4_000, "#", "a|b",
]
# JSON whose digits a reader of floating-point numbers would lose, and whose texts need escapes.
AWKWARD_JSON = [
    "null", "true", "0", "-0", '""', "[]", "{}", "12345678901234567890123456789", "-9223372036854775809", "0.1000", "1e400", "1.0E-7",
    '{"n":18446744073709551616,"a":[1,[2.50,{}]],"t":"=1+1\\n\\"🦀\\""}', '{"":null,"a.b":{"c":[]}}', '"\\u0000"', '"a\\nb"',
]


class Number(str):
    """A number that is no integer, digit by digit."""


def parse(text):
    return json.loads(text, parse_float=Number)


def fail(name, message):
    sys.exit(f"{name}: {message}")


def same(name, found, expected):
    """Ends the script unless both lists are equal, in the same order."""
    if not expected:
        fail(name, "nothing is expected, so nothing would be proved")
    if len(found) != len(expected):
        fail(name, f"found {len(found)}, expected {len(expected)}")
    for place, (one, two) in enumerate(zip(found, expected)):
        if one == two:
            continue
        for field in two:
            if one.get(field) != two[field]:
                fail(name, f"event {place}: {field} is {one.get(field)!r}, expected {two[field]!r}")
        fail(name, f"event {place} has other fields: {sorted(set(one) ^ set(two))}")
    print(f"  {name} ({len(found)})")


def ask(run, path, body=None, token="reader", **parameters):
    """The body of an answer, whole."""
    request = urllib.request.Request(
        f"{run['url']}{path}?{urllib.parse.urlencode(parameters)}",
        data=body,
        headers={"Authorization": f"Bearer {run[token]}", "Content-Type": "application/x-ndjson"},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def made(chance, number):
    """An event in which every field is there or not, and as awkward as it may be; its JSON."""
    def maybe(value):
        return value if chance.random() < 0.6 else None

    def text():
        return chance.choice(AWKWARD)

    def name(*usual):
        return chance.choice([text for text in AWKWARD if 0 < len(text) < 100 and text.isprintable()] + list(usual) * 10)

    fields = {
        "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)) if number % 3 else f"own id {number}",
        "time": f"20{chance.randrange(10, 30)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}T12:34:{chance.randrange(10, 60)}"
        + chance.choice(["", ".5", ".123456", f".{chance.randrange(10**9):09}"]) + "Z",
        "source": chance.choice(["test", "test/one"]), "type": name("app.create"), "action": name("create"),
        "outcome": chance.choice(["success", "failure", "pending", "unknown"]),
        "categories": maybe([text() for _ in range(chance.randrange(4))]),
        "labels": maybe({name(f"k{index}"): text() for index in range(chance.randrange(4))}),
    }
    for field in ["status", "part", "origin", "zone", "message"]:
        fields[field] = maybe(text())
    for group, members in GROUPS.items():
        values = {member: maybe(text()) for member in members}
        if group in ("organization", "project", "environment"):
            values["id"] = name("acme")
        if group == "request":
            values["status"], values["elapsed_ms"] = maybe(chance.randrange(600)), maybe(chance.randrange(-(2**63), 2**63))
        values = {member: value for member, value in values.items() if value is not None}
        fields[group] = maybe(values or None)
    parts = [f"{json.dumps(field)}:{json.dumps(value)}" for field, value in fields.items() if value is not None]
    # As text, so that its digits go out as they are.
    parts += [f'"{field}":{value}' for field in JSON_FIELDS if (value := maybe(chance.choice(AWKWARD_JSON)))]
    return "{" + ",".join(parts) + "}"


def record(run):
    """Records events and gives them back as they were sent."""
    chance = random.Random(SEED)
    sent = [made(chance, number) for number in range(EVENTS)]
    for begin in range(0, EVENTS, BATCH):
        lines = sent[begin : begin + BATCH]
        answer = json.loads(ask(run, "/api/v1/events", "\n".join(lines).encode(), token="writer"))
        if answer["accepted"] != len(lines):
            fail("recording", answer["rejected"][:3])
    return [parse(line) for line in sent]


def listed(run, **parameters):
    """Every event that matches, page by page, oldest first."""
    events, cursor = [], {}
    while True:
        page = parse(ask(run, "/api/v1/events", order="asc", limit=500, **parameters, **cursor))
        events += page["events"]
        if page["next"] is None:
            return events
        cursor = {"cursor": page["next"]}


def nanoseconds(text):
    """An RFC 3339 instant in UTC as nanoseconds since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0") or 0)


def paths():
    """Every field by its path."""
    members = [f"{group}.{member}" for group, names in GROUPS.items() for member in names]
    return ["id", "seq", *INSTANTS, *TEXTS, *members, "categories", "labels", *JSON_FIELDS]


def flat(event, json_fields=parse, instant=nanoseconds):
    """An event by path of its fields, None for what is absent. JSON is kept apart from an absent one by a list around it."""
    cells = {}
    for path in paths():
        value = event
        for key in path.split("."):
            value = value.get(key) if value is not None and key in value else None
        cells[path] = value
    for path in INSTANTS:
        cells[path] = instant(cells[path])
    for path in JSON_FIELDS:
        there = path in event and (event[path] is not None or json_fields is None)
        cells[path] = [json_fields(event[path]) if json_fields else event[path]] if there else None
    cells["id"] = str(cells["id"])
    cells["categories"] = cells["categories"] or []
    cells["labels"] = dict(cells["labels"] or {})
    return cells


def unguarded(row):
    """A row of a CSV file as cells: the guard against formulas taken off, and an empty cell as absent."""
    cells = {}
    for path, cell in row.items():
        text = None if cell in ("", None) else cell.removeprefix("'")
        if path in ("categories", "labels"):
            cells[path] = parse(text) if text is not None else [] if path == "categories" else {}
        elif text is None:
            cells[path] = None
        elif path in JSON_FIELDS:
            cells[path] = [parse(text)]
        else:
            cells[path] = int(text) if path in NUMBERS else nanoseconds(text) if path in INSTANTS else text
    return cells


def rows(relation):
    """What DuckDB found, as dictionaries."""
    return [dict(zip(relation.columns, row)) for row in relation.fetchall()]


def by_path(row):
    """A row with structs as DuckDB gives it: by path, and what is null everywhere as absent."""
    return flat({name: value for name, value in row.items() if value is not None}, instant=int)


def ndjson(run, folder, events, what, parameters):
    file = folder / "events.ndjson"
    file.write_bytes(ask(run, "/api/v1/export", format="ndjson", **parameters))
    lines = file.read_bytes().decode().removesuffix("\n").split("\n")
    same(f"NDJSON by json: {what}", [parse(line) for line in lines], events)
    text = {"VARCHAR": [*TEXTS, "id", *INSTANTS], "JSON": JSON_FIELDS, "UBIGINT": ["seq"], "VARCHAR[]": ["categories"]}
    columns = {name: kind for kind, names in text.items() for name in names} | {"labels": "MAP(VARCHAR, VARCHAR)"}
    for group, members in GROUPS.items():
        kinds = [f'"{name}" {"BIGINT" if f"{group}.{name}" in NUMBERS else "VARCHAR"}' for name in members]
        columns[group] = f"STRUCT({', '.join(kinds)})"
    found = rows(duckdb.read_json(str(file), columns=columns, format="newline_delimited"))
    for row in found:
        row.update({name: nanoseconds(row[name]) for name in INSTANTS})
    # DuckDB's reader of JSON takes the member `null` for none, and its numbers through floating point.
    plain = [{path: value for path, value in flat(event, None).items() if path not in JSON_FIELDS} for event in events]
    same(f"NDJSON by DuckDB: {what}", [{path: by_path(row)[path] for path in plain[0]} for row in found], plain)


def table(run, folder, events, what, parameters):
    file = folder / "events.csv"
    file.write_bytes(ask(run, "/api/v1/export", format="csv", **parameters))
    expected = [flat(event, None) for event in events]
    csv.field_size_limit(2**24)
    found = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    formulas = [cell for row in found for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]
    if formulas:
        fail("CSV without formulas", formulas[:3])
    same(f"CSV by csv: {what}", [unguarded(row) for row in found], expected)
    read = duckdb.read_csv(str(file), header=True, all_varchar=True, delimiter=",", quotechar='"', escapechar='"')
    same(f"CSV by DuckDB: {what}", [unguarded(row) for row in rows(read)], expected)


def parquet(run, folder, events, what, parameters):
    file = folder / "events.parquet"
    file.write_bytes(ask(run, "/api/v1/export", format="parquet", **parameters))
    expected = [flat(event, None) for event in events]
    arrow = pyarrow.parquet.read_table(file)
    for name in INSTANTS:
        if str(arrow.schema.field(name).type) != "timestamp[ns, tz=UTC]":
            fail(name, arrow.schema.field(name).type)
        arrow = arrow.set_column(arrow.schema.get_field_index(name), name, arrow[name].cast("int64"))
    same(f"Parquet by pyarrow: {what}", [by_path(row) for row in arrow.to_pylist()], expected)
    types = dict(zip(*[duckdb.read_parquet(str(file)).columns, map(str, duckdb.read_parquet(str(file)).types)]))
    for name, kind in {"id": "UUID", "seq": "UBIGINT", "time": "TIMESTAMP WITH TIME ZONE", "data": "JSON", "categories": "VARCHAR[]"}.items():
        if not types[name].replace("TIMESTAMPTZ_NS", "TIMESTAMP WITH TIME ZONE").startswith(kind):
            fail(name, f"DuckDB reads {types[name]}")
    found = rows(duckdb.sql(f"select * replace (epoch_ns(time) as time, epoch_ns(recorded) as recorded) from '{file}'"))
    same(f"Parquet by DuckDB: {what}", [by_path(row) for row in found], expected)
    # A question as people ask it, through the names and types.
    counted = duckdb.sql(f"select actor.name, count(*) from '{file}' where time >= '2015-01-01' and list_contains(categories, 'plain') group by all")
    wanted = [row for row in expected if row["time"] >= nanoseconds("2015-01-01T00:00:00Z") and "plain" in row["categories"]]
    if sum(count for _, count in counted.fetchall()) != len(wanted):
        fail("a question to DuckDB", "it counts otherwise")


def broken(folder):
    """A file that broke off is refused."""
    whole = (folder / "events.parquet").read_bytes()
    (folder / "broken.parquet").write_bytes(whole[: len(whole) * 2 // 3])
    for read in (pyarrow.parquet.read_table, lambda path: duckdb.read_parquet(str(path)).fetchall()):
        try:
            read(folder / "broken.parquet")
        except Exception:  # noqa: BLE001 - each of them has an error of its own
            continue
        fail("a file that broke off", "was read")
    print("  a file that broke off is refused")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        run = json.load(file)
    sent = sorted(record(run), key=lambda event: nanoseconds(event["time"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        everything = listed(run)
        for one, two in zip(sent, everything, strict=True):
            for field, value in one.items():
                kept = two.get("source_id" if field == "id" and value.startswith("own") else field)
                if field == "time":
                    kept, value = nanoseconds(kept), nanoseconds(value)
                if kept != value and value not in ([], {}):
                    fail("what was sent", f"{field} is {kept!r}, sent was {value!r}")
        print(f"  the list is what was sent ({len(sent)})")
        for what, parameters in [("everything", {}), ("a search", {"search": "outcome:failure -status:*"})]:
            events = listed(run, **parameters)
            for kind in (ndjson, table, parquet):
                kind(run, folder, events, what, parameters)
        newest = ask(run, "/api/v1/export", format="ndjson", order="desc").decode().removesuffix("\n").split("\n")
        same("newest first", [parse(line) for line in newest], everything[::-1])
        nothing = ask(run, "/api/v1/export", format="parquet", search="type=nothing")
        (folder / "nothing.parquet").write_bytes(nothing)
        if pyarrow.parquet.read_table(folder / "nothing.parquet").num_rows or duckdb.read_parquet(str(folder / "nothing.parquet")).fetchall():
            fail("nothing", "is not nothing")
        broken(folder)


main()
