/**
 * What a partition's log must hold, told from what was asked of it and what it answered. Offsets are given in the order of the appends, so
 * the model knows each batch's place before the log confirms it.
 *
 *     start ≤ … durable ≤ surviving ≤ end
 *
 * Below `durableOffset` nothing may be lost in a power failure, below `survivingOffset` nothing in a crash of the process alone.
 */

export interface ModelRecord {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

/** A batch to append. */
export interface BatchToAppend {
  readonly records: readonly ModelRecord[]
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  /** It ends a transaction; the batch is a control batch then. */
  readonly marker?: 'ABORT' | 'COMMIT'
  readonly coordinatorEpoch?: number
}

export interface Entry extends BatchToAppend {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly leaderEpoch: number
  /** As it was sent. */
  readonly bytes: Buffer
  /** Number of the opening of its log in which it was appended. */
  readonly opening: number
  readonly appendedMs: number
  /** It was not durable in a power failure, and what came behind it may have survived without it: in a compacted log nobody misses it. */
  mayBeLost?: boolean
}

/** What is known of a producer. */
export interface ModelProducer {
  epoch: number
  lastSequence: number
  /** -1: none is open. */
  transactionFirstOffset: number
  /** Of its last batch or marker. */
  lastOffset: number
  lastDataOffset: number
  lastTimestampMs: number
  /** Its last batch may be lost. */
  isDoubtful: boolean
}

export interface ModelTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
  /** That of the marker. */
  readonly lastOffset: number
  readonly isAborted: boolean
}

export class PartitionModel {
  entries: Entry[] = []
  endOffset = 0
  /** Where the log starts at least, whatever happens. */
  startFloor = 0
  /** Where somebody has asked it to start, or retention may have let it start. */
  startCeiling = 0
  durableOffset = 0
  survivingOffset = 0

  place(batch: BatchToAppend, sent: Pick<Entry, 'bytes' | 'leaderEpoch' | 'opening' | 'appendedMs'>): Entry {
    const baseOffset = this.endOffset
    const lastOffset = baseOffset + Math.max(1, batch.records.length) - 1
    const entry = { ...batch, ...sent, baseOffset, lastOffset }
    this.entries.push(entry)
    this.endOffset = lastOffset + 1
    return entry
  }

  /** All before `offset` is there; what lies behind it is not. */
  cut(offset: number): void {
    this.entries = this.entries.filter((entry) => entry.lastOffset < offset)
    this.endOffset = offset
    this.durableOffset = Math.min(this.durableOffset, offset)
    this.survivingOffset = Math.min(this.survivingOffset, offset)
  }

  survives(offset: number): void {
    this.survivingOffset = Math.max(this.survivingOffset, offset)
  }

  isDurable(offset: number): void {
    this.durableOffset = Math.max(this.durableOffset, offset)
    this.survives(offset)
  }

  /** Where the batch starts that holds `offset`; the end if none does. */
  batchStart(offset: number): number {
    return this.entryAt(offset)?.baseOffset ?? this.endOffset
  }

  entryAt(offset: number): Entry | undefined {
    const entry = this.entries[this.indexOf(offset)]
    return entry !== undefined && entry.baseOffset <= offset ? entry : undefined
  }

  /** Number of the first batch that ends with `offset` or later. */
  indexOf(offset: number): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.entries[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  isBoundary(offset: number): boolean {
    return offset === this.endOffset || this.entryAt(offset)?.baseOffset === offset
  }

  /** By producer id, of all batches or of those that `tells` says still tell of their producer. */
  producers(tells: (entry: Entry) => boolean = () => true): Map<bigint, ModelProducer> {
    return this.#replay(tells).producers
  }

  transactions(): ModelTransaction[] {
    return this.#replay(() => true).transactions
  }

  #replay(tells: (entry: Entry) => boolean): {
    producers: Map<bigint, ModelProducer>
    transactions: ModelTransaction[]
  } {
    const producers = new Map<bigint, ModelProducer>()
    const transactions: ModelTransaction[] = []
    for (const entry of this.entries) {
      const { producerId, producerEpoch, baseOffset, lastOffset, records } = entry
      if (producerId < 0n || !tells(entry)) continue
      const fresh = { lastSequence: -1, transactionFirstOffset: -1, lastDataOffset: -1 }
      const producer = producers.get(producerId) ?? {
        ...fresh,
        epoch: -1,
        lastOffset: -1,
        lastTimestampMs: -1,
        isDoubtful: false,
      }
      producers.set(producerId, producer)
      if (producer.epoch !== producerEpoch) Object.assign(producer, { epoch: producerEpoch, lastSequence: -1 })
      producer.lastOffset = lastOffset
      producer.isDoubtful = entry.mayBeLost === true
      producer.lastTimestampMs = Math.max(...records.map(({ timestamp }) => timestamp))
      if (entry.marker !== undefined) {
        const firstOffset = producer.transactionFirstOffset
        const isAborted = entry.marker === 'ABORT'
        if (firstOffset >= 0) transactions.push({ producerId, firstOffset, lastOffset, isAborted })
        producer.transactionFirstOffset = -1
        continue
      }
      producer.lastDataOffset = baseOffset
      producer.lastSequence = entry.baseSequence + records.length - 1
      if (entry.isTransactional && producer.transactionFirstOffset < 0) producer.transactionFirstOffset = baseOffset
    }
    return { producers, transactions }
  }
}
