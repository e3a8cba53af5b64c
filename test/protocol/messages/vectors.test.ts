import { describe, expect, it } from 'vitest'
import { apis } from '../../../protocol/messages/index.ts'
import { ProtocolError, Reader } from '../../../protocol/schema/index.ts'
import * as state from '../../../protocol/state/index.ts'
import { StoredSchema } from '../../../protocol/state/index.ts'
import { checkVectors, readVectors } from '../../vectors/check.ts'
import { type MessageVector, schemaOf } from '../../vectors/messages.ts'

const lines = readVectors(new URL('../../vectors/vectors.jsonl.gz', import.meta.url).pathname)
const vectors = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as MessageVector)

describe("Kafka's own message vectors", () => {
  it('decode to their json and encode back to their bytes', () => {
    const results = [...checkVectors(lines)]
    expect(results.filter(({ problems }) => problems.length > 0)).toEqual([])
    expect(results.length).toBe(3862)
  })

  it('cover every version of every request, response and stored record that is declared', () => {
    const covered = new Set(vectors.map(({ api, version }) => `${api} ${version}`))
    const declared = [
      ...apis.flatMap(({ request, response }) => [request, response]),
      ...Object.values(state).filter((each) => each instanceof StoredSchema),
    ]
    const missing: string[] = []
    for (const { name, versions } of declared) {
      for (let version = versions.first; version <= versions.last; version += 1) {
        if (!covered.has(`${name} ${version}`)) missing.push(`${name} ${version}`)
      }
    }
    expect(missing).toEqual([])
  })

  it('cut off at any byte give a ProtocolError, or a message that ends there', () => {
    for (const vector of smallest(vectors)) {
      const bytes = Buffer.from(vector.hex, 'hex')
      for (let length = 0; length < bytes.length; length += 1) decodes(vector, bytes.subarray(0, length))
    }
  })

  it('with a flipped byte or an absurd length anywhere give a ProtocolError or some other message', () => {
    for (const vector of smallest(vectors)) {
      const bytes = Buffer.from(vector.hex, 'hex')
      for (let at = 0; at < bytes.length; at += 1) {
        for (const absurd of [
          [0xff],
          [0x7f, 0xff, 0xff, 0xff],
          [0x80, 0, 0, 0],
          [0xff, 0xff, 0xff, 0xff, 0x0f],
          [bytes[at]! ^ 0x55],
        ]) {
          const damaged = Buffer.from(bytes)
          damaged.set(absurd.slice(0, bytes.length - at), at)
          decodes(vector, damaged)
        }
      }
    }
  })
})

/** True when `bytes` decode; false when that ends in a ProtocolError; any other error is thrown on. */
function decodes(vector: MessageVector, bytes: Buffer): boolean {
  try {
    schemaOf(vector.api).codec(vector.version).decode(new Reader(bytes))
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

/** One vector with all kinds of content, but not too long, of every message and version. */
function smallest(all: readonly MessageVector[]): MessageVector[] {
  const chosen = new Map<string, MessageVector>()
  for (const vector of all) {
    const name = `${vector.api} ${vector.version}`
    const known = chosen.get(name)
    if (known === undefined || (vector.hex.length > known.hex.length && vector.hex.length < 500))
      chosen.set(name, vector)
  }
  return [...chosen.values()]
}
