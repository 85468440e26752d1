import { scalarString } from '../../base/yaml-scalars.ts'
import { keyLine, setEntry, type Tree } from '../../base/yaml-tree.ts'
import { type Field, fieldOf, fieldsOf, unknownKey } from './fields.ts'
import { durationRemedy, isDuration, isQuantity } from './go-syntax.ts'
import { type Match, match, type Severity } from './rule.ts'

/** A value of another type than its field, a field that is not known, or a value that Prow reads as another one. */
export interface TypeMatch extends Match {
  rule: 'type' | 'unknown-field' | 'conversion'
  severity: Severity
}

/** The root of a file: one of fields().roots, or a type below it that decodes itself. */
interface Root {
  type: string
  path: string
  /** How severe an unknown field is: checkconfig --strict refuses those of config.yaml and plugins.yaml. */
  unknown: Severity
  /** The version that is installed, PROW_IMAGE_TAG. */
  tag: string
}

/**
 * Compares a tree with a type, all that is below it, as sigs.k8s.io/yaml and encoding/json decode it. Keys that Prow
 * takes in another case are renamed in the tree, so that rules find them under their names.
 */
export function checkTypes(tree: Tree, { type, path, unknown, tag }: Root): TypeMatch[] {
  const found: TypeMatch[] = []
  const invalid = (at: Tree, message: string, remedy: string): void => {
    found.push({ ...match(at, message, remedy), rule: 'type', severity: 'invalid' })
  }
  const hint = (at: Tree, message: string, remedy: string) =>
    found.push({ ...match(at, message, remedy), rule: 'conversion', severity: 'hint' })

  /** `target` is the type for which sigs.k8s.io/yaml converts numbers and bools to strings: not always the right one. */
  const check = (node: Tree, as: string, at: string, target: string | undefined, severity: Severity): void => {
    if (node.value === null) return
    if (as === '*') {
      if (typeof node.value === 'number' && !Number.isFinite(node.value))
        invalid(node, `${at}: ${node.plain} is not a number that Prow can read`, `Quote it: "${node.plain}".`)
      return
    }
    if (as.startsWith('[]')) {
      if (!node.list) {
        invalid(node, `${at} must be a list`, 'Begin each entry with - on a line of its own.')
        return
      }
      const item = as.slice(2)
      const itemTarget = target?.startsWith('[]') ? target.slice(2) : undefined
      for (let index = 0; index < node.list.length; index++)
        check(node.list[index]!, item, `${at}[${index}]`, itemTarget, severity)
      return
    }
    const decodesItself = as.startsWith('!')
    const struct = decodesItself ? as.slice(1) : as
    const values = as.startsWith('{}') ? as.slice(2) : undefined
    if (values === undefined && !fieldsOf(struct)) {
      checkScalar(node, as, at, target)
      return
    }
    if (!node.map) {
      invalid(node, `${at || 'the file'} must be a map`, 'Write key: value below it.')
      return
    }
    const below = decodesItself ? 'hint' : severity
    const given = decodesItself ? undefined : target
    const renamed: Field[] = []
    for (const [key, one] of node.map) {
      const full = at ? `${at}.${key}` : key
      if (values !== undefined) {
        check(one, values, full, targetOf(given, key), below)
        continue
      }
      const field = fieldOf(struct, key)
      if (field) {
        if (field.name !== key) renamed.push(field)
        check(one, field.type, full, targetOf(given, key), below)
        continue
      }
      const { known, why, remedy } = unknownKey(struct, key, tag)
      if (known) continue
      const message = why ? `${full}: ${why}` : `${full} is not a field that Prow knows`
      // Removed, its aliases would refer to nothing.
      const isNeeded = one.anchor !== undefined && !remedy.startsWith('Did you mean')
      const kept = `Keep it, since *${one.anchor} refers to it: move it below prow_ignored, a field for that.`
      found.push({
        ...match(keyLine(node, key), message, isNeeded ? kept : remedy),
        rule: 'unknown-field',
        severity: below,
      })
    }
    if (renamed.length > 0) rename(node, struct)
  }

  const checkScalar = (node: Tree, as: string, at: string, target: string | undefined): void => {
    const { value, plain } = node
    const isScalar = !node.map && !node.list
    const shown = node.map ? 'a map' : node.list ? 'a list' : (plain ?? `"${value}"`)
    if (as === 's') {
      if (!isScalar) invalid(node, `${at} must be a string`, 'Write the string after the colon.')
      else if (typeof value === 'string') return
      else if (target !== 's') invalid(node, `${at}: ${plain} must be a string`, `Quote it: "${plain}".`)
      else if (plain !== undefined && scalarString(plain) !== plain)
        hint(node, `${at}: ${plain} becomes the string ${scalarString(plain)}`, 'Quote it.')
    } else if (as === 'b') {
      if (typeof value !== 'boolean')
        invalid(node, `${at} must be true or false`, 'Write true or false, without quotes.')
    } else if (as === 'f') {
      if (typeof value !== 'number' || !Number.isFinite(value))
        invalid(node, `${at} must be a number`, 'Write the number, without quotes.')
    } else if (/^[iu]\d+$/.test(as)) {
      if (typeof value !== 'number') invalid(node, `${at} must be a number`, 'Write the number, without quotes.')
      else if (!isInteger(node, as))
        invalid(
          node,
          `${at}: ${shown} must be a whole number${as.startsWith('u') ? ' of 0 or more' : ''} that fits`,
          'Write a whole number.',
        )
    } else if (as === 'I') {
      if (!isScalar || typeof value === 'boolean' || (typeof value === 'number' && !isInteger(node, 'i32')))
        invalid(node, `${at}: ${shown} must be a whole number or a string`, 'Write the number, or the name in quotes.')
    } else if (as === 't') {
      if (typeof value !== 'string' || Number.isNaN(Date.parse(value)))
        invalid(node, `${at}: ${shown} must be a time`, 'Write it like 2026-01-31T08:00:00Z.')
    } else if (as === 'q') {
      if (!isScalar || typeof value === 'boolean' || !isQuantity(String(value)))
        invalid(node, `${at}: ${shown} is not a valid quantity`, quantityRemedy(String(value ?? '')))
    } else if (as === 'd' || as === 'D') {
      if (as === 'd' && typeof value === 'number' && isInteger(node, 'i64')) {
        if (value !== 0)
          hint(node, `${at}: ${plain} is a number of nanoseconds`, `Write a unit, as in ${plain}s or ${plain}m.`)
      } else if (typeof value !== 'string' || !isDuration(value)) {
        const unit = typeof value === 'number' ? `: ${plain}s for seconds, ${plain}m for minutes` : ''
        invalid(
          node,
          `${at}: ${shown} is not a valid duration`,
          unit ? `Write a unit${unit}.` : durationRemedy(String(value ?? '')),
        )
      }
    }
  }

  check(tree, type, path, type, unknown)
  return found
}

/** The type that sigs.k8s.io/yaml takes for the value of a key: what an embedded struct has, it takes for that struct. */
function targetOf(target: string | undefined, key: string): string | undefined {
  if (target === undefined) return undefined
  if (target.startsWith('{}')) return target.slice(2)
  const field = fieldOf(target, key)
  return field?.embedded ?? field?.type
}

/** Gives keys in another case the names of their fields. Of two for one field the last in byte order counts. */
function rename(node: Tree, struct: string): void {
  const entries = [...node.map!].map(([key, value]) => ({ key, value, line: keyLine(node, key) }))
  entries.sort((a, b) => (a.key < b.key ? -1 : 1))
  const chosen = new Map(entries.map((one) => [fieldOf(struct, one.key)?.name ?? one.key, one]))
  const before = [...node.map!.keys()]
  node.map!.clear()
  delete node.keys
  for (const key of before) {
    const name = fieldOf(struct, key)?.name ?? key
    const { value, line } = chosen.get(name)!
    setEntry(node, name, value, line)
  }
}

/** Whether Go's JSON decoder takes a number for an integer of that many bits: it may be written as 3.0 or 1e3. */
function isInteger({ value, plain }: Tree, as: string): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) >= 1e21) return false
  const exact = /^[-+]?\d+$/.test(plain ?? '') && !/^[-+]?0/.test(plain!) ? BigInt(plain!) : BigInt(value)
  const bits = BigInt(as.slice(1))
  return as.startsWith('u')
    ? exact >= 0n && exact < 1n << bits
    : exact >= -(1n << (bits - 1n)) && exact < 1n << (bits - 1n)
}

function quantityRemedy(text: string): string {
  const [, number, unit = ''] = /^([\d.]+)\s*(\w*)$/.exec(text) ?? []
  const suffix = { k: 'Ki', m: 'Mi', g: 'Gi', t: 'Ti' }[unit[0]?.toLowerCase() ?? '']
  if (number && suffix)
    return `Write ${number}${suffix}, or ${number}${suffix[0]!.replace('K', 'k')} for powers of 1000.`
  return 'Write it like 500m, 2, 512Mi or 4Gi.'
}
