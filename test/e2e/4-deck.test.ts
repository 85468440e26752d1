import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { logIn, open, screenshot } from './browser.ts'
import { eventually, HOST, job, jobs, pullRequest, webhook } from './world.ts'

const PROW = `https://${HOST}`
let browser: Browser
let page: Page

before(async () => {
  await webhook()
  ;({ browser, page } = await open())
})
after(() => browser?.close())

test('a browser shows the list of jobs, a job with its log, and the plugins', async () => {
  const number = await pullRequest('bob', 'Look at it', { 'look.md': 'look\n' })
  const one = await job('website-test', number, ['success'])

  await page.goto(`${PROW}/`)
  await page.waitForSelector('#builds tbody tr')
  assert.match((await page.textContent('#builds'))!, /website-test/)
  await page.locator('#builds').getByText('website-test').first().waitFor()
  await screenshot(page, 'deck-jobs')

  await page.goto(one.status.url)
  const log = page.frameLocator('iframe[data-lens-name="buildlog"]')
  await log.getByText('Show all hidden lines').click()
  await log.getByText(/Testing website at [0-9a-f]{40}/).waitFor()
  await screenshot(page, 'deck-job')

  await page.goto(`${PROW}/plugins`)
  await page.getByText('approve', { exact: true }).first().waitFor()
  await screenshot(page, 'deck-plugins')
})

test('a member of the organization may rerun a job, another user may not', async () => {
  const [one] = await jobs(({ spec }) => spec.job === 'hello-periodic')
  const count = async () => (await jobs(({ spec }) => spec.job === 'hello-periodic')).length
  const before = await count()
  const rerun = async (who: string): Promise<string> => {
    const session = await open()
    try {
      await logIn(session.page, who)
      const csrf = await session.page.evaluate(() => (globalThis as unknown as { csrfToken: string }).csrfToken)
      return await session.page.evaluate(
        async ([path, token]) => {
          const response = await fetch(path!, { method: 'POST', headers: { 'X-CSRF-Token': token! } })
          return `${response.status} ${await response.text()}`
        },
        [`/rerun?mode=latest&prowjob=${one.metadata.name}`, csrf],
      )
    } finally {
      await session.browser.close()
    }
  }
  assert.match(await rerun('carol'), /don't have permission/)
  assert.equal(await count(), before)
  assert.match(await rerun('bob'), /^2\d\d Job successfully triggered/)
  await eventually('another run of the job', 30, async () => (await count()) > before)
})
