import { coversEverything, isCidr } from '../base/cidr.ts'

/** A type of settings: reads the text of a value; `expected` is how it has to look, as the rest of `must be …`. */
export type Type<T> = (text: string) => { value: T } | { expected: string }

const when = <T>(accepted: boolean, value: () => T, expected: string) => (accepted ? { value: value() } : { expected })

export const oneOf =
  <const T extends string>(...words: T[]): Type<T> =>
  (text) => {
    const value = words.find((word) => word === text)
    return value === undefined ? { expected: `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` } : { value }
  }

export const onOff = oneOf('on', 'off')

export const like =
  (pattern: RegExp, expected: string): Type<string> =>
  (text) =>
    when(pattern.test(text), () => text, expected)

export const number =
  (least: number, most: number, unit: string): Type<number> =>
  (text) => {
    if (!/^\d+$/.test(text)) return { expected: `a whole number of ${unit}` }
    const value = Number(text)
    return when(value >= least && value <= most, () => value, `from ${least} to ${most} ${unit}`)
  }

const isPort = (text: string) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535

export const port: Type<number> = (text) => when(isPort(text), () => Number(text), 'a port from 1 to 65535')

export const portOrOff: Type<string> = (text) =>
  when(text === 'off' || isPort(text), () => text, 'a port from 1 to 65535, or off')

const split = (text: string) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)

/** Words separated by commas. Nothing but commas is refused: an empty list often means "no restriction". */
export const list =
  (isWord: (word: string) => boolean, expected: string): Type<string[]> =>
  (text) => {
    const words = split(text)
    const accepted = text === '' || (words.length > 0 && words.every(isWord))
    return when(accepted, () => words, `${expected}, separated by commas`)
  }

export const GITHUB_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$/

export const HOST_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/

export const HOST_PORT = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/

export const HTTP = /^https?:\/\/[^\s"'/]+(?:\/[^\s"']*[^\s"'/])?$/

export const IMAGE = /^[a-z0-9][a-z0-9.:-]*(?:\/[a-z0-9._-]+)*(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$/

export const REGISTRY = /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?(?:\/[a-z0-9._-]+)*$/

export const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/

export const PATH = /^[^\n\r\0]+$/

/** Who may open Deck. `cidrs` holds address blocks for the kind of that name only. */
export interface DeckAccess {
  kind: 'internal' | 'public' | 'cidrs'
  cidrs: string[]
}

export const deckAccess: Type<DeckAccess> = (text) => {
  if (text === 'internal' || text === 'public') return { value: { kind: text, cidrs: [] } }
  const cidrs = split(text)
  if (cidrs.length === 0 || !cidrs.every(isCidr))
    return { expected: 'internal, public, or CIDRs such as 203.0.113.0/24, separated by commas' }
  return { value: coversEverything(cidrs) ? { kind: 'public', cidrs: [] } : { kind: 'cidrs', cidrs } }
}
