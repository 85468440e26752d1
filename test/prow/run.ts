// Our rules compared with Prow's own checkconfig and types, which Go builds the first time: npm run test:prow

import { join } from 'node:path'
import { ROOT } from '../../lib/base/paths.ts'
import { withSpinner } from '../../lib/base/terminal.ts'
import { buildCheckconfig } from '../../lib/rehearsal/go-build.ts'
import { nodeTests, report, runSuite } from '../suite.ts'

const began = Date.now()

// In the test it would show nothing while it is built.
await withSpinner('building checkconfig', buildCheckconfig)

const command = nodeTests(
  ['checkconfig', 'fields'].map((name) => join(ROOT, `test/prow/${name}.test.ts`)),
  '--import',
  'tsx',
)

process.exitCode = report([await runSuite({ name: 'prow', command }, process.env)], began)
