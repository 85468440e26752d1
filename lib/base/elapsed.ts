/** A span of milliseconds in its largest unit: `3 d`, `5 h`, `12 min`, `40 s`. */
export function elapsed(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  const units: [size: number, name: string][] = [
    [24 * 3600, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ]
  const [size, name] = units.find(([size]) => seconds >= 2 * size) ?? [1, 's']
  return `${Math.floor(seconds / size)} ${name}`
}
