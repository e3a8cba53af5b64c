/** protocol/schema: version ranges in Kafka's notation: `3`, `0-4`, `3+`, `none`. */

export interface VersionRange {
  readonly first: number
  /** Inclusive; Infinity for `3+`; -1 for `none`. */
  readonly last: number
}

export const allVersions: VersionRange = { first: 0, last: Number.POSITIVE_INFINITY }
export const noVersions: VersionRange = { first: 0, last: -1 }

/** By their text: thousands of fields share a few dozen. */
const known = new Map<string, VersionRange>()

/** The same object for the same text. @throws TypeError for anything that is not Kafka's notation. */
export function parseVersions(text: string): VersionRange {
  const range = known.get(text) ?? parsed(text)
  known.set(text, range)
  return range
}

function parsed(text: string): VersionRange {
  if (text === 'none') return noVersions
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (match === null) throw new TypeError(`not a version range: ${text}`)
  const first = Number(match[1])
  if (match[2] !== undefined) return { first, last: Number.POSITIVE_INFINITY }
  return { first, last: match[3] === undefined ? first : Number(match[3]) }
}

export function includesVersion(range: VersionRange, version: number): boolean {
  return version >= range.first && version <= range.last
}
