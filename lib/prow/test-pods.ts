import { snapshot } from '../kubernetes/snapshot.ts'
import { maybeRun } from '../run/context.ts'
import { REFERENCED_KINDS, type ReferencedKind, type TestPods } from './rules/rule.ts'

const NAMESPACE = 'test-pods'

/**
 * What is in the namespace test-pods, for the rules about what jobs name there. Undefined when this run has no cluster,
 * when it does not answer, which is reported where it is needed, and when the namespace does not exist yet.
 */
export async function inspectTestPods(): Promise<TestPods | undefined> {
  if (!maybeRun()?.target) return undefined
  const now = await snapshot().catch(() => undefined)
  if (!now?.has('Namespace', NAMESPACE)) return undefined
  const names = Object.fromEntries(
    REFERENCED_KINDS.map((kind) => [kind, new Set(now.all(kind, NAMESPACE).map(({ metadata }) => metadata.name))]),
  ) as Record<ReferencedKind, Set<string>>
  const hookMayWrite = now
    .all('RoleBinding', NAMESPACE)
    .some(({ subjects }) =>
      (subjects as { kind: string; name: string; namespace?: string }[] | undefined)?.some(
        ({ kind, name, namespace }) => kind === 'ServiceAccount' && name === 'hook' && namespace === 'prow',
      ),
    )
  return { names, hookMayWrite }
}
