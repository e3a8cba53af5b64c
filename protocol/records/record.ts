/**
 * protocol/records: the records inside a batch of any magic, read one by one; keys and values are views.
 *
 *     magic 2, one record; a varint is zigzag: (n << 1) ^ (n >> 31), seven bits a byte, lowest first
 *     varint length | int8 attributes (unused) | varlong timestampDelta | varint offsetDelta | varint keyLength (-1: null) | key
 *     | varint valueLength (-1: null) | value | varint headerCount | { varint keyLength | key | varint valueLength (-1: null) | value }*
 *
 * Source: Kafka's "Messages" implementation page, and what DefaultRecord and DefaultRecordBatch refuse.
 */
import { KafkaError } from '../errors.ts'
import { type DecompressOptions, decompress } from './compression.ts'
import { legacyMessagesOf } from './legacy.ts'
import { incrementSequence, noSequence, type RecordBatchView } from './record-batch.ts'

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/** headerCount 0. */
export const noHeaders: Buffer = Buffer.alloc(1)

export class KafkaRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** From headerCount to the record's end: what a rewritten batch takes over as it is. */
  readonly encodedHeaders: Buffer
  readonly sequence: number

  constructor(
    offset: number,
    timestamp: number,
    key: Buffer | null,
    value: Buffer | null,
    encodedHeaders: Buffer = noHeaders,
    sequence: number = noSequence,
  ) {
    this.offset = offset
    this.timestamp = timestamp
    this.key = key
    this.value = value
    this.encodedHeaders = encodedHeaders
    this.sequence = sequence
  }

  /** Decoded anew each time. */
  get headers(): RecordHeader[] {
    return this.encodedHeaders === noHeaders ? [] : decodeHeaders(this.encodedHeaders)
  }
}

/** Every record of the batch. @throws KafkaError as `RecordCursor`, and as `decompress`. */
export function* recordsOf(batch: RecordBatchView, options: DecompressOptions = {}): Generator<KafkaRecord, void> {
  if (batch.magic < 2) {
    for (const message of legacyMessagesOf(batch, options)) {
      yield new KafkaRecord(message.offset, message.timestamp, message.key, message.value)
    }
    return
  }
  const cursor = recordCursor(batch, options)
  while (cursor.next()) yield cursor.record()
}

/** A cursor before the first record of a magic 2 batch. @throws KafkaError as `decompress`. */
export function recordCursor(batch: RecordBatchView, options: DecompressOptions = {}): RecordCursor {
  return new RecordCursor(batch, decompress(batch.codec, batch.recordBytes, options))
}

/**
 * Walks the records of one magic 2 batch without making an object of any: `while (cursor.next()) …` and then its fields are of that record.
 * Each record is checked whole, also its headers.
 */
export class RecordCursor {
  /** The records, decompressed. */
  readonly bytes: Buffer
  readonly recordCount: number
  readonly baseOffset: number
  readonly baseTimestamp: number
  readonly baseSequence: number
  /** With LogAppendTime the one time of all records, else undefined. */
  readonly logAppendTime: number | undefined
  /** Of the record in its batch, from 0; -1 before the first. */
  index = -1
  attributes = 0
  timestampDelta = 0
  offsetDelta = 0
  keyStart = 0
  /** -1: null. */
  keyLength = -1
  valueStart = 0
  /** -1: null. */
  valueLength = -1
  headerCount = 0
  headersStart = 0
  /** Where the record ends in `bytes`. */
  end = 0
  #at = 0

  /** @throws KafkaError INVALID_RECORD for a negative record count. */
  constructor(batch: RecordBatchView, bytes: Buffer) {
    this.bytes = bytes
    this.recordCount = batch.recordCount
    this.baseOffset = batch.baseOffset
    this.baseTimestamp = batch.baseTimestamp
    this.baseSequence = batch.baseSequence
    this.logAppendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : undefined
    if (this.recordCount < 0) throw invalid(`Found invalid record count ${this.recordCount} in magic v2 batch`)
  }

  get offset(): number {
    return this.baseOffset + this.offsetDelta
  }

  get timestamp(): number {
    return this.logAppendTime ?? this.baseTimestamp + this.timestampDelta
  }

  /** The producer's time, also where LogAppendTime hides it. */
  get createTimestamp(): number {
    return this.baseTimestamp + this.timestampDelta
  }

  get sequence(): number {
    return this.baseSequence < 0 ? noSequence : incrementSequence(this.baseSequence, this.offsetDelta)
  }

  get hasKey(): boolean {
    return this.keyLength >= 0
  }

  get key(): Buffer | null {
    return this.keyLength < 0 ? null : this.bytes.subarray(this.keyStart, this.keyStart + this.keyLength)
  }

  get value(): Buffer | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueStart, this.valueStart + this.valueLength)
  }

  get encodedHeaders(): Buffer {
    return this.headerCount === 0 ? noHeaders : this.bytes.subarray(this.headersStart, this.end)
  }

  record(): KafkaRecord {
    return new KafkaRecord(this.offset, this.timestamp, this.key, this.value, this.encodedHeaders, this.sequence)
  }

  /**
   * Moves to the next record; false after the last.
   * @throws KafkaError INVALID_RECORD for a record that is not as long as it says or ends after the batch, a length or count that can't be, a
   * header without a key, and bytes after the last record.
   */
  next(): boolean {
    if (this.index + 1 >= this.recordCount) return false
    this.index++
    const { bytes } = this
    this.end = bytes.length
    const size = this.#varint()
    const remaining = bytes.length - this.#at
    if (size < 0 || size > remaining) {
      throw invalid(
        `Invalid record size: expected ${size} bytes in record payload, but instead the buffer has only ${remaining} remaining bytes`,
      )
    }
    this.end = this.#at + size
    if (size === 0) throw endsEarly()
    this.attributes = bytes[this.#at++]!
    this.timestampDelta = this.#varlong()
    this.offsetDelta = this.#varint()
    this.keyLength = this.#length()
    this.keyStart = this.#at
    if (this.keyLength > 0) this.#at += this.keyLength
    this.valueLength = this.#length()
    this.valueStart = this.#at
    if (this.valueLength > 0) this.#at += this.valueLength
    this.headersStart = this.#at
    this.headerCount = this.#varint()
    if (this.headerCount !== 0) this.#skipHeaders()
    if (this.#at !== this.end) {
      throw invalid(
        `Invalid record size: expected to read ${size} bytes in record payload, but ${this.end - this.#at} are left`,
      )
    }
    if (this.index + 1 === this.recordCount && this.end !== bytes.length) {
      throw invalid('Incorrect declared batch size, records still remaining in file')
    }
    return true
  }

  #skipHeaders(): void {
    const count = this.headerCount
    if (count < 0) throw invalid(`Found invalid number of record headers ${count}`)
    if (count > this.end - this.#at) {
      throw invalid(`Found invalid number of record headers. ${count} is larger than the remaining size of the buffer`)
    }
    for (let left = count; left > 0; left--) {
      const keyLength = this.#length()
      if (keyLength < 0) throw invalid(`Invalid negative header key size ${keyLength}`)
      this.#at += keyLength
      const valueLength = this.#length()
      if (valueLength > 0) this.#at += valueLength
    }
  }

  /** A length that the rest of the record can hold; negative for null. */
  #length(): number {
    const length = this.#varint()
    if (length > this.end - this.#at) throw endsEarly()
    return length
  }

  #varint(): number {
    const { bytes, end } = this
    let at = this.#at
    if (at >= end) throw endsEarly()
    let byte = bytes[at++]!
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw invalid('Found invalid record structure: varint is too long')
      if (at >= end) throw endsEarly()
      byte = bytes[at++]!
      value |= (byte & 0x7f) << shift
    }
    this.#at = at
    return (value >>> 1) ^ -(value & 1)
  }

  /** Exact within ±2^52, which differences of times are. */
  #varlong(): number {
    const { bytes, end } = this
    let at = this.#at
    if (at >= end) throw endsEarly()
    let byte = bytes[at++]!
    if (byte < 0x80) {
      this.#at = at
      return (byte >>> 1) ^ -(byte & 1)
    }
    const isOdd = (byte & 1) !== 0
    let value = byte & 0x7f
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      if (scale > 2 ** 63) throw invalid('Found invalid record structure: varlong is too long')
      if (at >= end) throw endsEarly()
      byte = bytes[at++]!
      value += (byte & 0x7f) * scale
    }
    this.#at = at
    return isOdd ? -(value + 1) / 2 : value / 2
  }
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_RECORD', message)
}

function endsEarly(): KafkaError {
  return invalid('Incorrect declared batch size, premature EOF reached')
}

/** Headers that a cursor has checked. */
function decodeHeaders(encoded: Buffer): RecordHeader[] {
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = encoded[at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
  }
  const headers: RecordHeader[] = []
  for (let left = varint(); left > 0; left--) {
    const keyLength = varint()
    const key = encoded.toString('utf8', at, at + keyLength)
    at += keyLength
    const valueLength = varint()
    headers.push({ key, value: valueLength < 0 ? null : encoded.subarray(at, at + valueLength) })
    if (valueLength > 0) at += valueLength
  }
  return headers
}
