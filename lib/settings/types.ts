import { z } from 'zod'
import { coversEverything, isCidr } from '../base/cidr.ts'

// The types of settings: how the text of a value must look, the problem when it does not, and what it is read as.

export const onOff = z.enum(['on', 'off'], { error: 'must be on or off' })

export const oneOf = <const T extends [string, ...string[]]>(...words: T) =>
  z.enum(words, { error: `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}` })

export const like = (pattern: RegExp, expected: string) => z.string().regex(pattern, { error: `must be ${expected}` })

export const number = (least: number, most: number, unit: string) =>
  like(/^\d+$/, `a whole number of ${unit}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error: `must be from ${least} to ${most} ${unit}` })

const isPort = (text: string) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535

export const port = z.string().refine(isPort, { error: 'must be a port from 1 to 65535' }).transform(Number)

export const portOrOff = z
  .string()
  .refine((text) => text === 'off' || isPort(text), { error: 'must be a port from 1 to 65535, or off' })

const split = (text: string) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)

/** Words separated by commas. Nothing but commas is refused: an empty list often means "no restriction". */
export const list = (isWord: (word: string) => boolean, expected: string) =>
  z
    .string()
    .refine((text) => text === '' || (split(text).length > 0 && split(text).every(isWord)), {
      error: `must be ${expected}, separated by commas`,
    })
    .transform(split)

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

export const deckAccess = z
  .string()
  .refine((text) => text === 'internal' || text === 'public' || (split(text).length > 0 && split(text).every(isCidr)), {
    error: 'must be internal, public, or CIDRs such as 203.0.113.0/24, separated by commas',
  })
  .transform((text): DeckAccess => {
    if (text === 'internal' || text === 'public') return { kind: text, cidrs: [] }
    const cidrs = split(text)
    return coversEverything(cidrs) ? { kind: 'public', cidrs: [] } : { kind: 'cidrs', cidrs }
  })
