/** What is appended: batches of plain, idempotent and transactional producers, by chance. */
import { buildRecordBatch, type RecordToWrite } from '../../protocol/records/builder.ts'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import type { Codec } from '../../protocol/records/record-batch.ts'
import type { Chance } from './chance.ts'
import type { BatchToAppend, ModelRecord, PartitionModel } from './partition-model.ts'

const keys = 8
const idempotentIds = [10n, 11n, 12n]
const transactionalIds = [20n, 21n, 22n]

interface Producer {
  epoch: number
  nextSequence: number
  hasTransaction: boolean
}

/** Those that write to one partition, and what they will send next. */
export class Producers {
  readonly #chance: Chance
  readonly #known = new Map<bigint, Producer>()
  #values = 0

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** They go on behind what the log holds; where nobody can tell what that is, in a new epoch, as after an OUT_OF_ORDER_SEQUENCE_NUMBER. */
  restart(model: PartitionModel): void {
    this.#known.clear()
    for (const [id, { epoch, lastSequence, transactionFirstOffset, isDoubtful }] of model.producers()) {
      this.#known.set(id, { epoch, nextSequence: lastSequence + 1, hasTransaction: transactionFirstOffset >= 0 })
      if (isDoubtful) this.#bump(id)
    }
  }

  plain(nowMs: number, needsKeys: boolean): BatchToAppend {
    return {
      records: this.#records(nowMs, needsKeys),
      producerId: -1n,
      producerEpoch: -1,
      baseSequence: -1,
      isTransactional: false,
    }
  }

  idempotent(nowMs: number, needsKeys: boolean): BatchToAppend {
    const id = this.#chance.pick(idempotentIds)
    if (this.#chance.happens(0.05)) this.#bump(id)
    return this.#sequenced(id, false, this.#records(nowMs, needsKeys))
  }

  transactional(nowMs: number, needsKeys: boolean): BatchToAppend {
    const id = this.#chance.pick(transactionalIds)
    this.#producer(id).hasTransaction = true
    return this.#sequenced(id, true, this.#records(nowMs, needsKeys))
  }

  /** The end of a transaction: an open one's, or a superfluous one. */
  marker(nowMs: number): BatchToAppend | undefined {
    const open = transactionalIds.filter((id) => this.#known.get(id)?.hasTransaction === true)
    const known = transactionalIds.filter((id) => this.#known.has(id))
    const candidates = open.length > 0 && !this.#chance.happens(0.1) ? open : known
    if (candidates.length === 0) return undefined
    const producerId = this.#chance.pick(candidates)
    const producer = this.#producer(producerId)
    producer.hasTransaction = false
    if (this.#chance.happens(0.3)) this.#bump(producerId)
    return {
      records: [{ key: null, value: null, timestamp: nowMs }],
      producerId,
      producerEpoch: producer.epoch,
      baseSequence: -1,
      isTransactional: true,
      marker: this.#chance.pick(['ABORT', 'COMMIT']),
      coordinatorEpoch: 0,
    }
  }

  #sequenced(producerId: bigint, isTransactional: boolean, records: ModelRecord[]): BatchToAppend {
    const producer = this.#producer(producerId)
    const baseSequence = producer.nextSequence
    producer.nextSequence += records.length
    return { records, producerId, producerEpoch: producer.epoch, baseSequence, isTransactional }
  }

  #bump(id: bigint): void {
    const producer = this.#producer(id)
    producer.epoch += 1
    producer.nextSequence = 0
  }

  #producer(id: bigint): Producer {
    const known = this.#known.get(id) ?? { epoch: 0, nextSequence: 0, hasTransaction: false }
    this.#known.set(id, known)
    return known
  }

  #records(nowMs: number, needsKeys: boolean): ModelRecord[] {
    return Array.from({ length: this.#chance.pick([1, 1, 2, 3, 5]) }, () => {
      this.#values += 1
      const hasKey = needsKeys || this.#chance.happens(0.8)
      return {
        key: hasKey ? `key ${this.#chance.below(keys)}` : null,
        value: this.#chance.happens(0.15) ? null : `${this.#values}${'.'.repeat(this.#chance.below(60))}`,
        timestamp: nowMs + this.#chance.pick([0, 0, 0, -1, 1, -3000, 500]),
      }
    })
  }
}

/** The bytes that a producer sends, or a coordinator writes. */
export function bytesOf(batch: BatchToAppend, codec: Codec): Buffer {
  const { records, producerId, producerEpoch, baseSequence, isTransactional, marker, coordinatorEpoch = 0 } = batch
  if (marker !== undefined) {
    const { timestamp } = records[0]!
    return buildEndTransactionMarker({ type: marker, coordinatorEpoch, producerId, producerEpoch, timestamp })
  }
  const toWrite = records.map(
    ({ key, value, timestamp }): RecordToWrite => ({
      timestamp,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    }),
  )
  const producer = producerId < 0n ? {} : { producerId, producerEpoch, baseSequence }
  return buildRecordBatch({ codec, isTransactional, ...producer }, toWrite)
}
