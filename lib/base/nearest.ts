import leven from 'leven'

/** The name most like `name`, when one is near enough to be a slip of it. */
export function nearest(name: string, known: string[]): string | undefined {
  const best = known
    .map((candidate) => ({ candidate, distance: leven(name.toUpperCase(), candidate.toUpperCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return best && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined
}
