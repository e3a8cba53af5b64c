/**
 * metadata: hands stored records to the rooms that own their kinds, and writes down what all of them hold: Kafka's MetadataImage. Records
 * that nobody owns are kept as they are. Between BeginTransaction and EndTransaction (KIP-868) records wait; AbortTransaction drops them.
 */
import { type Decoded, type Fields, ProtocolError } from '../../protocol/schema/index.ts'
import {
  abortTransactionRecord,
  beginTransactionRecord,
  endTransactionRecord,
  readMetadataFrame,
  type StoredSchema,
} from '../../protocol/state/index.ts'
import { KeptRecords } from './kept-records.ts'
import type { MetadataRecord } from './metadata-record.ts'

/** In the order in which a snapshot has them: what comes first is needed to understand what follows. As in Kafka's MetadataImage.write. */
const imageParts = [
  'features',
  'cluster',
  'topics',
  'configs',
  'clientQuotas',
  'producerIds',
  'acls',
  'scram',
  'delegationTokens',
] as const

/** What one room owns. */
export type ImagePart = (typeof imageParts)[number]

/** Says how records of one kind are replayed; each kind has one owner. */
export type Register = <F extends Fields>(
  schema: StoredSchema<F>,
  replay: (record: Decoded<F>, offset: number) => void,
) => void

type Replay = (bytes: Buffer, offset: number) => void

export class Replayer {
  readonly #byType = new Map<number, Replay>()
  readonly #parts = new Map<ImagePart, () => Iterable<MetadataRecord>>()
  readonly #kept = new KeptRecords()
  #transaction: { bytes: Buffer; offset: number }[] | undefined
  #isEmpty = true

  /** A BeginTransaction was replayed and its end was not. */
  get inTransaction(): boolean {
    return this.#transaction !== undefined
  }

  /** No record was replayed yet. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  image(part: ImagePart, records: () => Iterable<MetadataRecord>): Register {
    if (this.#parts.has(part)) throw new Error(`the image's ${part} have two owners`)
    this.#parts.set(part, records)
    return (schema, replay) => {
      if (this.#byType.has(schema.type)) throw new Error(`${schema.name} has two owners`)
      this.#byType.set(schema.type, (bytes, offset) => {
        const { version, body } = readMetadataFrame(bytes)
        replay(schema.codec(version).decode(body), offset)
      })
    }
  }

  replay(bytes: Buffer, offset: number): void {
    this.#isEmpty = false
    const { type } = readMetadataFrame(bytes)
    if (type === beginTransactionRecord.type) this.#transaction = []
    else if (type === abortTransactionRecord.type) this.#transaction = undefined
    else if (type === endTransactionRecord.type) {
      const records = this.#transaction ?? []
      this.#transaction = undefined
      for (const record of records) this.#apply(record.bytes, record.offset)
    } else if (this.#transaction !== undefined) this.#transaction.push({ bytes, offset })
    else this.#apply(bytes, offset)
  }

  /** All that was replayed, as records that make the same again. Nothing may be replayed while they are taken. */
  *records(): Generator<MetadataRecord, void> {
    for (const part of imageParts) yield* this.#parts.get(part)?.() ?? []
    yield* this.#kept.records()
  }

  #apply(bytes: Buffer, offset: number): void {
    const { type } = readMetadataFrame(bytes)
    const replay = this.#byType.get(type)
    if (replay === undefined) {
      this.#kept.take(type, bytes)
      return
    }
    try {
      replay(bytes, offset)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      throw new Error(`the metadata record at offset ${offset} is not one that this version knows: ${error.message}`)
    }
  }
}
