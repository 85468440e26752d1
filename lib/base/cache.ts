import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The folder for what is costly to make and outlives a clone: RUNBOOK_CACHE, else that of the system. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.RUNBOOK_CACHE) return resolve(env.RUNBOOK_CACHE)
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'prow-runbook')
}
