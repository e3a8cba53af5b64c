/**
 * metadata: hands stored records to the rooms that registered their types. A type that nobody registered stays in the log and changes
 * nothing. Between BeginTransaction and EndTransaction (KIP-868) records wait; AbortTransaction drops them.
 */
import { type Decoded, type Fields, ProtocolError } from '../../protocol/schema/index.ts'
import {
  abortTransactionRecord,
  beginTransactionRecord,
  endTransactionRecord,
  readMetadataFrame,
  type StoredSchema,
} from '../../protocol/state/index.ts'

type Replay = (bytes: Buffer, offset: number) => void

export class Replayer {
  readonly #byType = new Map<number, Replay>()
  #transaction: { bytes: Buffer; offset: number }[] | undefined

  /** A BeginTransaction was replayed and its end was not. */
  get inTransaction(): boolean {
    return this.#transaction !== undefined
  }

  register<F extends Fields>(schema: StoredSchema<F>, replay: (record: Decoded<F>, offset: number) => void): void {
    if (this.#byType.has(schema.type)) throw new Error(`${schema.name} has two owners`)
    this.#byType.set(schema.type, (bytes, offset) => {
      const { version, body } = readMetadataFrame(bytes)
      replay(schema.codec(version).decode(body), offset)
    })
  }

  replay(bytes: Buffer, offset: number): void {
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

  #apply(bytes: Buffer, offset: number): void {
    const { type } = readMetadataFrame(bytes)
    try {
      this.#byType.get(type)?.(bytes, offset)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      throw new Error(`the metadata record at offset ${offset} is not one that this version knows: ${error.message}`)
    }
  }
}
