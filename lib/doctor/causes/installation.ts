// Facts of the steps that are checked by content: the checks are those of the steps themselves.
import type { Check } from '../../kubernetes/check.ts'
import { configMaps, namespaces, rbac, serviceAccounts } from '../../prow/checks.ts'
import { secretChecks } from '../../prow/mounted-secrets.ts'
import { settle } from '../../run/findings.ts'
import { npmLine, rerunLine } from '../../run/rerun.ts'
import type { Settings } from '../../settings/table.ts'
import { type Evidence, wasNotRead } from '../evidence.ts'
import { type Found, objectOfMessage, type Row } from '../row.ts'

/** A row made of the checks of a step. `resource` is what must have been read, as kubectl names it. */
function fromChecks(
  id: string,
  title: string,
  severity: Row['severity'],
  resource: string,
  checks: (settings: Settings) => Check[],
): Row {
  return {
    id,
    title,
    severity,
    find: async (evidence) => {
      if (wasNotRead(evidence, resource)) return []
      const found = await Promise.all(checks(evidence.settings).map((check) => inspect(check, evidence)))
      return found.flat()
    },
  }
}

async function inspect({ inspect, remedy, step }: Check, { snapshot, settings }: Evidence): Promise<Found[]> {
  const verdict = await inspect(snapshot, settings)
  if (verdict === true) return []
  const fallback = remedy ?? `Run ${rerunLine(step ?? '01-cluster')}.`
  const list = typeof verdict === 'string' ? [{ message: verdict, remedy: fallback }] : await settle(verdict)
  return list.map(({ message, remedy }) => ({ object: objectOfMessage(message), message, remedy, evidence: message }))
}

export const installationRows: Row[] = [
  fromChecks('PRW-NS-001', 'the namespaces exist', 'error', 'namespaces', () =>
    // With a namespace all that was in it is missing.
    namespaces.map((check) => ({ ...check, remedy: `Run ${npmLine('install:all')}.` })),
  ),
  fromChecks('PRW-SEC-001', 'every Secret that Prow mounts is valid', 'error', 'secrets', secretChecks),
  fromChecks('PRW-CFG-001', "Prow's ConfigMaps have their keys", 'error', 'configmaps', () => configMaps),
  fromChecks('PRW-ACC-001', 'every service account exists', 'error', 'serviceaccounts', () => serviceAccounts),
  fromChecks('PRW-RBC-001', 'what each component may do is as its manifest has it', 'error', 'roles', rbac),
]
