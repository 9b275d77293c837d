// Qovery's own TypeScript client lists, filters, and follows the links forwards and backwards.

import qovery from 'qovery-typescript-axios'
import { run, same, some } from './facts.mjs'

const {
  Configuration, OrganizationEventApi, OrganizationEventOrigin, OrganizationEventSubTargetType,
  OrganizationEventTargetType, OrganizationEventType, OrganizationMainCallsApi,
} = qovery
const { organization, events, token } = run.qovery
const stored = [...events].reverse()
const PAGES_MAX = 1000

const api = api_of(token)

function api_of(accessToken) {
  return new OrganizationEventApi(new Configuration({ basePath: run.url, accessToken }))
}

/** One page, which must not be empty; the parameters by name, as the generated method takes them by position. */
async function page({ size, from, to, next, back, type, target, targetId, part, by, origin, project, environment }) {
  const answer = await api.getOrganizationEvents(
    organization, size, from, to, next, back, type, target, targetId, part, by, origin, project, environment)
  if (answer.data.events.length === 0) throw new Error(`an empty page: ${answer.request.path}`)
  return answer.data
}

/** The token inside a link, as Qovery's console takes it out. */
const token_in = (link, name) => new URLSearchParams((link ?? '').split('?')[1]).get(name) ?? undefined

/** The pages, from the newest on, by the links that lead to older ones. */
async function pages(parameters) {
  const found = []
  let next
  do {
    if (found.length === PAGES_MAX) throw new Error(`the walk did not end after ${PAGES_MAX} pages`)
    found.push(await page({ ...parameters, next }))
    next = token_in(found.at(-1).links?.next, 'continueToken')
  } while (next)
  return found
}

/** The pages from the last of these back to the newest, by the links that lead to newer ones. */
async function back(parameters, last) {
  const found = [last]
  for (;;) {
    const previous = token_in(found[0].links?.previous, 'stepBackToken')
    if (!previous) return found
    if (found.length === PAGES_MAX) throw new Error(`the walk did not end after ${PAGES_MAX} pages`)
    found.unshift(await page({ ...parameters, back: previous }))
  }
}

const rows = pages => pages.flatMap(page => page.events)

/** A walk there and back finds what the test says. */
async function check(name, parameters, test) {
  const expected = stored.filter(test)
  const there = await pages(parameters)
  some(name, rows(there), expected)
  same(`${name}, and back`, rows(await back(parameters, there.at(-1))), expected)
}

await check('everything, by 10', {}, () => true)
await check('everything, by 30', { size: 30 }, () => true)
await check('everything, by 100', { size: 100 }, () => true)
const hundredth = Math.floor(Date.parse(stored[100].timestamp) / 1000)
await check('the newest hundred, by 1', { size: 1, from: String(hundredth) },
  event => Math.floor(Date.parse(event.timestamp) / 1000) >= hundredth)
const first = await page({ size: 30 })
same('nothing is withheld', first.organization_max_limit_reached, false)
same('the first page has none before it', first.links?.previous ?? null, null)

const sample = stored.find(event => event.sub_target_type && event.project_id && event.original_change)
const of_environment = event => event.environment_id === sample.environment_id
  || (event.target_type === 'ENVIRONMENT' && event.target_id === sample.environment_id)
for (const [name, parameters, test] of [
  ['of one type', { type: sample.event_type }, event => event.event_type === sample.event_type],
  ['of one kind of target', { target: sample.target_type }, event => event.target_type === sample.target_type],
  ['of one target', { target: sample.target_type, targetId: sample.target_id },
    event => event.target_type === sample.target_type && event.target_id === sample.target_id],
  ['of one part', { part: sample.sub_target_type }, event => event.sub_target_type === sample.sub_target_type],
  ['by one person', { by: sample.triggered_by }, event => event.triggered_by === sample.triggered_by],
  ['of one origin', { origin: sample.origin }, event => event.origin === sample.origin],
  ['of one project', { project: sample.project_id }, event => event.project_id === sample.project_id],
  ['of one environment, or about it', { environment: sample.environment_id }, of_environment],
  ['of one environment in a project', { project: sample.project_id, environment: sample.environment_id },
    event => event.project_id === sample.project_id && of_environment(event)],
  ['of one type and origin', { type: sample.event_type, origin: sample.origin },
    event => event.event_type === sample.event_type && event.origin === sample.origin],
]) await check(name, { size: 7, ...parameters }, test)

const middle = stored[Math.floor(stored.length / 2)]
const second = Math.floor(Date.parse(middle.timestamp) / 1000)
const of_second = event => Math.floor(Date.parse(event.timestamp) / 1000)
await check('of two days', { size: 20, from: String(second), to: String(second + 172800) },
  event => of_second(event) >= second && of_second(event) <= second + 172800)
await check('until one second', { size: 50, to: String(second) }, event => of_second(event) <= second)

/** Nanoseconds since 1970 of a time of up to nine digits below the second. */
function nanoseconds(time) {
  const [whole, fraction = ''] = time.replace('Z', '').split('.')
  return `${Date.parse(`${whole}Z`) / 1000}${fraction.padEnd(9, '0')}`
}
const nanos = nanoseconds(middle.timestamp)
await check('from one nanosecond on', { size: 50, from: nanos },
  event => BigInt(nanoseconds(event.timestamp)) >= BigInt(nanos))
await check('until before one nanosecond', { size: 50, to: String(BigInt(nanos) - 1n) },
  event => BigInt(nanoseconds(event.timestamp)) < BigInt(nanos))

const known = (name, values) => same(`every ${name} is one that the client knows`,
  stored.map(event => event[name]).filter(value => value && !Object.values(values).includes(value)), [])
known('event_type', OrganizationEventType)
known('target_type', OrganizationEventTargetType)
known('sub_target_type', OrganizationEventSubTargetType)
known('origin', OrganizationEventOrigin)

// Down the console's filter menu: the projects with events of services, the environments of one, the services of that.
async function targets(target, project, environment, level) {
  const answer = await api.getOrganizationEventTargets(organization,
    undefined, undefined, undefined, target, undefined, undefined, project, environment, level)
  return answer.data.targets.map(({ id }) => id).sort()
}
const ids = (name, test) => [...new Set(stored.filter(test).map(event => event[name]).filter(Boolean))].sort()
const of_type = event => event.target_type === sample.target_type
const of_project = event => of_type(event) && event.project_id === sample.project_id
some('projects to filter by', await targets(sample.target_type, undefined, undefined, 'PROJECT'),
  ids('project_id', of_type))
some('environments to filter by', await targets(sample.target_type, sample.project_id, undefined, 'ENVIRONMENT'),
  ids('environment_id', of_project))
some('services to filter by', await targets(sample.target_type, sample.project_id, sample.environment_id),
  ids('target_id', event => of_project(event) && event.environment_id === sample.environment_id))
some('clusters to filter by', await targets('CLUSTER'), ids('target_id', event => event.target_type === 'CLUSTER'))
const main = new OrganizationMainCallsApi(new Configuration({ basePath: run.url, accessToken: token }))
const organizations = (await main.listOrganization()).data.results.map(({ id }) => id)
same('the organization is listed', organizations, [organization])

/** The status with which a call is refused. */
const status = call => call.then(() => 200, error => error.response?.status)
same('a wrong token is refused', await status(api_of('nobody').getOrganizationEvents(organization)), 401)
same('another organization\'s token is refused',
  await status(api_of(run.stranger.token).getOrganizationEvents(organization)), 403)
same('an unknown type is refused', await status(page({ type: 'SLEEP' })), 400)
same('both tokens are refused', await status(page({ next: nanos, back: nanos })), 400)
