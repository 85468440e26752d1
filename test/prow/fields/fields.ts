import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../../lib/base/cache.ts'
import { ROOT } from '../../../lib/base/paths.ts'
import { run, tryRun } from '../../../lib/base/shell.ts'
import { buildPrograms } from '../../../lib/rehearsal/go-build.ts'
import { PROW } from '../../../lib/rehearsal/go-modules.ts'
import { goOptions } from '../../../lib/rehearsal/go-toolchain.ts'
import { ROWS } from '../../../lib/settings/table.ts'

/** The fields that the rules know. */
export const FIELDS = join(ROOT, 'lib/prow/rules/fields.json')
/** The version of Prow that they are those of, a tag of its images: vDATE-COMMIT. */
export const VERSION = ROWS.PROW_IMAGE_TAG.default

const GENERATOR = join(ROOT, 'test/prow/fields/main.go')

/** What main.go prints. */
export interface Printed {
  roots: Record<string, string>
  plugins: string[]
  types: Record<string, Record<string, string>>
}

/**
 * The folder with the source of VERSION: $PROW_SOURCE, or Go's module cache. Undefined when no module proxy that is
 * reachable has this version.
 */
export async function sourceOfVersion(): Promise<string | undefined> {
  const given = process.env.PROW_SOURCE
  if (given) return given
  const folder = mkdtempSync(join(tmpdir(), 'prow-fields-'))
  try {
    writeFileSync(join(folder, 'go.mod'), 'module prow-runbook/fields\n')
    const commit = VERSION.split('-').at(-1)
    const args = ['mod', 'download', '-json', `sigs.k8s.io/prow@${commit}`]
    const { stdout, exitCode } = await tryRun('go', args, goOptions(folder))
    return exitCode === 0 ? (JSON.parse(stdout) as { Dir: string }).Dir : undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The fields of a source of Prow. It is not written to: main.go is compiled as if it were in its folder cmd/fields. */
export async function fieldsOf(source: string): Promise<Printed> {
  const folder = mkdtempSync(join(tmpdir(), 'prow-fields-'))
  try {
    const overlay = join(folder, 'overlay.json')
    writeFileSync(overlay, JSON.stringify({ Replace: { [join(source, 'cmd/fields/main.go')]: GENERATOR } }))
    const args = ['run', '-mod=readonly', '-buildvcs=false', '-overlay', overlay, './cmd/fields']
    return JSON.parse(await run('go', args, goOptions(source))) as Printed
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The fields of the older version that the rehearsal runs, which every module proxy has. */
export async function fieldsOfRehearsal(): Promise<Printed> {
  const folder = join(cacheFolder(), 'programs', 'fields')
  mkdirSync(folder, { recursive: true })
  for (const file of ['go.mod', 'go.sum']) copyFileSync(join(PROW.folder, file), join(folder, file))
  copyFileSync(GENERATOR, join(folder, 'main.go'))
  const module = { folder, packages: { fields: 'prow-runbook/prow' } }
  return JSON.parse(await run(join(await buildPrograms(module, ['fields'], () => {}), 'fields'), [])) as Printed
}

/** What of some fields others do not have, or have as another type: `Type.field`, and plugins as `plugin NAME`. */
export function missingIn({ types, plugins }: Printed, other: Printed): string[] {
  const fields = Object.entries(types).flatMap(([type, all]) =>
    Object.entries(all)
      .filter(([name, is]) => other.types[type]?.[name] !== is)
      .map(([name]) => `${type}.${name}`),
  )
  return [...fields, ...plugins.filter((name) => !other.plugins.includes(name)).map((name) => `plugin ${name}`)]
}

/** The file as it is. */
export function readFields(): Printed & { version: string; added: unknown; removed: unknown } {
  return JSON.parse(readFileSync(FIELDS, 'utf8'))
}

/** Writes the file: what is printed, with what newer versions added and removed, which is kept by hand. */
export function writeFields({ roots, plugins, types }: Printed): void {
  const { added, removed } = existsSync(FIELDS) ? readFields() : { added: {}, removed: {} }
  writeFileSync(FIELDS, `${JSON.stringify({ version: VERSION, roots, plugins, types, added, removed })}\n`)
}
