/** A reporter for node --test: one TAP line for each test, whatever its groups, with its failure and its output. */
export default async function* flat(source) {
  let count = 0
  const groups = []
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      groups[data.nesting] = data.name
      groups.length = data.nesting + 1
    }
    if (type === 'test:stdout') for (const line of data.message.split('\n')) if (line) yield `## ${line}\n`
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const error = type === 'test:fail' ? data.details.error : undefined
    // A group is not a test; it fails with its tests.
    if (data.details.type === 'suite' && (!error || error.failureType === 'subtestsFailed')) continue
    if (error?.failureType === 'subtestsFailed') continue
    const name = [...groups.slice(0, data.nesting), data.name].join(', ')
    yield `${error ? 'not ok' : 'ok'} ${++count} ${name}\n`
    const cause = error?.cause ?? error
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : cause === undefined ? '' : String(cause)
    for (const line of text.split('\n').slice(0, 30)) if (line) yield `# ${line}\n`
  }
  yield `1..${count}\n`
}
