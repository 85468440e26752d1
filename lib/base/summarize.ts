/** A list in a few words: `a, b, c`, or `a, b and 3 more` where it has more than `most`. */
export function summarize(items: string[], most = 3): string {
  return items.length > most
    ? `${items.slice(0, most - 1).join(', ')} and ${items.length - most + 1} more`
    : items.join(', ')
}

/** A number with its word: `1 job`, `3 jobs`. */
export const counted = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`
