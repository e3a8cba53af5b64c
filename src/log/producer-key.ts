/** log: a producer id as a key: a number while that is exact, which it is for all ids but made-up ones. */
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'

export type ProducerKey = number | bigint

const producerIdField = 43
const largestHighPart = 2 ** 21

export function keyOf(batch: RecordBatchView): ProducerKey {
  const high = batch.buffer.readInt32BE(batch.position + producerIdField)
  if (high < 0 || high >= largestHighPart) return batch.producerId
  return high * 2 ** 32 + batch.buffer.readUInt32BE(batch.position + producerIdField + 4)
}

export function toKey(producerId: bigint): ProducerKey {
  const key = Number(producerId)
  return Number.isSafeInteger(key) ? key : producerId
}
