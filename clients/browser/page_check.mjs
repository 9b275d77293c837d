// The web page in a real browser, as a person uses it. Every check is one line; the first that does not hold ends it.

import { strict as assert } from 'node:assert'
import fs from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright-core'
import axe from 'axe-core'
import { CHANGED, QUIET, record, recordAll } from './events.mjs'
import { compareRequests } from './requests.mjs'

const facts = JSON.parse(fs.readFileSync(process.argv[2]))
const pictures = process.argv[3]
const now = Date.now()
/** Elements of one complaint about accessibility that are shown. */
const NODES_SHOWN = 3
/** How long anything on the page may take; on a slow machine that does other things too. */
const PATIENCE_MS = 30_000

const browser = await chromium.launch({
  executablePath: facts.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
})
const complaints = []

/** A browser as somebody new has it: nothing stored, complaints written down. */
async function visitor(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Europe/Berlin', ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  page.on('console', (message) => {
    // A refusal by the server that is asked for is answered on the page; the browser writes it down all the same.
    const isAsked = /status of (400|401|404)/.test(message.text())
    if (['error', 'warning'].includes(message.type()) && !isAsked) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(facts.url) && !url.startsWith('blob:')) complaints.push(`asked ${url}`)
  })
  return page
}

async function signIn(page, address = '', token = facts.reader) {
  await page.goto(`${facts.url}/ui/${address}`)
  await page.getByLabel('Key', { exact: true }).fill(token)
  await page.keyboard.press('Enter')
  await ready(page)
}

/** Waits until list, counts and timeline are there. */
async function ready(page) {
  await page.waitForFunction(() => !document.querySelector('#sign-in[open]'))
  await page.waitForFunction(() => /\d/.test(document.querySelector('#total').textContent))
  await page.waitForFunction(() => !document.querySelector('#events').hasAttribute('aria-busy'))
  await page.waitForFunction(() => !document.querySelector('#total').hasAttribute('aria-busy'))
}

const total = async (page) => Number((await page.locator('#total').textContent()).replace(/\D/g, ''))
const until = (page, work, value) => page.waitForFunction(work, value)
const totalIs = (page, amount) =>
  until(page, (wanted) => Number(document.querySelector('#total').textContent.replace(/\D/g, '') || NaN) === wanted, amount)

/** The exact number of events that match, as the native API says it. */
async function counted(search, token = facts.reader) {
  const query = new URLSearchParams({ limit: '1', total: 'true', ...(search && { search }) })
  const response = await fetch(`${facts.url}/api/v1/events?${query}`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()).total
}

async function accessible(page, what) {
  // The checker is put in as the developer tools would: the page's own policy lets no script in.
  await page.evaluate(axe.source)
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  const serious = result.violations.filter((violation) => ['serious', 'critical'].includes(violation.impact))
  const text = serious.map((one) => `${one.id}: ${one.help}\n  ${one.nodes.slice(0, NODES_SHOWN).map((node) => node.html).join('\n  ')}`).join('\n')
  assert.equal(text, '', `${what} is not accessible`)
}

async function picture(page, name) {
  if (!pictures) return
  await page.screenshot({ path: path.join(pictures, `${name}.png`) })
}

const checks = []
const check = (name, work) => checks.push([name, work])

check('a wrong key is refused and a good one is remembered in this tab only', async () => {
  const page = await visitor()
  await page.goto(`${facts.url}/ui`)
  await page.getByLabel('Key', { exact: true }).fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('This key is not good.').waitFor()
  await accessible(page, 'signing in')
  await page.getByLabel('Key', { exact: true }).fill(facts.reader)
  await page.keyboard.press('Enter')
  await ready(page)
  assert.equal(await total(page), QUIET + 1)
  await page.reload()
  await ready(page)
  assert.equal(await page.evaluate(() => localStorage.length), 0)
  assert.ok(!(await page.content()).includes(facts.reader) && !page.url().includes(facts.reader), 'the key shows')
  await accessible(page, 'the list')
  await picture(page, 'list-light')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Key', { exact: true }).waitFor()
  await page.context().close()
})

check('a key sees its organization and nothing else', async () => {
  const page = await visitor()
  await signIn(page, '', facts.elsewhere)
  await totalIs(page, 1)
  await page.context().close()
})

check('searching by keyboard narrows list, counts and timeline, and mistakes are shown where they are', async () => {
  const page = await visitor()
  await signIn(page)
  await page.keyboard.press('/')
  await page.keyboard.type('outcome:failure type:app.*')
  await page.keyboard.press('Enter')
  await totalIs(page, await counted('outcome:failure type:app.*'))
  assert.ok(page.url().includes('search='))
  await page.locator('#search input').fill('outcom:failure')
  await page.keyboard.press('Enter')
  await page.locator('.complaint pre').waitFor()
  assert.match(await page.locator('.complaint').innerText(), /outcome/)
  await accessible(page, 'a mistake')
  await page.goBack()
  await totalIs(page, await counted('outcome:failure type:app.*'))
  await page.context().close()
})

check('completion offers fields and values', async () => {
  const page = await visitor()
  await signIn(page)
  const input = page.locator('#search input')
  await input.pressSequentially('outc')
  await page.getByRole('option', { name: /outcome/ }).first().waitFor()
  await accessible(page, 'completion')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  assert.equal(await input.inputValue(), 'outcome:')
  await input.pressSequentially('fai')
  await until(page, () => [...document.querySelectorAll('[role=option]')].map((option) => option.firstChild.textContent).join() === 'failure')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await totalIs(page, await counted('outcome:failure'))
  await page.context().close()
})

check('facets include several values and exclude others', async () => {
  const page = await visitor()
  await signIn(page)
  const facet = (name) => page.locator('#facets').getByRole('button', { name })
  await facet(/^Only Type app\.create/).click()
  await totalIs(page, await counted('type:"app.create"'))
  await facet(/^Only Type app\.delete/).click()
  await totalIs(page, await counted('type:"app.create" OR type:"app.delete"'))
  await facet(/^Without Origin CONSOLE/).click()
  const both = await counted('(type:"app.create" OR type:"app.delete") -origin:"CONSOLE"')
  await totalIs(page, both)
  await page.reload()
  await ready(page)
  await totalIs(page, both)
  await accessible(page, 'facets')
  await page.getByRole('button', { name: 'Remove: Type: app.create' }).click()
  await totalIs(page, await counted('type:"app.delete" -origin:"CONSOLE"'))
  await page.getByRole('button', { name: 'Remove all' }).click()
  await totalIs(page, QUIET + 1)
  await page.context().close()
})

check('the timeline is brushed by pointer and by keyboard', async () => {
  const page = await visitor()
  await signIn(page)
  const stage = page.locator('.stage')
  await page.locator('.bar').first().waitFor()
  const box = await stage.boundingBox()
  await page.mouse.move(box.x + box.width * 0.25, box.y + 20)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20, { steps: 5 })
  await page.mouse.up()
  await until(page, () => location.search.includes('time='))
  await ready(page)
  const brushed = await total(page)
  assert.ok(brushed > QUIET * 0.2 && brushed < QUIET * 0.32, `a quarter was brushed, not ${brushed}`)
  await page.goBack()
  await totalIs(page, QUIET + 1)
  await page.keyboard.press('t')
  await page.keyboard.press('Home')
  for (let step = 0; step < 10; step += 1) await page.keyboard.press('Shift+ArrowRight')
  await page.keyboard.press('Enter')
  await until(page, () => location.search.includes('time='))
  await ready(page)
  const chosen = await total(page)
  assert.ok(chosen > 0 && chosen < QUIET * 0.2, `eleven intervals hold ${chosen}`)
  await page.context().close()
})

check(`scrolling goes through all ${QUIET} events and back, and keeps few of them`, async () => {
  const page = await visitor()
  await signIn(page)
  const grid = page.locator('#events')
  const deadline = Date.now() + 8 * PATIENCE_MS
  for (;;) {
    const done = await grid.evaluate((element) => {
      element.scrollTop = element.scrollHeight
      return document.querySelector('#place').textContent
    })
    if (done.includes(`–${(QUIET + 1).toLocaleString('en')} of`)) break
    assert.ok(Date.now() < deadline, `scrolling stopped at ${done}`)
    await page.waitForTimeout(20)
  }
  const last = grid.locator('[role=row]').last()
  await until(page, (index) => Boolean(document.querySelector(`#row-${index}:not(.missing)`)), QUIET)
  const rows = await grid.locator('[role=row]').count()
  assert.ok(rows < 120, `${rows} rows are elements`)
  assert.equal(await last.evaluate((row) => row.isConnected), true)
  const held = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0)
  assert.ok(held < 150e6, `${held} bytes are held`)
  await grid.evaluate((element) => (element.scrollTop = element.scrollHeight / 2))
  await until(page, () => document.querySelectorAll('#events .row.missing').length === 0)
  await grid.evaluate((element) => (element.scrollTop = 0))
  await until(page, () => document.querySelector('#row-0:not(.missing)')?.textContent.includes('mallory'))
  await page.context().close()
})

check('a link into the middle shows what lies before and behind it', async () => {
  const page = await visitor()
  const at = new Date(now - 3_600_000 - (QUIET / 2) * 20_000).toISOString()
  await signIn(page, `?at=${at}`)
  await until(page, () => document.querySelector('#events').scrollTop > 0)
  const times = await page.locator('#events .rows .time').allTextContents()
  assert.deepEqual(times, [...times].sort().reverse(), 'rows are in order on both sides')
  await page.context().close()
})

check('details, difference, hidden secrets and the same event on every platform, by keyboard alone', async () => {
  const page = await visitor()
  await signIn(page)
  await page.keyboard.press('e')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('tab', { name: 'Fields' }).waitFor()
  const panel = page.getByRole('tabpanel')
  assert.ok(!(await panel.innerText()).includes('correct horse'), 'a password is hidden')
  await page.getByRole('button', { name: 'Show the hidden value of password' }).click()
  assert.ok((await panel.innerText()).includes('correct horse'), 'a password is shown when asked for')
  await accessible(page, 'details')
  await picture(page, 'details-light')
  await page.getByRole('tab', { name: 'Fields' }).focus()
  await page.keyboard.press('ArrowRight')
  const text = await panel.innerText()
  assert.match(text, /memory: 512/)
  assert.match(text, /memory: 1024/)
  assert.match(text, /8080/)
  assert.ok(!/\bd: 4/.test(text), 'unchanged lines are folded')
  await page.getByRole('button', { name: /unchanged lines/ }).first().click()
  assert.match(await panel.innerText(), /d: 4/)
  await accessible(page, 'a difference')
  await picture(page, 'change-light')
  await page.getByRole('tab', { name: 'Change' }).focus()
  await page.keyboard.press('ArrowRight')
  assert.match(await panel.innerText(), /"shop:1"/)
  await page.getByRole('tab', { name: 'JSON' }).focus()
  await page.keyboard.press('ArrowRight')
  await panel.getByText('qovery').first().waitFor()
  for (const platform of ['cloudfoundry', 'exoscale', 'qovery', 'rafay', 'fujitsu']) {
    assert.ok((await panel.innerText()).includes(platform), platform)
  }
  assert.match(await panel.innerText(), /curl/)
  await accessible(page, 'platforms')
  await page.keyboard.press('Escape')
  await until(page, () => document.querySelector('#details').hidden)
  assert.equal(await page.evaluate(() => document.activeElement.id), 'events', 'the keyboard is back in the list')
  await page.context().close()
})

check('an opened event is in the link, and more like it is one step away', async () => {
  const page = await visitor()
  await signIn(page, `?event=${CHANGED.id}&tab=change`)
  await page.getByRole('tab', { name: 'Change', selected: true }).waitFor()
  await page.getByRole('button', { name: 'this actor' }).click()
  await totalIs(page, await counted('actor.id:"mallory"'))
  await page.context().close()
})

check('new events are followed live, without reading the page again', async () => {
  const page = await visitor()
  await signIn(page, '?search=type:live.*')
  await totalIs(page, 0)
  await page.getByText('Nothing matches').waitFor()
  await page.keyboard.press('l')
  await until(page, () => document.querySelector('#live').dataset.state === 'live')
  for (let batch = 0; batch < 5; batch += 1) {
    const time = new Date().toISOString()
    const events = Array.from({ length: 20 }, (_, index) => ({
      id: `live-${batch}-${index}`, time, type: 'live.event', organization: { id: 'acme' }, message: `${batch} ${index}`,
    }))
    await record(facts.url, facts.admin, events)
  }
  await totalIs(page, 100)
  await until(page, () => document.querySelector('#events .rows .row'))
  await accessible(page, 'live')
  // Scrolled away, what is read stays, and new events wait behind a button.
  await page.locator('#events').evaluate((element) => (element.scrollTop = 800))
  await page.waitForTimeout(100)
  await record(facts.url, facts.admin, [{ id: 'live-last', time: new Date().toISOString(), type: 'live.last', organization: { id: 'acme' } }])
  await page.getByRole('button', { name: '1 new event' }).click()
  await page.locator('#row-0').getByText('live.last').waitFor()
  await page.context().close()
})

check('a shared link shows a newcomer the same view', async () => {
  const page = await visitor()
  await signIn(page)
  await page.locator('#facets').getByRole('button', { name: /^Only Outcome failure/ }).click()
  await totalIs(page, await counted('outcome:failure'))
  await page.locator('#zone').selectOption('utc')
  const other = await visitor()
  await signIn(other, new URL(page.url()).search)
  await totalIs(other, await total(page))
  const rows = (one) => one.locator('#events .rows .row').first().innerText()
  assert.equal(await rows(other), await rows(page))
  assert.equal(await other.locator('#zone').inputValue(), 'utc')
  await page.context().close()
  await other.context().close()
})

check('what is shown is exported whole', async () => {
  const page = await visitor()
  await signIn(page, '?search=outcome:failure')
  const wanted = await total(page)
  for (const [format, amount] of [
    ['NDJSON', (bytes) => bytes.toString().trimEnd().split('\n').length],
    ['CSV', (bytes) => bytes.toString().trimEnd().split(/\r?\n/).length - 1],
    // Read by other people's tools in `clients/exports`; here it is only whole.
    ['Parquet', (bytes) => (bytes.subarray(0, 4).toString() + bytes.subarray(-4).toString() === 'PAR1PAR1' ? wanted : 0)],
  ]) {
    await page.locator('#export summary').click()
    const downloading = page.waitForEvent('download')
    await page.getByRole('button', { name: format, exact: true }).click()
    const bytes = fs.readFileSync(await (await downloading).path())
    assert.equal(amount(bytes), wanted, format)
  }
  await page.context().close()
})

check('columns and the zone are chosen, and a link holds the choice', async () => {
  const page = await visitor()
  await signIn(page, '?search=outcome:failure')
  const heads = (one) => one.locator('#events [role=columnheader]').allTextContents()
  await page.locator('#columns summary').click()
  await page.getByRole('checkbox', { name: 'Organization', exact: true }).uncheck()
  await page.getByRole('checkbox', { name: 'Address', exact: true }).check()
  await page.getByRole('checkbox', { name: "Request's id", exact: true }).check()
  await accessible(page, 'the choice of columns')
  const chosen = ['Time', 'Outcome', 'What', 'Who', 'Target', 'Kind', 'From', 'Address', "Request's id"]
  assert.deepEqual(await heads(page), chosen)
  await page.locator('#row-0').getByText('192.0.2.7').waitFor()
  await picture(page, 'columns-light')
  await page.keyboard.press('Escape')
  assert.equal(await page.locator('#columns').evaluate((menu) => menu.open), false, 'Escape closes a menu')
  await page.locator('#zone').focus()
  await page.locator('#zone').selectOption('America/St_Johns')
  const other = await visitor()
  await signIn(other, new URL(page.url()).search)
  assert.deepEqual(await heads(other), chosen)
  assert.equal(await other.locator('#zone').inputValue(), 'America/St_Johns')
  await other.locator('#row-0:not(.missing)').waitFor()
  assert.match(await other.locator('#row-0 .time').textContent(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
  assert.equal(await other.locator('#row-0').innerText(), await page.locator('#row-0').innerText())
  await other.locator('#columns summary').click()
  await other.getByRole('button', { name: 'The usual columns' }).click()
  assert.equal((await heads(other)).length, 8)
  assert.ok(!other.url().includes('columns'))
  await page.context().close()
  await other.context().close()
})

check('a view is saved, found again and deleted', async () => {
  const page = await visitor()
  await signIn(page, '?search=actor:alice&not.origin=CLI', facts.admin)
  const wanted = await total(page)
  await page.getByRole('button', { name: 'Save view' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Alice by hand')
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: 'Alice by hand' }).waitFor()
  const other = await visitor()
  await signIn(other, '', facts.admin)
  await other.getByRole('link', { name: 'Alice by hand' }).click()
  await totalIs(other, wanted)
  await other.getByRole('button', { name: 'Delete the view Alice by hand' }).click()
  await other.getByRole('link', { name: 'Alice by hand' }).waitFor({ state: 'detached' })
  await page.context().close()
  await other.context().close()
})

check('the views that come with the page answer', async () => {
  const page = await visitor()
  await signIn(page)
  for (const name of await page.locator('#views a').allTextContents()) {
    await page.getByRole('link', { name, exact: true }).click()
    await page.waitForTimeout(50)
    await ready(page)
    assert.equal(await page.locator('.complaint').innerText(), '', name)
  }
  await page.context().close()
})

check('each interaction asks for what the benchmark measures', async () => {
  const page = await visitor()
  await signIn(page)
  await compareRequests(page, { url: facts.url, ready, file: facts.requests, isWritten: facts.writeRequests })
  await page.context().close()
})

check('it is usable on a phone, in the dark, and in a zone of one\'s own', async () => {
  const phone = await visitor({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
  await signIn(phone)
  const overflow = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert.ok(overflow <= 0, `${overflow} pixels stick out`)
  await accessible(phone, 'a phone')
  await picture(phone, 'phone-dark')
  await phone.getByRole('button', { name: 'Facets' }).click()
  await phone.locator('#facets').getByRole('button', { name: /^Only Outcome failure/ }).waitFor()
  await phone.getByRole('button', { name: 'Facets' }).click()
  await phone.locator('#row-0').click()
  await phone.getByRole('tab', { name: 'JSON' }).click()
  await accessible(phone, 'details on a phone')
  const dark = await visitor({ colorScheme: 'dark' })
  await signIn(dark, `?event=${CHANGED.id}&tab=change`)
  await dark.getByRole('tab', { name: 'Change', selected: true }).waitFor()
  await accessible(dark, 'the dark')
  await picture(dark, 'change-dark')
  await phone.context().close()
  await dark.context().close()
})

await recordAll(facts.url, facts.admin, now)
for (const [name, work] of checks) {
  await work()
  assert.deepEqual(complaints, [], `${name}: the browser complained`)
  console.log(`  ${name}`)
}
await browser.close()
