export type Version = [major: number, minor: number, patch: number]

/** The first version in a text, such as the output of `--version`; undefined when it has none. */
export function parseVersion(text: string): Version | undefined {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)
  return found ? [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)] : undefined
}

/** Whether a version is `minimum` or later. */
export function atLeast(version: Version, minimum: Version): boolean {
  const at = version.findIndex((part, index) => part !== minimum[index])
  return at === -1 || version[at]! > minimum[at]!
}
