// The events that the page is tried with: many quiet ones, and a few that are looked at closely.

/** Quiet events, and how far apart they are. */
export const QUIET = 100_000
const STEP_MS = 20_000
const BATCH = 10_000

const TYPES = ['app.create', 'app.update', 'app.delete', 'app.deploy', 'user.login']
const PEOPLE = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace']

/** The quiet events, oldest first, ending an hour before `now`. */
function quiet(index, now) {
  const type = TYPES[index % TYPES.length]
  const who = PEOPLE[(index * 7 + (index >> 3)) % PEOPLE.length]
  return {
    id: `quiet-${index}`,
    time: new Date(now - 3_600_000 - (QUIET - index) * STEP_MS).toISOString(),
    type,
    outcome: index % 50 === 0 ? 'failure' : 'success',
    organization: { id: 'acme', name: 'Acme' },
    actor: { type: 'user', id: who, name: `${who}@acme.example` },
    target: { type: type.split('.')[0], id: `thing-${index % 997}`, name: `thing ${index % 997}` },
    origin: index % 3 === 0 ? 'CONSOLE' : 'CLI',
    request: { id: `request-${index >> 2}`, ip: '192.0.2.7' },
  }
}

/** The event with a change, a secret and numbers that JavaScript would round. */
export const CHANGED = {
  id: '0192d3a4-0000-7000-8000-00000000000a',
  type: 'app.update',
  action: 'update',
  outcome: 'success',
  organization: { id: 'acme', name: 'Acme' },
  project: { id: 'web', name: 'Web' },
  actor: { type: 'user', id: 'mallory', name: 'mallory@acme.example' },
  target: { type: 'app', id: 'shop', name: 'shop' },
  part: 'CONFIG',
  origin: 'CONSOLE',
  request: { id: 'request-changed' },
  before: { memory: 512, image: 'shop:1', ports: [80, 443], limits: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 } },
  after: { memory: 1024, image: 'shop:1', ports: [80, 443, 8080], limits: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 } },
  data: { password: 'correct horse battery staple', big: '9007199254740993', note: '=1+1' },
}

/** Records events and fails unless every one is taken. */
export async function record(url, token, events) {
  const body = events.map((event) => JSON.stringify(event)).join('\n')
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' }
  const response = await fetch(`${url}/api/v1/events`, { method: 'POST', headers, body })
  const answer = await response.json()
  if (answer.accepted !== events.length) throw new Error(`not all was recorded: ${JSON.stringify(answer)}`)
}

/** Records everything that the page is tried with. */
export async function recordAll(url, token, now) {
  for (let begin = 0; begin < QUIET; begin += BATCH) {
    await record(url, token, Array.from({ length: BATCH }, (_, index) => quiet(begin + index, now)))
  }
  await record(url, token, [{ ...CHANGED, time: new Date(now - 1_800_000).toISOString() }])
  const elsewhere = { time: new Date(now - 1_700_000).toISOString(), type: 'app.create', organization: { id: 'elsewhere' } }
  await record(url, token, [elsewhere])
}
