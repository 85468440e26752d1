import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isGiven, isTrue, keyLine, nodeAt, parseYaml, textOf, textsOf, toPlain } from '../../../lib/base/yaml-tree.ts'

describe('problems of the YAML itself have the line and whether Prow reads the file all the same', () => {
  const rows: [text: string, line: number, readable: boolean, message: string][] = [
    ['a: 1\nb: 2\na: 3\n', 3, true, 'has the key a twice in one map; Prow takes the last one and drops the other'],
    ['a: 1\n---\nb: 2\n', 2, true, 'begins a second document (---); Prow reads only the first, without an error'],
    ['a:\n\t- b\n', 2, false, 'is indented with a tab; YAML requires spaces'],
    ['a:\n    b: 1\n  c: 2\n', 3, false, 'has a line whose indentation does not match its neighbors'],
    ['a: *b\n', 1, false, 'refers to *b, which no anchor defines'],
  ]
  for (const [text, line, readable, message] of rows) {
    test(message, () => {
      assert.deepEqual(
        parseYaml(text).errors.find((error) => error.message === message),
        { line, readable, message },
      )
    })
  }

  test('is not valid YAML', () => {
    const [error] = parseYaml('a: "b\n').errors
    assert.match(error?.message ?? '', /^is not valid YAML: Missing closing "quote/)
    assert.equal(error?.readable, false)
  })

  test('a merge key may repeat what it overrides', () => {
    const { tree, errors } = parseYaml('a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\n')
    assert.deepEqual(errors, [])
    assert.deepEqual(toPlain(nodeAt(tree, 'b')), { k: 3, l: 2 })
  })
})

describe('a tree', () => {
  const { tree } = parseYaml('a:\n  b: [x, 1]\n  c: yes\nempty: ""\nnone:\nlist: []\nwhen: 2020-01-01\nbase: 1:30\n')

  test('is read as Prow reads it: YAML 1.1, but dates and numbers of base 60 are strings', () => {
    assert.deepEqual(toPlain(tree), {
      a: { b: ['x', 1], c: true },
      empty: '',
      none: null,
      list: [],
      when: '2020-01-01',
      base: '1:30',
    })
  })

  test('is read by paths, and knows its lines', () => {
    assert.deepEqual(textsOf(nodeAt(tree, 'a', 'b')), ['x', '1'])
    assert.equal(nodeAt(tree, 'a', 'x', 'y'), undefined)
    assert.equal(keyLine(nodeAt(tree, 'a'), 'c'), 3)
    assert.ok(isTrue(nodeAt(tree, 'a', 'c')))
    assert.equal(nodeAt(tree, 'a', 'c')?.plain, 'yes')
    assert.equal(textOf(nodeAt(tree, 'none')), '')
  })

  test('distinguishes what is given from what is empty', () => {
    for (const name of ['empty', 'none', 'list', 'absent']) assert.ok(!isGiven(nodeAt(tree, name)), name)
    for (const name of ['a', 'when']) assert.ok(isGiven(nodeAt(tree, name)), name)
  })
})
