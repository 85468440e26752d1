import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The folder for builds and downloads, which outlive a clone: RUNBOOK_CACHE, else prow-runbook in the user's cache. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.RUNBOOK_CACHE) return resolve(env.RUNBOOK_CACHE)
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'prow-runbook')
}
