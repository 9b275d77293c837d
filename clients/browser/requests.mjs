// What the page asks the server for, interaction by interaction. The benchmark asks the same (bench/page_requests.json), so what
// it says of the page is about the page as it is.

import { strict as assert } from 'node:assert'
import fs from 'node:fs'

/** How long nothing may be asked for an interaction to have ended. */
const QUIET_MS = 500

/** A request without what differs between stores and moments: cursors, instants, ids. */
function plain(request, url) {
  const path = request.url().slice(url.length)
  return path
    .replace(/\/events\/[0-9a-f-]{36}/, '/events/:id')
    .replace(/([?&])(cursor|from|to)=[^&]*/g, '$1$2=:$2')
}

/** Uses the page and compares what it asks for with the file, or writes the file anew. */
export async function compareRequests(page, { url, ready, file, isWritten }) {
  let asked = []
  let last = Date.now()
  page.on('request', (request) => {
    last = Date.now()
    const [path] = request.url().slice(url.length).split('?')
    if (!path.startsWith('/api/')) return
    assert.equal(request.method(), 'GET')
    asked.push(plain(request, url))
  })
  const found = []
  const interaction = async (name, work) => {
    asked = []
    await work()
    do await page.waitForTimeout(QUIET_MS / 5)
    while (Date.now() - last < QUIET_MS)
    await ready(page)
    found.push({ interaction: name, requests: [...asked].sort() })
  }
  const facet = (name) => page.locator('#facets').getByRole('button', { name })
  const all = `${url}/ui/`

  await interaction('first view', () => page.goto(all))
  await interaction('search', async () => {
    await page.locator('#search input').fill('outcome:failure type:app.*')
    // Nobody types so fast that nothing is completed.
    await page.waitForTimeout(QUIET_MS)
    await page.keyboard.press('Enter')
  })
  await page.goto(all)
  await ready(page)
  await interaction('include a value of a facet', () => facet(/^Only Type app\.create/).click())
  await interaction('exclude another', () => facet(/^Without Outcome failure/).click())
  await page.goto(all)
  await ready(page)
  await interaction('all values of a facet', () => page.locator('[data-field="target.name"]').getByRole('button', { name: 'More' }).click())
  await page.goto(all)
  await ready(page)
  await interaction('another order', () => page.keyboard.press('o'))
  await page.goto(all)
  await ready(page)
  await interaction('scroll one page further', () => page.locator('#events').evaluate((element) => (element.scrollTop = 150 * 28)))
  await interaction('open an event', () => page.locator('#events .row:not(.missing)').nth(20).click())
  await interaction('the event on every platform', async () => {
    await page.getByRole('tab', { name: 'Platforms' }).click()
  })
  await page.goto(all)
  await ready(page)
  await page.locator('.bar').first().waitFor()
  await interaction('brush a quarter of the time', async () => {
    const box = await page.locator('.stage').boundingBox()
    await page.mouse.move(box.x + box.width * 0.25, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20, { steps: 5 })
    await page.mouse.up()
  })
  await page.goto(all)
  await ready(page)
  await interaction('complete a value', async () => {
    await page.locator('#search input').fill('actor.name:a')
    await page.getByRole('option').first().waitFor()
  })
  await page.goto(all)
  await ready(page)
  await interaction('follow live', () => page.locator('#live').click())

  const text = `${JSON.stringify(found, null, 2)}\n`
  if (isWritten) fs.writeFileSync(file, text)
  assert.equal(text, fs.readFileSync(file, 'utf8'), 'the page asks for other things than bench/page_requests.json says: write it anew with `cargo xtask browser --requests`, and look at it')
}
