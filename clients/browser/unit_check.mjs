// The parts of the page that need no browser: JSON without loss, differences, what an address holds, times.

import { strict as assert } from 'node:assert'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const from = (name) => import(pathToFileURL(path.join(process.argv[2], name)))
const json = await from('json.js')
const { counts, difference, fold } = await from('difference.js')
const query = await from('query.js')
const time = await from('time.js')
const columns = await from('columns.js')
const { isSecret } = await from('mask.js')

const checks = {
  'JSON keeps digits, order and members that occur twice'() {
    const text = '{"big":12345678901234567890,"e":1e400,"b":1,"a":[true,null,"\\u00e4\\"\\\\"],"a":{}}'
    const value = json.parse(text)
    assert.equal(json.pretty(value).replace(/\s/g, ''), text.replace('\\u00e4', 'ä'))
    for (const wrong of ['', '{', '[1,]', '{"a" 1}', '01x', '"', 'tru', '1 2', '{"a":1,}', '['.repeat(100_000)]) {
      assert.throws(() => json.parse(wrong), SyntaxError, wrong.slice(0, 20))
    }
  },

  'values are equal whatever the order of their members'() {
    const equal = (one, two) => json.equal(json.parse(one), json.parse(two))
    assert.ok(equal('{"a":1,"b":[1,2]}', '{"b":[1,2],"a":1}'))
    assert.ok(!equal('[1,2]', '[2,1]'))
    assert.ok(!equal('1', '1.0'), 'numbers are compared as they were written')
  },

  'both sides of a difference are whole, and only changes are marked'() {
    const values = ['{}', '[]', '1', '{"a":1}', '{"a":2,"b":[1,2,3]}', '{"b":[1,3],"c":{"d":null}}', '[{"x":1},{"y":2}]', '[{"x":2}]']
    const text = (lines, side) =>
      lines.map((line) => line[side]).filter(Boolean)
        .map((line) => (line.name == null ? '' : JSON.stringify(line.name) + ':') + (line.open ?? line.close ?? line.value)).join(' ')
    // What one side shows, read again, is what it was.
    const again = (shown) => json.parse(shown.replace(/([}\]"\w]) (?=["{[\w-])/g, '$1, ').replace(/, ([}\]])/g, ' $1'))
    for (const one of values) {
      for (const two of values) {
        const [before, after] = [json.parse(one), json.parse(two)]
        const lines = difference(before, after)
        assert.ok(json.equal(again(text(lines, 'left')), before), `${one} in ${text(lines, 'left')}`)
        assert.ok(json.equal(again(text(lines, 'right')), after), `${two} in ${text(lines, 'right')}`)
        assert.equal(lines.some((line) => line.kind !== 'same'), one !== two)
      }
    }
    assert.deepEqual(counts(difference(undefined, json.parse('{"a":1}'))), { added: 3, removed: 0 })
    assert.deepEqual(counts(difference(json.parse('{"a":1}'), undefined)), { added: 0, removed: 3 })
  },

  'folding hides only what is the same and far from a change'() {
    const numbers = Array.from({ length: 40 }, (_, index) => index)
    const [before, after] = [numbers, numbers.map((number) => (number === 20 ? 99 : number))]
    const lines = difference(json.parse(JSON.stringify(before)), json.parse(JSON.stringify(after)))
    const groups = fold(lines)
    assert.equal(groups.flatMap((group) => group.lines ?? group.folded).length, lines.length)
    assert.ok(groups.filter((group) => group.folded).every((group) => group.folded.every((line) => line.kind === 'same')))
    assert.equal(groups.filter((group) => group.folded).length, 2)
  },

  'an address holds the whole view, and nonsense in it does no harm'() {
    const view = {
      ...query.everything(), search: 'a "b" & c', include: { type: ['x y', 'ü&='], zone: [null] }, exclude: { origin: ['CLI'], part: [null] },
      time: '-7d..now', order: 'asc', event: 'e1', tab: 'json', zone: 'Europe/Berlin', live: true, columns: 'seq,labels.a',
    }
    assert.deepEqual(query.read(query.write(view)), view)
    assert.deepEqual(query.read('is.__proto__=x&is.nothing=1&time=soon&order=up&zone=mars&columns=x,__proto__,,&unknown=1'), query.everything())
    assert.equal(query.write(query.everything()), '')
  },

  'conditions become one search'() {
    const view = { ...query.everything(), search: 'a OR b', include: { type: ['x"\\', 'y'], zone: [null] }, exclude: { origin: ['CLI'], part: [null] } }
    assert.equal(query.searchText(view), '(a OR b) (type="x\\"\\\\" OR type="y") -zone:* -origin="CLI" part:*')
    assert.equal(query.searchText(view, 'type'), '(a OR b) -zone:* -origin="CLI" part:*')
    const once = query.toggle(view, 'include', 'origin', 'CLI')
    assert.deepEqual([once.include.origin, once.exclude.origin], [['CLI'], undefined], 'a value is in or out, not both')
    assert.deepEqual(query.toggle(once, 'include', 'origin', 'CLI').include.origin, undefined)
  },

  'times are resolved and shown in either zone'() {
    const now = Date.parse('2026-03-01T12:00:00Z')
    assert.deepEqual(time.range('-1h..now', now), { from: '2026-03-01T11:00:00.000Z' })
    assert.deepEqual(time.range('..2026-01-01T00:00:00Z', now), { to: '2026-01-01T00:00:00Z' })
    for (const wrong of ['x', '1..2..3', '-1y..now', '2026..now']) assert.equal(time.range(wrong, now), null, wrong)
    assert.equal(time.dateTime('2026-03-01T12:00:00.123456789Z', 'utc'), '2026-03-01 12:00:00')
    assert.equal(time.exact('2026-03-01T12:00:00.123456789Z', 'utc'), '2026-03-01 12:00:00.123456789 UTC')
    assert.equal(time.fromInput(time.toInput('2026-03-01T12:00:00Z', 'utc'), 'utc'), '2026-03-01T12:00:00.000Z')
    assert.equal(time.ago('2026-02-27T12:00:00Z', now), '2 days ago')
  },

  'a named zone is as good as one\'s own, also when its clocks change'() {
    for (const zone of ['Europe/Berlin', 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Apia']) {
      assert.ok(time.isZone(zone), zone)
      for (let hour = 0; hour < 24 * 366; hour += 1) {
        const instant = new Date(Date.UTC(2026, 0, 1, hour)).toISOString()
        const shown = time.toInput(instant, zone)
        // In the hour that a clock repeats, either of both instants will do.
        assert.equal(time.toInput(time.fromInput(shown, zone), zone), shown, `${zone} ${instant}`)
      }
    }
    assert.equal(time.exact('2026-07-01T12:00:00.5Z', 'Asia/Kathmandu'), '2026-07-01 17:45:00.5 UTC+05:45')
    assert.equal(time.exact('2026-03-29T01:00:00Z', 'Europe/Berlin'), '2026-03-29 03:00:00 UTC+02:00')
    assert.equal(time.zoneName('2026-01-01T00:00:00Z', 'America/St_Johns'), 'UTC−03:30')
    assert.ok(!time.isZone('Europe/Nowhere') && !time.isZone(''))
  },

  'columns are chosen, and what is unknown is left out'() {
    assert.deepEqual(columns.columnsOf('actor,nothing,actor,labels.team,constructor'), ['actor', 'labels.team'])
    assert.deepEqual(columns.columnsOf(''), columns.DEFAULT)
    assert.equal(columns.toggleColumn('', 'seq'), [...columns.DEFAULT, 'seq'].join())
    assert.equal(columns.toggleColumn(columns.toggleColumn('', 'actor'), 'actor'), '', 'back where it was')
    assert.equal(columns.toggleColumn('seq', 'seq'), 'seq', 'one column is left')
    const event = { type: 't', part: 'p', source: 's', labels: { team: 'a' }, request: { status: 404 } }
    const view = { zone: 'utc' }
    assert.deepEqual(['type', 'labels.team', 'request.status', 'actor', 'message'].map((name) => columns.text(name, event, view)), ['t · p', 'a', '404', '', ''])
  },

  'what looks like a secret is hidden'() {
    const rules = { keys: ['password', 'Token'], values: ['ghp_'] }
    assert.ok(isSecret(rules, 'DB_PASSWORD', 'x') && isSecret(rules, 'token', 'x') && isSecret(rules, 'note', 'ghp_abc'))
    assert.ok(!isSecret(rules, 'note', 'x') && !isSecret(rules, 'password', '') && !isSecret(undefined, 'password', 'x'))
  },
}

for (const [name, work] of Object.entries(checks)) {
  work()
  console.log(`  ${name}`)
}
