// Writes lib/prow/rules/fields.json, the fields and plugins that the rules know, from the source of the version that
// PROW_IMAGE_TAG has as its default:  npm run fields
// Run it after the default has changed; then compare `added` and `removed`, which are kept by hand, with what is newer
// still. Where no Go module proxy has the version, give its source:
//   git clone https://github.com/kubernetes-sigs/prow /tmp/prow && git -C /tmp/prow checkout COMMIT
//   PROW_SOURCE=/tmp/prow npm run fields

import { fieldsOf, missingIn, readFields, sourceOfVersion, VERSION, writeFields } from './fields.ts'

const source = await sourceOfVersion()
if (source) {
  const before = readFields()
  const now = await fieldsOf(source)
  writeFields(now)
  const [came, went] = [missingIn(now, before), missingIn(before, now)]
  console.log(`${VERSION}: ${Object.keys(now.types).length} types and ${now.plugins.length} plugins`)
  console.log(`new or of another type: ${came.join(', ') || 'none'}`)
  console.log(`removed or of another type: ${went.join(', ') || 'none'}`)
} else {
  console.error(
    `No Go module proxy has the source of ${VERSION}. Clone it, and name the folder: PROW_SOURCE=/tmp/prow npm run fields`,
  )
  process.exitCode = 3
}
