// Times: what a link or a person says of them, and how they are shown, in the reader's zone, in UTC or in a zone by name.

/** Ranges that can be chosen by name: what they are called, and how many seconds they reach back. */
export const RANGES = [
  ["-15m", "Last 15 minutes", 900],
  ["-1h", "Last hour", 3_600],
  ["-24h", "Last 24 hours", 86_400],
  ["-7d", "Last 7 days", 604_800],
  ["-30d", "Last 30 days", 2_592_000],
  ["-90d", "Last 90 days", 7_776_000],
];

const UNITS = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `-7d`, `now` or an instant as RFC 3339, resolved to an instant as RFC 3339; null when it is none of these. */
export function resolve(text, now = Date.now()) {
  if (text === "now") return new Date(now).toISOString();
  const back = /^-(\d{1,6})([smhdw])$/.exec(text);
  if (back) return new Date(now - Number(back[1]) * UNITS[back[2]] * 1_000).toISOString();
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)) ? text : null;
}

/** A range `from..to`, each end of which may be missing; null when it is none. */
export function range(text, now = Date.now()) {
  if (!text) return {};
  const parts = text.split("..");
  if (parts.length !== 2) return null;
  const read = {};
  for (const [name, part] of [["from", parts[0]], ["to", parts[1]]]) {
    if (part === "" || (name === "to" && part === "now")) continue;
    const instant = resolve(part, now);
    if (instant === null) return null;
    read[name] = instant;
  }
  return read;
}

/** A range as a person reads it. */
export function rangeText(text, zone) {
  const known = RANGES.find(([value]) => text === `${value}..now` || text === `${value}..`);
  if (known) return known[1];
  const ends = range(text);
  if (!ends) return text;
  const shown = (instant, otherwise) => (instant ? dateTime(instant, zone) : otherwise);
  return `${shown(ends.from, "the beginning")} to ${shown(ends.to, "now")}`;
}

const two = (number) => String(number).padStart(2, "0");

/** The zones that can be chosen beside the reader's own and UTC, by their names in the time zone database. */
export const ZONES = Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC");

/** Whether a text is a zone as a link holds it: `local`, `utc`, or a name such as `Europe/Berlin`. Browsers know more names than
 * they list. */
export function isZone(text) {
  if (text === "local" || text === "utc") return true;
  if (!/^[A-Za-z][\w+-]*(\/[\w+-]+)*$/.test(text)) return false;
  try {
    return Boolean(format(text));
  } catch {
    return false;
  }
}

const formats = new Map();

/** What writes instants in a named zone; making one is slow, so each is made once. */
function format(zone) {
  if (!formats.has(zone)) {
    const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
    formats.set(zone, new Intl.DateTimeFormat("en", { ...fields, timeZone: zone, hourCycle: "h23" }));
  }
  return formats.get(zone);
}

/** An instant as date and time to the second. */
export function dateTime(instant, zone) {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return instant;
  if (zone !== "utc" && zone !== "local") {
    const part = Object.fromEntries(format(zone).formatToParts(date).map(({ type, value }) => [type, value]));
    return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
  }
  const of = (name) => (zone === "utc" ? date[`getUTC${name}`]() : date[`get${name}`]());
  const day = `${of("FullYear")}-${two(of("Month") + 1)}-${two(of("Date"))}`;
  return `${day} ${two(of("Hours"))}:${two(of("Minutes"))}:${two(of("Seconds"))}`;
}

/** The same with its zone and with the fraction that was stored. */
export function exact(instant, zone) {
  const fraction = /\.\d+/.exec(instant)?.[0] ?? "";
  return `${dateTime(instant, zone)}${fraction} ${zoneName(instant, zone)}`;
}

/** What is shown beside a zone: the reader's own beside UTC, and UTC beside any other. */
export function otherZone(zone) {
  return zone === "utc" ? "local" : "utc";
}

/** Milliseconds that a zone is ahead of UTC at an instant. */
function ahead(instant, zone) {
  const second = Math.floor(new Date(instant).getTime() / 1_000) * 1_000;
  return Date.parse(`${dateTime(new Date(second).toISOString(), zone).replace(" ", "T")}Z`) - second;
}

/** A zone as an offset of UTC at an instant. */
export function zoneName(instant, zone) {
  if (zone === "utc") return "UTC";
  const minutes = Math.round(ahead(instant, zone) / 60_000);
  const sign = minutes < 0 ? "−" : "+";
  return `UTC${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** How long ago, roughly. */
export function ago(instant, now = Date.now()) {
  const seconds = Math.round((now - Date.parse(instant)) / 1_000);
  const text = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const steps = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];
  let amount = seconds;
  for (const [unit, most] of steps) {
    if (Math.abs(amount) < most) return text.format(-Math.round(amount), unit);
    amount /= most;
  }
  return instant;
}

/** What an input of type `datetime-local` holds, as an instant; null when it is empty. */
export function fromInput(value, zone) {
  if (!value) return null;
  const date = new Date(zone === "local" ? value : `${value}Z`);
  if (Number.isNaN(date.getTime())) return null;
  if (zone === "utc" || zone === "local") return date.toISOString();
  // As if it were UTC, moved by what the zone is ahead then, and once more for when the clocks change in between.
  const near = date.getTime() - ahead(date.getTime(), zone);
  return new Date(date.getTime() - ahead(near, zone)).toISOString();
}

/** An instant for an input of type `datetime-local`. */
export function toInput(instant, zone) {
  return instant ? dateTime(instant, zone).replace(" ", "T") : "";
}
