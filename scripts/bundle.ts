// One archive for a bug report, without any secret. It changes nothing in the cluster.
import { displayPath } from '../lib/base/paths.ts'
import { Problem } from '../lib/base/problem.ts'
import { printLine } from '../lib/base/terminal.ts'
import { bundleFiles, bundleName, writeBundle } from '../lib/doctor/bundle.ts'
import { examine } from '../lib/doctor/catalogue.ts'
import { readEvidence } from '../lib/doctor/evidence.ts'
import { currentRun } from '../lib/run/context.ts'
import { step } from '../lib/step.ts'

export default await step(
  import.meta,
  {
    title: 'Collect what a bug report needs, without any secret',
    reads: 'what doctor reads, and the logs of the components',
    creates: 'an archive in the current folder',
    needs: 'the target in the settings',
    options: {
      output: { type: 'string', value: 'FILE', description: 'the archive (default prow-bundle-TIME.tar.gz)' },
    },
  },
  async (settings, options) => {
    const evidence = await readEvidence(settings)
    const { found } = await examine(evidence)
    const files = await bundleFiles(evidence, found)
    const path = String(options.output ?? bundleName(evidence.now))
    try {
      await writeBundle(path, files)
    } catch (error) {
      throw new Problem(
        `${displayPath(path)} cannot be written: ${(error as Error).message}`,
        'Name another file with --output.',
      )
    }
    printLine(`written: ${displayPath(path)}, ${Object.keys(files).length} files`)
    printLine('Read it before you send it: no program knows every secret.')
    currentRun().answer = { exitCode: 0, document: { bundle: path, files: Object.keys(files) } }
  },
)
