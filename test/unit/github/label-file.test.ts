import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../../lib/base/paths.ts'
import { Problem } from '../../../lib/base/problem.ts'
import { labelsFor, parseLabels } from '../../../lib/github/label-file.ts'

const parse = (text: string) => parseLabels({ displayName: 'labels.yaml', text })

function problems(text: string): string[] {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof Problem) return error.findings.map(({ message }) => message)
    throw error
  }
  return []
}

test('the template is valid', () => {
  const labels = parse(readFileSync(join(ROOT, 'manifests/config/labels.yaml'), 'utf8'))
  assert.ok(labels.default.length > 10)
})

test('labels of the organization and of a repository come on top of default', () => {
  const labels = parse(`
default: {labels: [{name: a, color: "ffffff", description: A., previously: [{name: old}, older], deleteAfter: 2026-01-01T00:00:00Z}]}
orgs: {my-org: {labels: [{name: b, color: "000000"}]}}
repos: {my-org/web: {labels: [{name: c, color: "1e1000"}]}}
`)
  assert.deepEqual(labels.default, [
    {
      name: 'a',
      color: 'ffffff',
      description: 'A.',
      previously: ['old', 'older'],
      deleteAfter: '2026-01-01T00:00:00Z',
    },
  ])
  const names = (org: string, repo: string) => labelsFor(labels, org, repo).map(({ name }) => name)
  assert.deepEqual(names('my-org', 'web'), ['a', 'b', 'c'])
  assert.deepEqual(names('my-org', 'api'), ['a', 'b'])
  assert.deepEqual(names('other', 'web'), ['a'])
})

test('everything that is invalid is reported at once, each with its line', () => {
  assert.deepEqual(
    problems(`default:
  labels:
    - {name: a, color: 000000}
    - {name: A, color: "#ffffff"}
    - {color: "ffffff"}
    - {name: long, color: "ffffff", description: ${'x'.repeat(101)}}
    - {name: when, color: "ffffff", deleteAfter: tomorrow}
labels: [{name: b}]
repos: {my-org/web: {labels: [{name: When, color: "ffffff"}]}}
`),
    [
      'labels.yaml:3 has a with the color 000000, which is read as 0',
      'labels.yaml:4 has A with the color #ffffff',
      'labels.yaml:4 has A twice',
      'labels.yaml:5 has a label without a name',
      'labels.yaml:6 has long with a description of 101 characters',
      'labels.yaml:7 has when with deleteAfter tomorrow',
      'labels.yaml:8 has labels at the top level',
      'labels.yaml:9 has When in default and in repos.my-org/web',
    ],
  )
  assert.match(problems('default:\n\tlabels: []\n')[0] ?? '', /^labels\.yaml:2 /)
})

test('a color without quotes is taken as label_sync takes it: only one that loses its digits is refused', () => {
  const label = (color: string) => `default: {labels: [{name: a, color: ${color}}]}`
  for (const color of ['108737', '842700', 'e04338', '61e552', '80e591', '1e1000', 'fbca04', '"012345"', "'000000'"])
    assert.equal(parse(label(color)).default[0]!.color, color.replace(/\W/g, ''), color)
  for (const [color, read] of [
    ['000000', 0],
    ['012345', 5349],
    ['123e10', 1230000000000],
  ] as const)
    assert.deepEqual(problems(label(color)), [`labels.yaml:1 has a with the color ${color}, which is read as ${read}`])
})

test('a name stands once in all that a repository gets, also as one that a label had before', () => {
  const one = (name: string, more = '') => `{name: ${name}, color: ffffff${more}}`
  const all = (text: string) => problems(`default: {labels: [${one('a', ', previously: [{name: old}]')}]}\n${text}`)
  const twice = (name: string, places: string) => `labels.yaml:2 has ${name} in ${places}`
  assert.deepEqual(all(`orgs: {o: {labels: [${one('OLD')}]}}`), [twice('OLD', 'default and in orgs.o')])
  assert.deepEqual(all(`orgs: {o: {labels: [${one('b', ', previously: [{name: a}]')}]}}`), [
    twice('a', 'default and in orgs.o'),
  ])
  const both = (repo: string) => all(`orgs: {o: {labels: [${one('b')}]}}\nrepos: {${repo}: {labels: [${one('b')}]}}`)
  assert.deepEqual(both('o/r'), ['labels.yaml:3 has b in orgs.o and in repos.o/r'])
  assert.deepEqual(both('other/r'), [])
  assert.deepEqual(both('r'), ['labels.yaml:3 has labels for the repository r'])
})
