/** log: what all partitions of a log directory need from time to time: retention, and to forget idle producers. */
import { nextTurn } from '../runtime/turns.ts'
import type { LocalPartitionLog } from './local-partition-log.ts'
import type { LogStorage } from './log-storage.ts'

const retentionChecksPerTurn = 64

export class LogUpkeep {
  readonly #storage: LogStorage
  readonly #open: ReadonlyMap<string, LocalPartitionLog>
  #cancelExpiration: () => void = () => {}
  #cancelRetention: () => void = () => {}
  #retention: Promise<void> | undefined
  #isClosed = false

  /** `open`: the partitions, as they come and go. */
  constructor(storage: LogStorage, open: ReadonlyMap<string, LocalPartitionLog>) {
    this.#storage = storage
    this.#open = open
    this.#scheduleExpiration()
    this.#scheduleRetention(storage.limits.initialTaskDelayMs)
  }

  /** Removes what the partitions need not keep any more: one after the other, some in each turn of the event loop. */
  enforceRetention(): Promise<void> {
    this.#retention ??= this.#enforceRetention().finally(() => {
      this.#retention = undefined
    })
    return this.#retention
  }

  /** Begins nothing any more. */
  close(): void {
    this.#isClosed = true
    this.#cancelExpiration()
    this.#cancelRetention()
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#retention
  }

  async #enforceRetention(): Promise<void> {
    for (const [index, log] of [...this.#open.values()].entries()) {
      if (this.#isClosed || this.#storage.failure !== undefined) return
      try {
        await log.enforceRetention()
      } catch (error) {
        // One that went offline has said why.
        if (log.failure !== undefined) continue
        this.#storage.logger.error({ directory: log.directory, error }, 'old segments could not be removed')
      }
      if (index % retentionChecksPerTurn === retentionChecksPerTurn - 1) await nextTurn()
    }
  }

  #scheduleRetention(delayMs: number): void {
    this.#cancelRetention = this.#storage.clock.after(delayMs, () => {
      void this.enforceRetention()
      this.#scheduleRetention(this.#storage.limits.retentionCheckIntervalMs)
    })
  }

  #scheduleExpiration(): void {
    this.#cancelExpiration = this.#storage.clock.after(this.#storage.limits.producerIdExpirationCheckIntervalMs, () => {
      for (const log of this.#open.values()) log.expireProducers()
      this.#scheduleExpiration()
    })
  }
}
