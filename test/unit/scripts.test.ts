import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from '../../lib/base/paths.ts'

const folder = join(ROOT, 'scripts')
const scripts = readdirSync(folder).filter((name) => /^\d\d-/.test(name))
const textOf = (name: string) => readFileSync(join(folder, name), 'utf8')

describe('the numbered scripts', () => {
  test('are fourteen, and each begins with a comment on its section of the guide', () => {
    assert.equal(scripts.length, 14)
    for (const name of scripts) assert.match(textOf(name), /^\/\/ /, name)
  })

  test('read no environment, do not decide by --plan, delete nothing by themselves, and catch nothing', () => {
    for (const name of scripts)
      assert.doesNotMatch(textOf(name), /process\.env|'delete'|import\.meta\.main|\bplan\b|\bcatch\b/, name)
  })

  test('that bring something about export their checks, and 13-verify has them all', () => {
    for (const name of scripts.filter((one) => !/^(00|13)/.test(one))) {
      assert.match(textOf(name), /^export const checks\b/m, name)
      const file = name.replace(/\.ts$/, '')
      assert.match(
        textOf('13-verify.ts'),
        new RegExp(`import \\{ checks as (\\w+) \\} from './${name}'[^]*'${file}': \\1`),
      )
    }
  })

  test('whose prerequisites only a person can meet are all in 00-preflight', () => {
    for (const name of scripts.filter((one) => /^export const prerequisites\b/m.test(textOf(one))))
      assert.match(textOf('00-preflight.ts'), new RegExp(`import \\{ prerequisites as \\w+ \\} from './${name}'`), name)
  })

  test('are all run by install-all, in their order', () => {
    const imported = [...textOf('install-all.ts').matchAll(/^import (\w+) from '\.\/(\d\d-[\w-]+\.ts)'$/gm)]
    assert.deepEqual(
      imported.map(([, , name]) => name),
      scripts,
    )
    const listed = /installAll\(\[([^\]]*)\]\)/.exec(textOf('install-all.ts'))?.[1]?.match(/\w+/g)
    assert.deepEqual(
      listed,
      imported.map(([, name]) => name),
    )
  })
})
