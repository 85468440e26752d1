import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseYaml } from '../../../lib/base/yaml-parse.ts'
import { isGiven, isTrue, keyLine, nodeAt, textOf, textsOf, toPlain } from '../../../lib/base/yaml-tree.ts'

describe('problems of the YAML itself have the line and whether Prow reads the file all the same', () => {
  const rows: [text: string, line: number, readable: boolean, message: RegExp][] = [
    ['a: 1\nb: 2\na: 3\n', 3, true, /^has the key a twice in one map; Prow takes the last one and drops the other$/],
    ['a: 1\n---\n\nb: 2\n', 2, true, /^begins a second document \(---\); Prow reads only the first, without an error$/],
    ['a: 1\n---\nb: [\n', 2, true, /^begins a second document/],
    ['  a: 1\nb: 2\n', 2, true, /^is indented unlike the first line of the file; Prow reads only what is above/],
    ['a:\n\t- b\n', 2, false, /^is indented with a tab; YAML requires spaces$/],
    ['a: 1\n\t\nb: 2\n', 2, false, /^has a tab where YAML requires spaces$/],
    ['a: 1\n\t# comment\n', 2, false, /^has a tab/],
    ['a:\n  -\tb\n', 2, false, /^has a tab/],
    ['a:\n    b: 1\n  c: 2\n', 3, false, /^has a line whose indentation does not match its neighbors$/],
    ['a: *b\n', 1, false, /^refers to \*b, which no anchor defines$/],
    ['a: 1\nb\n\nc: 2\n', 2, false, /^has a line without a colon/],
    ['a: 1\nb: "c\n  d: e\n', 2, false, /^has a " that is never closed$/],
    ['a: 1\nb: [c,\n  d: e\n', 2, false, /^has a \[ that is never closed$/],
    ['a: [b]\nf: @x\n', 2, false, /^has a value that begins with @, which YAML reserves$/],
    ['a: [{b: c} d]\n', 1, false, /^lacks a comma/],
    ['a: "\\d"\n', 1, false, /^has a backslash in double quotes that begins no escape sequence$/],
    ['a: "b\\/c"\n', 1, false, /^has \\\/ in double quotes, which Prow refuses$/],
    ['%YAML 1.2\n---\na: 1\n', 1, false, /^is declared as YAML 1\.2, which Prow refuses$/],
    ['a: b\u0007c\n', 1, false, /^contains a control character$/],
    ['a: !!int x\n', 1, false, /^has !!int before x, which it is not$/],
    ['a: {{.Org}}\n', 1, false, /^has a list or map as a key$/],
    ['a: {<<: b}\n', 1, false, /^merges \(<<\) what is no map$/],
    ['  text\na: 1\n', 2, false, /^has a line/],
    ['a: 1\n: b\n', 2, false, /^has a colon without a key$/],
  ]
  for (const [text, line, readable, message] of rows) {
    test(JSON.stringify(text), () => {
      const { errors } = parseYaml(text)
      assert.equal(errors.length, 1, JSON.stringify(errors))
      assert.match(errors[0]!.message, message)
      assert.deepEqual([errors[0]!.line, errors[0]!.readable], [line, readable])
      assert.ok(errors[0]!.remedy)
    })
  }

  test('a merge key may repeat what it overrides', () => {
    const { tree, errors } = parseYaml('a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\n')
    assert.deepEqual(errors, [])
    assert.deepEqual(toPlain(nodeAt(tree, 'b')), { k: 3, l: 2 })
  })
})

describe('layouts that Prow reads, and YAML 1.2 does not allow', () => {
  const rows: [text: string, read: unknown][] = [
    ['a:\n  b: [p,\n  q]\n  c: 1\n', { a: { b: ['p', 'q'], c: 1 } }],
    ['a:\n- [p,\nq\n]\n- {k: v,\n\tl: w}\n', { a: [['p', 'q'], { k: 'v', l: 'w' }] }],
    ['a:\n  b: "p\n  q\n"\n  c: 1\n', { a: { b: 'p q ', c: 1 } }],
    ['a: "it\\\'s"\nb:\n  - - {p: 1,\n q: 2}\n', { a: "it's", b: [[{ p: 1, q: 2 }]] }],
    ['a: |\n  [not,\n  "a list\nb: [p,\nq]\n', { a: '[not,\n"a list\n', b: ['p', 'q'] }],
    ['a: 1\n---\n', { a: 1 }],
    ['---\na: 1\n--- # end\n', { a: 1 }],
  ]
  for (const [text, read] of rows) {
    test(JSON.stringify(text), () => {
      const { tree, errors } = parseYaml(text)
      assert.deepEqual(errors, [])
      assert.deepEqual(toPlain(tree), read)
    })
  }

  test('a text of several lines has the line of its | or >', () => {
    const { tree } = parseYaml('a: |\n\n  b\nc:\n  - >-\n    d\ne: |\n')
    assert.equal(nodeAt(tree, 'a')?.line, 1)
    assert.equal(nodeAt(tree, 'c')?.list?.[0]?.line, 5)
    assert.equal(nodeAt(tree, 'e')?.line, 7)
  })

  test('keep their lines', () => {
    const { tree } = parseYaml('a:\n  b: [p,\n  q]\n  c: 1\n')
    assert.equal(keyLine(nodeAt(tree, 'a'), 'c'), 4)
    assert.equal(nodeAt(tree, 'a', 'b')?.list?.[1]?.line, 3)
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

  test('has keys as Go prints them', () => {
    assert.deepEqual(toPlain(parseYaml('on: 1\n010: 2\n"on": 3\n1.0: 4\n').tree), { true: 1, 8: 2, on: 3, 1: 4 })
  })

  test('shares what an alias refers to, and the first of several merged maps has precedence', () => {
    const { tree } = parseYaml('x: &x {k: 1}\ny: &y {k: 2, l: 3}\na: *x\nb: {<<: [*x, *y]}\n')
    assert.equal(nodeAt(tree, 'a'), nodeAt(tree, 'x'))
    assert.deepEqual(toPlain(nodeAt(tree, 'b')), { k: 1, l: 3 })
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
