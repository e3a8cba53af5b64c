/** What readers are told of transactions, against a model: last stable offset, aborted transactions of a range, across rolls, restarts and truncations. */
import { describe, expect, it } from 'vitest'
import { batchesIn } from '../../protocol/records/batches.ts'
import { buildEndTransactionMarker } from '../../protocol/records/control-records.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import type { LogDirectory } from '../../src/log/log-directory.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { batch, openDirectory, openLog, startMs } from './fixtures.ts'

interface Written {
  readonly offset: number
  readonly producerId: bigint
  readonly kind: 'plain' | 'data' | 'ABORT' | 'COMMIT'
}

interface Aborted {
  readonly producerId: bigint
  readonly firstOffset: number
  readonly lastOffset: number
}

/** All that was written, each batch with one record. */
class Model {
  written: Written[] = []
  logStartOffset = 0

  get nextOffset(): number {
    return this.written.length
  }

  /** Open transactions by producer, and those that were aborted, by their markers. */
  transactions(): { open: Map<bigint, number>; aborted: Aborted[] } {
    const open = new Map<bigint, number>()
    const aborted: Aborted[] = []
    for (const { offset, producerId, kind } of this.written) {
      const firstOffset = open.get(producerId)
      if (kind === 'data' && firstOffset === undefined) open.set(producerId, offset)
      if (kind !== 'ABORT' && kind !== 'COMMIT') continue
      open.delete(producerId)
      if (kind === 'ABORT' && firstOffset !== undefined) aborted.push({ producerId, firstOffset, lastOffset: offset })
    }
    return { open, aborted }
  }

  get lastStableOffset(): number {
    const first = Math.min(this.nextOffset, ...this.transactions().open.values())
    return Math.max(first, this.logStartOffset)
  }

  abortedBetween(from: number, upTo: number): Omit<Aborted, 'lastOffset'>[] {
    return this.transactions()
      .aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < upTo)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }
}

class Run {
  readonly random: SeededRandom
  readonly model = new Model()
  files = new MemoryFileSystem()
  directory!: LogDirectory
  log!: LocalPartitionLog

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
  }

  async open(): Promise<void> {
    this.directory = await openDirectory(this.files)
    this.log = await openLog(this.directory, { segmentBytes: 600 })
  }

  async step(): Promise<void> {
    const chance = this.random.fraction()
    if (chance < 0.55) await this.#append()
    else if (chance < 0.8) await this.#end()
    else if (chance < 0.86) await this.#restart()
    else if (chance < 0.92) await this.#truncate()
    else if (chance < 0.94) await this.#deleteRecords()
    else await this.#check()
  }

  #upTo(most: number): number {
    return Math.floor(this.random.fraction() * most)
  }

  async #append(): Promise<void> {
    const producerId = BigInt(this.#upTo(4))
    const isPlain = producerId === 3n
    const header = isPlain ? {} : { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true }
    const { baseOffset } = await this.log.append(batch(1, {}, header), 'coordinator')
    expect(baseOffset).toBe(this.model.nextOffset)
    this.model.written.push({ offset: baseOffset, producerId, kind: isPlain ? 'plain' : 'data' })
  }

  async #end(): Promise<void> {
    const producerId = BigInt(this.#upTo(3))
    const type = this.random.fraction() < 0.6 ? 'ABORT' : 'COMMIT'
    const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: startMs, type } as const
    const { baseOffset } = await this.log.append(buildEndTransactionMarker(marker), 'coordinator')
    this.model.written.push({ offset: baseOffset, producerId, kind: type })
  }

  async #restart(): Promise<void> {
    if (this.random.fraction() < 0.5) {
      await this.directory.close()
    } else {
      await this.log.flush()
      await this.directory.checkpoint()
      this.files = this.files.afterCrash()
    }
    await this.open()
  }

  async #truncate(): Promise<void> {
    const { logStartOffset, nextOffset } = this.model
    const offset = Math.max(logStartOffset, nextOffset - this.#upTo(6))
    await this.log.truncate(offset)
    this.model.written.length = Math.min(nextOffset, offset)
  }

  async #deleteRecords(): Promise<void> {
    const offset = Math.min(this.model.nextOffset, this.model.logStartOffset + this.#upTo(3))
    this.model.logStartOffset = await this.log.deleteRecordsBefore(offset)
  }

  async #check(): Promise<void> {
    const { model, log } = this
    expect(log.logEndOffset).toBe(model.nextOffset)
    expect(log.lastStableOffset).toBe(model.lastStableOffset)
    for (let from = model.logStartOffset; from <= model.lastStableOffset; from += 1 + this.#upTo(3)) {
      const maxBytes = 50 + this.#upTo(1500)
      const result = await log.read(from, { maxBytes, minOneBatch: true, isolation: 'txn_committed' })
      const upTo = [...batchesIn(Buffer.concat(result.records))].at(-1)?.nextOffset ?? from
      expect(upTo).toBeLessThanOrEqual(model.lastStableOffset)
      expect(result.lastStableOffset).toBe(model.lastStableOffset)
      const expected = upTo === from ? [] : model.abortedBetween(from, upTo)
      expect(result.abortedTransactions).toEqual(expected)
    }
  }

  async finish(): Promise<void> {
    await this.#check()
    await this.directory.close()
  }
}

describe('a read_committed reader', () => {
  it.each(Array.from({ length: 12 }, (_, index) => index + 1))('learns what a model knows, seed %i', async (seed) => {
    const run = new Run(seed)
    await run.open()
    for (let step = 0; step < 150; step += 1) await run.step()
    await run.finish()
  })
})
