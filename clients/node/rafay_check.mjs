// newman runs both of the vendor's published collections as they are. They name the vendor's host and TLS; the agent
// below leads every connection to the server under test instead, so that not a byte of the collections is changed.

import { createRequire } from 'node:module'
import https from 'node:https'
import net from 'node:net'
import newman from 'newman'
import { run, same, some } from './facts.mjs'

const require = createRequire(import.meta.url)
const { hostname, port } = new URL(run.url)
const { events, token } = run.rafay
// Newest first, as Rafay lists; what is stored comes in the order of its times.
const stored = [...events].reverse()
const start = stored.at(-1).created_at

class Detour extends https.Agent {
  createConnection() {
    return net.connect({ host: hostname, port: Number(port) })
  }
}

/** Runs a collection; gives the answers of its two requests, and their URLs. */
function collection(path, key, variables) {
  const values = Object.entries({ 'default-org-api-key': key, ...variables })
    .map(([key, value]) => ({ key, value, enabled: true }))
  return new Promise((resolve, reject) => {
    newman.run({
      collection: require(path),
      environment: { values },
      requestAgents: { https: new Detour() },
    }, (error, summary) => {
      const failure = error ?? summary.run.failures[0]?.error
      if (failure) return reject(failure)
      resolve(summary.run.executions.map(({ request, response }) => ({
        url: request.url.toString(), status: response.code, body: response.json(),
      })))
    })
  })
}

const compute = stored.filter(event => event.kind === 'compute')
const [older, newer] = ['./collections/rafay-2026-02-05.json', './collections/rafay-2026-02-18.json']
const range = { start_time: start, end_time: '2100-01-01T00:00:00Z', 'console-domain': 'console.example.org' }
for (const [name, path] of [['the older collection', older], ['the newer collection', newer]]) {
  const answers = await collection(path, token, range)
  same(`${name} makes two requests`, answers.length, 2)
  for (const { url, status, body } of answers) {
    same(`${name} leaves for its own host`, url.startsWith('https://') && !url.includes(hostname), true)
    same(`${name} is answered`, status, 200)
    some(`${name} gets the latest ten`, body.items, compute.slice(0, 10))
    same(`${name} gets the count of all`, body.count, compute.length)
    same(`${name} gets the page told`, [body.kind, body.offset, body.limit], ['compute', 0, 10])
  }
}
const code = async (path, key, variables) =>
  (await collection(path, key, variables)).map(({ status, body }) => [status, body.code])
same('a start that is not set is refused', await code(newer, token, {}), [[400, 3], [400, 3]])
same('a wrong key is refused', await code(newer, 'nobody', range), [[401, 16], [401, 16]])
same('a key of one organization is refused', await code(newer, run.stranger.token, range), [[403, 7], [403, 7]])

/** What a consumer of the API does: a page, by the header that the collections use. */
async function page(kind, parameters) {
  const path = `/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/${kind}/instance`
  const query = new URLSearchParams({ range_from: start, range_to: range.end_time, ...parameters })
  const answer = await fetch(`${run.url}${path}?${query}`, { headers: { 'x-api-key': token } })
  const body = await answer.json()
  if (answer.status !== 200) throw new Error(`${query}: ${answer.status} ${JSON.stringify(body)}`)
  return body
}

/** Every page of a list. Each tells the count of all, which must be that of what is found. */
async function walk(kind, limit, parameters) {
  const found = []
  const counts = new Set()
  for (;;) {
    const { items, count } = await page(kind, { limit, offset: found.length, ...parameters })
    found.push(...items)
    counts.add(count)
    if (items.length === 0 || found.length >= count) break
  }
  if (counts.size !== 1 || !counts.has(found.length)) {
    throw new Error(`${kind} ${JSON.stringify(parameters)}: ${found.length} found, counts told: ${[...counts]}`)
  }
  return found
}

for (const kind of ['compute', 'service']) {
  const of_kind = stored.filter(event => event.kind === kind)
  const check = async (name, parameters, test, limit = 50) => {
    const expected = of_kind.filter(test)
    for (const order of ['desc', 'asc']) {
      const found = await walk(kind, limit, { order, ...parameters })
      some(`${kind}: ${name}, ${order}`, found, order === 'desc' ? expected : [...expected].reverse())
    }
  }
  await check('everything', {}, () => true)
  await check('everything, by 7', {}, () => true, 7)
  await check('failed ones', { status: 'failed' }, event => event.status === 'failed', 3)
  const sample = of_kind[Math.floor(of_kind.length / 2)]
  const { organization_id, profile_id, created_at } = sample
  await check('of one organization', { org_id: organization_id }, event => event.organization_id === organization_id)
  await check('of one profile', { profile_id }, event => event.profile_id === profile_id)
  await check('from one time on', { range_from: created_at },
    event => Date.parse(event.created_at) >= Date.parse(created_at))
  await check('until one time', { range_to: created_at },
    event => Date.parse(event.created_at) <= Date.parse(created_at))
  const found = await walk(kind, 50, { orderby: 'instance_name', order: 'asc' })
  const text = (one, two) => (one < two ? -1 : one > two ? 1 : 0)
  const by_name = [...of_kind].reverse().sort((one, two) => text(one.instance_name, two.instance_name))
  same(`${kind}: by the names of instances`, found, by_name)
}
