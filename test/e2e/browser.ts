import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { ROOT } from '../../lib/base/paths.ts'
import { space } from '../../lib/rehearsal/namespaces.ts'
import { DIR, HOST } from './world.ts'

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync)

const { node, github } = space(DIR)!

/** A browser that finds Prow and the local GitHub by their names, and nothing else. */
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
  // Deck takes its styles from public hosts. Here they come from the package of the same version; so does the font of its icons.
  await context.route(/material\.(min\.js|indigo-pink\.min\.css)$/, (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1)!
    const body = readFileSync(join(ROOT, 'node_modules/material-design-lite/dist', name))
    return route.fulfill({ body, contentType: name.endsWith('.js') ? 'text/javascript' : 'text/css' })
  })
  await context.route(/\/\/(fonts\.|www\.googletagmanager)/, (route) => {
    if (!route.request().url().includes('/icon?')) return route.abort()
    const font = readFileSync(join(ROOT, 'node_modules/material-icons/iconfont/material-icons.woff2'), 'base64')
    const face = `@font-face { font-family: 'Material Icons'; src: url(data:font/woff2;base64,${font}); }`
    const shape =
      'font: 24px/1 "Material Icons"; text-transform: none; white-space: nowrap; font-feature-settings: "liga"'
    return route.fulfill({
      contentType: 'text/css',
      body: `${face} .material-icons { display: inline-block; ${shape} }`,
    })
  })
  return { browser, page }
}

/** Goes through the log-in: Deck, GitHub's page, back to Deck. */
export async function logIn(page: Page, who: string): Promise<void> {
  await page.goto(`https://${HOST}/github-login?dest=/`)
  await page.click(`#${who}`)
  await page.waitForURL(`https://${HOST}/**`)
}

/** Keeps a picture when pictures are wanted: PICTURES names their folder. */
export async function picture(page: Page, name: string): Promise<void> {
  if (!process.env.PICTURES) return
  mkdirSync(process.env.PICTURES, { recursive: true })
  await page.screenshot({ path: join(process.env.PICTURES, `${name}.png`) })
}
