import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { readBlocks } from '../../../lib/base/yaml-blocks.ts'
import { parseAny } from '../../../lib/base/yaml-parse.ts'
import { toPlain } from '../../../lib/base/yaml-tree.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** A text with all that readBlocks reads. */
const ALL = `# A comment.
---
a: 1 # one
'b c': "x: y" # two
"d": 'it''s'
e.f/g:
  - plain-text: no
  - - nested
    - [a, "b, c", {d: e, "f": [1, ~]}, -x]
  -
    key: value
  - text that
    goes on

    for lines
  - "quoted \\"and
    \\tfolded"
h: |
  first
    second

  third
i: >-
  folded
  text
# A comment between.
j:
- at the column of its key
k: {}
l:
on: yes
m: https://example.com/a#b
`

/** Everywhere the two ways of reading differ about texts that readBlocks reads, and how many it reads. */
function differences(texts: string[]): { read: number; different: string[] } {
  let read = 0
  const different = texts.filter((text) => {
    const tree = readBlocks(text)
    if (!tree) return false
    read += 1
    const other = parseAny(text)
    return other.errors.length > 0 || !isDeepStrictEqual(tree, other.tree)
  })
  return { read, different }
}

/** A generator of whole numbers below the one that is given. */
function numbers(seed: number): (most: number) => number {
  return (most) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * most)
  }
}

const PIECES =
  ' |  |\n|\t|:|: |#| #|- |-|"|\'|[|]|{|}|,|||>|&a |*a|!|%|---\n|...\n|<<: |\\|~|.|é|\r|? |@|0x1|\n\n| \n|# c\n|\u00a0'
    .split('|')
    .map((piece) => piece || '|')

/** Texts with one to three changes each. */
function changed(texts: string[], count: number): string[] {
  const next = numbers(11)
  return Array.from({ length: count }, () => {
    let text = texts[next(texts.length)]!
    for (let changes = 1 + next(3); changes > 0; changes--) {
      const at = next(text.length + 1)
      const lines = text.split('\n')
      const line = next(lines.length)
      const kind = next(6)
      if (kind === 0) text = text.slice(0, at) + text.slice(at + 1 + next(3))
      else if (kind < 3) text = text.slice(0, at) + PIECES[next(PIECES.length)] + text.slice(at)
      else {
        if (kind === 3) lines[line] = ` ${lines[line]}`
        else if (kind === 4) lines.splice(line, 1)
        else lines.splice(line, 0, lines[next(lines.length)]!)
        text = lines.join('\n')
      }
    }
    return text
  })
}

test('a text of all layouts is read, each value on its line', () => {
  const tree = readBlocks(ALL)
  assert.deepEqual(toPlain(tree), {
    a: 1,
    'b c': 'x: y',
    d: "it's",
    'e.f/g': [
      { 'plain-text': false },
      ['nested', ['a', 'b, c', { d: 'e', f: [1, null] }, '-x']],
      { key: 'value' },
      'text that goes on\nfor lines',
      'quoted "and \tfolded',
    ],
    h: 'first\n  second\n\nthird\n',
    i: 'folded text',
    j: ['at the column of its key'],
    k: {},
    l: null,
    true: true,
    m: 'https://example.com/a#b',
  })
  assert.deepEqual(
    [...tree!.map!].map(([key, { line }]) => `${key} ${line}`),
    ['a 3', 'b c 4', 'd 5', 'e.f/g 7', 'h 18', 'i 23', 'j 28', 'k 29', 'l 30', 'true 31', 'm 32'],
  )
})

test('the same tree as from events, or none: the templates, and thousands of changes to them', () => {
  const folder = join(ROOT, 'manifests/config')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'))
  const texts = [ALL, ...files.map((name) => readFileSync(join(folder, name), 'utf8'))]
  assert.deepEqual(differences(texts), { read: texts.length, different: [] })
  const { read, different } = differences(changed(texts, 4000))
  assert.deepEqual(different, [])
  assert.ok(read > 500, `${read} of the changed texts are read`)
})

test('what has an error or another layout is left to events', () => {
  for (const text of [
    ...['', '# nothing\n', 'a\n', '[a]\n', 'a: 1\na: 2\n', 'a: 1\n---\nb: 2\n', 'a: &x 1\n', 'a: *x\n', '<<: {a: b}\n'],
    ...[
      'a: b: c\n',
      'a: 1\n  b: 2\n',
      'a:\n\t- b\n',
      'a: !!int 1\n',
      'a: "\\/"\n',
      'a: "x\n',
      'a: [b,\n  c]\n',
      '? a\n',
    ],
    ...['a: |2\n    b\n', 'a: |\nb: 1\n', 'a: 1\n...\n', 'a: 1\r\n', '- a\nb: c\n', 'a: {b}\n', 'a: @b\n', 'a: \x01\n'],
  ])
    assert.equal(readBlocks(text), undefined, JSON.stringify(text))
})
