import type { All, Job } from './rule.ts'

/** The files that cannot be read: config.yaml, plugins.yaml, or any job file. */
export type Lost = Set<'config' | 'plugins' | 'jobs'>

/** What a rule is given, and whether it has read what came from a file that cannot be read. */
export interface Watched {
  all: All
  job: Job | undefined
  isConsequence: () => boolean
}

/** Watches what a rule reads: what it then finds may only follow from the file that cannot be read. */
export function watchReads(all: All, job: Job | undefined, lost: Lost): Watched {
  let found = false
  const watch = <T extends object>(object: T, fields: (keyof T)[]): T =>
    new Proxy(object, {
      get(target, field) {
        if (fields.includes(field as keyof T)) found = true
        return Reflect.get(target, field)
      },
    })
  const parts: (keyof All)[] = [
    ...(lost.has('config') ? (['config'] as const) : []),
    ...(lost.has('plugins') ? (['plugins'] as const) : []),
    // What is there twice in the job files that remain is there twice; what a job refers to may be in the lost one.
    ...(lost.has('jobs') && job ? (['jobFiles'] as const) : []),
  ]
  return {
    all: watch(all, parts),
    job: job && watch(job, lost.has('config') ? ['decorated', 'decoration'] : []),
    isConsequence: () => found,
  }
}
