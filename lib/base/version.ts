export type Version = [major: number, minor: number, patch: number]

/** The version in what a program or a go.mod says of itself. */
export function parseVersion(text: string): Version | undefined {
  const found = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)
  return found ? [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)] : undefined
}

/** Whether the first version is the second or a later one. */
export function atLeast(one: Version, other: Version): boolean {
  const at = one.findIndex((part, index) => part !== other[index])
  return at === -1 || one[at]! > other[at]!
}
