/** What happened to one part of a rehearsal, and one short detail. */
export interface TaskResult {
  outcome: 'created' | 'changed' | 'unchanged'
  note?: string
}

/** Gets how far a long task is. */
export type Progress = (text: string) => void

/** Does one task of setting up a rehearsal and reports its result; answers what `work` gives back beside it. */
export type Task = <T>(name: string, work: (progress: Progress) => Promise<[T, TaskResult]>) => Promise<T>

export const UNCHANGED: TaskResult = { outcome: 'unchanged' }

/** A Task that reports nothing. */
export const silent: Task = async (_name, work) => (await work(() => {}))[0]
