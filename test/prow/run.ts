// Our rules compared with Prow's own checkconfig, which Go builds the first time: npm run test:prow

import { join } from 'node:path'
import { ROOT } from '../../lib/base/paths.ts'
import { nodeTests, report, runSuite } from '../suite.ts'

const began = Date.now()

const command = nodeTests([join(ROOT, 'test/prow/checkconfig.test.ts')], '--import', 'tsx')

process.exitCode = report([await runSuite({ name: 'prow', command }, process.env)], began)
