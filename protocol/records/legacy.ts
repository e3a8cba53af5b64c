/**
 * protocol/records: messages of magic 0 and 1: plain, or a wrapper whose value is a compressed message set.
 *
 *     wrapper, magic 1: its offset is that of the last inner message; inner offsets count from 0 (relative)
 *     wrapper, magic 0: inner offsets are absolute
 *
 * Source: KIP-31 (relative offsets), KIP-32 (timestamps), and what Kafka's legacy iterator refuses.
 */
import { KafkaError } from '../errors.ts'
import { batchSizeAt } from './batches.ts'
import { type DecompressOptions, decompress } from './compression.ts'
import { ensureCrcValidAt, logOverhead, noTimestamp, RecordBatchView, readInt32 } from './record-batch.ts'

export interface LegacyMessage {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

const keyV0 = logOverhead + 6
const keyV1 = logOverhead + 14

/** The message itself, or those inside the wrapper; their checksums are checked, the wrapper's own is the caller's to check. */
export function legacyMessagesOf(batch: RecordBatchView, options: DecompressOptions): readonly LegacyMessage[] {
  return batch.isCompressed ? innerMessages(batch, options) : [plainMessage(batch)]
}

function plainMessage(batch: RecordBatchView): LegacyMessage {
  const { key, value } = keyAndValue(batch)
  return { offset: batch.baseOffset, timestamp: batch.maxTimestamp, key, value }
}

function innerMessages(wrapper: RecordBatchView, options: DecompressOptions): LegacyMessage[] {
  const { magic, codec } = wrapper
  if (codec === 'zstd') throw invalid(`Invalid wrapper compressionType found in legacy deep record iterator ${codec}`)
  const { value } = keyAndValue(wrapper)
  if (value === null) throw invalid(`Found invalid compressed record set with null value (magic = ${magic})`)
  const bytes = decompress(codec, value, { ...options, magic })
  const appendTime = wrapper.timestampType === 'LogAppendTime' ? wrapper.maxTimestamp : undefined
  const messages: { offset: number; timestamp: number; key: Buffer | null; value: Buffer | null }[] = []
  for (let at = 0, size = 0; ; at += size) {
    size = batchSizeAt(bytes, at)
    if (size === 0) break
    const inner = new RecordBatchView(bytes, at)
    if (inner.magic !== magic) {
      throw invalid(`Compressed message magic ${inner.magic} does not match wrapper magic ${magic}`)
    }
    if (inner.isCompressed) throw invalid('Inner message must not be compressed')
    ensureCrcValidAt(bytes, at)
    const message = plainMessage(inner)
    messages.push({ ...message, timestamp: magic === 0 ? noTimestamp : (appendTime ?? message.timestamp) })
  }
  const last = messages.at(-1)
  if (last === undefined) throw invalid('Found invalid compressed record set with no inner records')
  if (magic === 1) {
    const base = absoluteBaseOffset(wrapper.baseOffset, last.offset)
    for (const message of messages) message.offset += base
  }
  return messages
}

function absoluteBaseOffset(wrapperOffset: number, lastInnerOffset: number): number {
  if (wrapperOffset === 0) return 0 // as some producers send it: inner offsets are then absolute
  if (wrapperOffset < lastInnerOffset) {
    throw invalid(
      `Found invalid wrapper offset in compressed v1 message set, wrapper offset '${wrapperOffset}' is less than the last inner message offset '${lastInnerOffset}' and it is not zero`,
    )
  }
  return wrapperOffset - lastInnerOffset
}

function keyAndValue(message: RecordBatchView): { key: Buffer | null; value: Buffer | null } {
  const { buffer, position } = message
  const end = position + message.sizeInBytes
  const keyField = position + (message.magic === 0 ? keyV0 : keyV1)
  const key = sizeDelimited(buffer, keyField, end)
  return { key, value: sizeDelimited(buffer, keyField + 4 + (key?.length ?? 0), end) }
}

function sizeDelimited(buffer: Buffer, at: number, end: number): Buffer | null {
  if (end - at < 4) throw invalid('Incorrect declared message size, premature EOF reached')
  const length = readInt32(buffer, at)
  if (length < 0) return null
  if (length > end - at - 4)
    throw invalid(`Invalid message: ${length} bytes expected, but only ${end - at - 4} are left`)
  return buffer.subarray(at + 4, at + 4 + length)
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_RECORD', message)
}
