import { isAboutCredential } from '../github-evidence.ts'
import type { Row } from '../row.ts'
import { CREDENTIAL_SECRETS } from './github.ts'

export const sourceRows: Row[] = [
  {
    id: 'PRW-SRC-001',
    title: 'everything could be read',
    severity: 'warning',
    find: ({ unread }) =>
      unread
        .filter(({ problem }) => !isAboutCredential(problem))
        .map(({ source, problem }) => ({
          object: source,
          message: `${source} could not be read, so nothing about it was examined: ${problem.message.split('\n')[0]}`,
          evidence: problem.message,
          remedy: problem.findings[0]!.remedy,
          follows: /^(GitHub|webhook|repository|the rate limit|the name of)/.test(source) ? CREDENTIAL_SECRETS : [],
        })),
  },
]
