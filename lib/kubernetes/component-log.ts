import { tryKubectl } from './kubectl.ts'

/** A line of a component's log, as logrus and zap write it in JSON. */
export interface LogLine {
  time: string
  level: string
  /** The message, and the error behind it. */
  text: string
  fields: Record<string, unknown>
}

/** For how many seconds a log is waited for. */
const LIMIT = 20

/**
 * The lines of the log of a component's pods within the last hours that contain a text, oldest first; none when the log
 * cannot be read.
 */
export async function logLinesWith(component: string, namespace: string, text: string, hours = 6): Promise<LogLine[]> {
  const { stdout } = await tryKubectl(
    ['-n', namespace, 'logs', '-l', `app=${component}`, `--since=${hours}h`, '--tail=20000'],
    { timeout: LIMIT },
  )
  return stdout
    .split('\n')
    .filter((line) => line.includes(text))
    .flatMap((line) => parseLine(line) ?? [])
    .sort((a, b) => a.time.localeCompare(b.time))
}

/** A line of JSON; undefined for any other. */
export function parseLine(line: string): LogLine | undefined {
  try {
    const fields = JSON.parse(line) as Record<string, unknown>
    const { time, ts, level, severity, msg, message, error } = fields
    return {
      time: String(time ?? ts ?? ''),
      level: String(level ?? severity ?? ''),
      text: [msg ?? message, error].filter(Boolean).join(': '),
      fields,
    }
  } catch {
    return undefined
  }
}

/** Whether a line reports that something failed. */
export const isFailure = ({ level }: LogLine): boolean => /^(error|fatal|panic|warn)/i.test(level)
