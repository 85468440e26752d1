import type { Row } from '../row.ts'

export const sourceRows: Row[] = [
  {
    id: 'PRW-SRC-001',
    title: 'everything could be read',
    severity: 'warning',
    find: ({ unread }) =>
      unread.map(({ source, problem }) => ({
        object: source,
        message: `${source} could not be read, so nothing about it was examined: ${problem.message.split('\n')[0]}`,
        evidence: problem.message,
        remedy: problem.findings[0]!.remedy,
      })),
  },
]
