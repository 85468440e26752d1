// The objects of a rehearsal cluster, saved and put back in etcd itself: within a second, whatever a test has done.
//   node state.mjs DIR save NAME      once nothing in the cluster changes any more
//   node state.mjs DIR restore NAME   ends with 3 when no such state is saved

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const [dir, action, name] = process.argv.slice(2)

const { etcdPort } = JSON.parse(readFileSync(join(dir, 'kwok.yaml'), 'utf8')).options

const CLUSTER = join(dir, 'cluster/clusters/rehearsal')

const STATE = join(dir, 'states', `${name}.json`)

/** What the control plane writes about itself all the time. */
const OWN = /^\/registry\/(leases\/kube-|masterleases\/|peerserverleases\/)/

const EVENTS = '/registry/events/'

const LEASE = '/registry/leases/kube-system/kube-controller-manager'

/** What owns other objects. */
const OWNERS = /^\/registry\/(deployments|replicasets|daemonsets|statefulsets|cronjobs|jobs)\//

// A Service before its address, which the API server would free otherwise.
const SERVICES = /^\/registry\/services\/specs\//

const UID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/

const encode = (text) => Buffer.from(text, 'latin1').toString('base64')
const decode = (text) => Buffer.from(text, 'base64').toString('latin1')

/** Calls etcd's API in JSON. */
function etcd(path, body) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: etcdPort, path: `/v3/kv/${path}`, method: 'POST', timeout: 30_000 }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () =>
        response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`etcd answered ${text}`)),
      )
    })
    sent.on('timeout', () => sent.destroy(new Error('etcd does not answer')))
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}

/** All objects by key, as the API server stores them; each byte is a character. */
async function objects() {
  const { kvs = [] } = await etcd('range', { key: encode('/registry/'), range_end: encode('/registry0') })
  const all = kvs.map(({ key, value }) => [decode(key), decode(value)])
  return Object.fromEntries(all.filter(([key]) => !OWN.test(key)))
}

// etcd allows 128 operations in a transaction.
async function write(operations) {
  for (let i = 0; i < operations.length; i += 100) await etcd('txn', { success: operations.slice(i, i + 100) })
}

const remove = (keys) => write(keys.map((key) => ({ request_delete_range: { key: encode(key) } })))

const put = (entries) =>
  write(entries.map(([key, value]) => ({ request_put: { key: encode(key), value: encode(value) } })))

async function save() {
  let before = ''
  for (let tries = 0; ; tries++) {
    const now = Object.entries(await objects()).filter(([key]) => !key.startsWith(EVENTS))
    const text = JSON.stringify(Object.fromEntries(now))
    if (text === before) break
    if (tries === 60) throw new Error('the cluster does not come to rest')
    before = text
    await sleep(300)
  }
  mkdirSync(join(dir, 'states'), { recursive: true })
  writeFileSync(STATE, before)
}

/** The controller manager while it is stopped. What it would do about a half of the objects is not to be done. */
function stopControllers() {
  const file = join(CLUSTER, 'pids/kube-controller-manager.pid')
  const pid = Number(readFileSync(file, 'utf8'))
  process.kill(pid, 'SIGSTOP')
  return {
    /** It goes on. */
    resume: () => process.kill(pid, 'SIGCONT'),
    /** It begins again: the garbage collector remembers the uids of the owners that it has seen go. */
    async restart() {
      const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
      process.kill(pid, 'SIGKILL')
      await remove([LEASE])
      const log = openSync(join(CLUSTER, 'logs/kube-controller-manager.log'), 'a')
      const child = spawn(program, args, { cwd: CLUSTER, detached: true, stdio: ['ignore', log, log] })
      child.unref()
      writeFileSync(file, `${child.pid}`)
      for (let tries = 0; ; tries++) {
        const { count } = await etcd('range', { key: encode(LEASE), count_only: true })
        if (Number(count) > 0) break
        if (tries === 600) throw new Error('the controller manager does not start')
        await sleep(50)
      }
    },
  }
}

async function restore() {
  const wanted = JSON.parse(readFileSync(STATE, 'utf8'))
  const uid = (value) => UID.exec(value ?? '')?.[0]
  const controllers = stopControllers()
  let ownersReturn = false
  try {
    const now = await objects()
    const differing = Object.entries(wanted).filter(([key, value]) => now[key] !== value)
    ownersReturn = differing.some(([key, value]) => OWNERS.test(key) && uid(now[key]) !== uid(value))
    await remove([
      ...Object.keys(now).filter((key) => !(key in wanted)),
      // Another object of the same name: its removal is to be seen.
      ...differing.filter(([key, value]) => key in now && uid(now[key]) !== uid(value)).map(([key]) => key),
    ])
    await put(differing.filter(([key]) => SERVICES.test(key)))
    await put(differing.filter(([key]) => !SERVICES.test(key)))
  } finally {
    if (ownersReturn) await controllers.restart()
    else controllers.resume()
  }
  // What a controller was about to create.
  for (let tries = 0; ; tries++) {
    await sleep(100)
    const more = Object.keys(await objects()).filter((key) => !(key in wanted) && !key.startsWith(EVENTS))
    if (more.length === 0) return
    if (tries === 100) throw new Error(`the cluster creates objects again and again: ${more.join(' ')}`)
    await remove(more)
  }
}

if (action === 'restore' && !existsSync(STATE)) process.exitCode = 3
else await (action === 'save' ? save() : restore())
