import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')

// A folder imports from those to its left; folders of one place do not import each other.
const ORDER = [
  ['base'],
  ['settings'],
  ['run'],
  ['kubernetes'],
  ['aws', 'github'],
  ['prow'],
  ['doctor'],
  ['target'],
  ['step'],
  ['scripts'],
]

/** The folder of lib, or the file directly in it, that a path belongs to; scripts as one. */
function room(path: string): string {
  const [top = '', next = ''] = path.split('/')
  return top === 'lib' ? next.replace(/\.ts$/, '') : top
}

function imports(): { from: string; to: string }[] {
  return ['lib', 'scripts'].flatMap((top) =>
    (readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' }) as string[])
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .flatMap((name) => {
        const from = join(top, name)
        const text = readFileSync(join(ROOT, from), 'utf8')
        return [...text.matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g)].map(([, to]) => ({
          from,
          to: relative(ROOT, resolve(ROOT, dirname(from), to!)),
        }))
      }),
  )
}

test('a folder of lib imports only from its left', () => {
  const place = (name: string) => ORDER.findIndex((names) => names.includes(name))
  const violations = imports().filter(({ from, to }) => {
    const [a, b] = [room(from), room(to)]
    if (a === b) return false
    if (b === 'rehearsal') return from !== 'scripts/rehearse.ts'
    if (a === 'rehearsal') return place(b) < 0 || place(b) > place('settings')
    return place(a) < 0 || place(b) < 0 || place(b) >= place(a)
  })
  assert.deepEqual(violations, [])
})

test('lib reads nothing in test/', () => {
  const violations = imports().filter(({ to }) => room(to) === 'test')
  assert.deepEqual(violations, [])
})

test('no two files of lib import each other, however far around', () => {
  const edges = new Map<string, string[]>()
  for (const { from, to } of imports()) edges.set(from, [...(edges.get(from) ?? []), to])
  const done = new Set<string>()
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) assert.fail([...path.slice(path.indexOf(file)), file].join(' → '))
    if (done.has(file)) return
    for (const next of edges.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of edges.keys()) visit(file, [])
})

test('no exported name stands in two files of lib', () => {
  const homes = new Map<string, string[]>()
  for (const name of readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })) {
    // The local GitHub of the rehearsal is a program of its own.
    if (!name.endsWith('.ts') || /fakes\/|node_modules/.test(name)) continue
    const text = readFileSync(join(ROOT, 'lib', name), 'utf8')
    for (const [, exported] of text.matchAll(
      /^export (?:async )?(?:function\*?|const|class|interface|type|let) (\w+)/gm,
    ))
      homes.set(exported!, [...(homes.get(exported!) ?? []), name])
  }
  assert.deepEqual(
    [...homes].filter(([, files]) => files.length > 1),
    [],
  )
})

test('no file of lib and scripts is longer than 500 lines', () => {
  const long = ['lib', 'scripts'].flatMap((top) =>
    (readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' }) as string[])
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .filter((name) => readFileSync(join(ROOT, top, name), 'utf8').split('\n').length > 501),
  )
  assert.deepEqual(long, [])
})
