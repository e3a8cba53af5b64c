import { describe, expect, it } from 'vitest'
import { type BatchVector, checkBatches } from '../../vectors/batches.ts'
import { readVectors } from '../../vectors/check.ts'

const vectors = readVectors(new URL('../../vectors/batches.jsonl.gz', import.meta.url).pathname)
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as BatchVector)

describe("Kafka's own record batches", () => {
  it('decode to what the official reader sees, and are rebuilt from it', () => {
    const failed = vectors.flatMap((vector) => checkBatches(vector).map((problem) => `${vector.what}: ${problem}`))
    expect(failed).toEqual([])
    expect(vectors.length).toBe(196)
  })

  it('are not passed when a header field, a record, validBytes or the bytes differ', () => {
    const vector = vectors.find(({ what }) => what === 'magic 2 none transactional')!
    const tampered: BatchVector[] = [
      { ...vector, batches: [{ ...vector.batches[0], producerEpoch: -7 }] },
      { ...vector, records: vector.records.slice(1) },
      { ...vector, validBytes: vector.validBytes - 1 },
      { ...vector, error: 'InvalidRecordException' },
      { ...vector, hex: `${vector.hex.slice(0, -2)}ff` },
    ]
    for (const each of tampered) expect(checkBatches(each)).not.toEqual([])
  })
})
