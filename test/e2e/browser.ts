import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { findNamespaces } from '../../lib/rehearsal/namespaces.ts'
import { PACKAGES_FOLDER } from '../../lib/rehearsal/npm-packages.ts'
import { DIR, HOST } from './world.ts'

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync)

const { node, github } = findNamespaces(DIR)!

/** A browser that resolves Prow and the local GitHub, and no other host. */
export async function open(): Promise<{ browser: Browser; page: Page }> {
  const rules = [`MAP ${HOST} ${node}`, `MAP github.rehearsal.example ${github}`, 'MAP * ~NOTFOUND'].join(', ')
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      `--host-resolver-rules=${rules}`,
    ],
  })
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  // Deck loads its styles and icons from public hosts; here they come from npm packages of the same version.
  await context.route(/material\.(min\.js|indigo-pink\.min\.css)$/, (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1)!
    const body = readFileSync(join(PACKAGES_FOLDER, 'material-design-lite/dist', name))
    return route.fulfill({ body, contentType: name.endsWith('.js') ? 'text/javascript' : 'text/css' })
  })
  await context.route(/\/\/(fonts\.|www\.googletagmanager)/, (route) => {
    if (!route.request().url().includes('/icon?')) return route.abort()
    const font = readFileSync(join(PACKAGES_FOLDER, 'material-icons/iconfont/material-icons.woff2'), 'base64')
    const face = `@font-face { font-family: 'Material Icons'; src: url(data:font/woff2;base64,${font}); }`
    const style =
      'font: 24px/1 "Material Icons"; text-transform: none; white-space: nowrap; font-feature-settings: "liga"'
    return route.fulfill({
      contentType: 'text/css',
      body: `${face} .material-icons { display: inline-block; ${style} }`,
    })
  })
  return { browser, page }
}

/** Logs in: from Deck to GitHub's page and back to Deck. */
export async function logIn(page: Page, who: string): Promise<void> {
  await page.goto(`https://${HOST}/github-login?dest=/`)
  await page.click(`#${who}`)
  await page.waitForURL(`https://${HOST}/**`)
}

/** Saves a screenshot in the folder of SCREENSHOTS, when that is set. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (!process.env.SCREENSHOTS) return
  mkdirSync(process.env.SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) })
}
