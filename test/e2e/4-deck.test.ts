import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { logIn, open, picture } from './browser.ts'
import { eventually, HOST, job, jobs, pullRequest, webhook } from './world.ts'

const PROW = `https://${HOST}`
let browser: Browser
let page: Page

before(async () => {
  await webhook()
  ;({ browser, page } = await open())
})
after(() => browser?.close())

test('the list of jobs, a job with its log, and the plugins are seen in a browser', async () => {
  const number = await pullRequest('bob', 'Look at it', { 'look.md': 'look\n' })
  const one = await job('website-test', number, ['success'])

  await page.goto(`${PROW}/`)
  await page.waitForSelector('#builds tbody tr')
  assert.match((await page.textContent('#builds'))!, /website-test/)
  await page.locator('#builds').getByText('website-test').first().waitFor()
  await picture(page, 'deck-jobs')

  await page.goto(one.status.url)
  const log = page.frameLocator('iframe[data-lens-name="buildlog"]')
  await log.getByText('Show all hidden lines').click()
  await log.getByText(/Testing website at [0-9a-f]{40}/).waitFor()
  await picture(page, 'deck-job')

  await page.goto(`${PROW}/plugins`)
  await page.getByText('approve', { exact: true }).first().waitFor()
  await picture(page, 'deck-plugins')
})

test('somebody of the organisation may rerun a job, a stranger may not', async () => {
  const [one] = await jobs(({ spec }) => spec.job === 'hello-periodic')
  const count = async () => (await jobs(({ spec }) => spec.job === 'hello-periodic')).length
  const before = await count()
  const rerun = async (who: string): Promise<string> => {
    const seen = await open()
    try {
      await logIn(seen.page, who)
      const csrf = await seen.page.evaluate(() => (globalThis as unknown as { csrfToken: string }).csrfToken)
      return await seen.page.evaluate(
        async ([path, token]) => {
          const answer = await fetch(path!, { method: 'POST', headers: { 'X-CSRF-Token': token! } })
          return `${answer.status} ${await answer.text()}`
        },
        [`/rerun?mode=latest&prowjob=${one.metadata.name}`, csrf],
      )
    } finally {
      await seen.browser.close()
    }
  }
  assert.match(await rerun('carol'), /don't have permission/)
  assert.equal(await count(), before)
  assert.match(await rerun('bob'), /^2\d\d Job successfully triggered/)
  await eventually('another run of the job', 30, async () => (await count()) > before)
})
