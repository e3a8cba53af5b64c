/**
 * log: what of one partition's log is on disk: the syncs under way, the bytes that wait for one, and the recovery point, behind which a start
 * after a crash believes nothing.
 */
import type { LogStorage } from './log-storage.ts'
import type { ProducerStates } from './producer-states.ts'
import type { Segments } from './segments.ts'
import type { SideFiles } from './side-files.ts'

/** The owner is told again after so many more dirty bytes. */
const dirtyStepBytes = 16 * 1024 * 1024

/** What is flushed, and who hears of it. */
export interface FlushParts {
  readonly storage: LogStorage
  readonly segments: Segments
  readonly sideFiles: SideFiles
  readonly producers: ProducerStates
  /** There are bytes to be made durable. */
  dirtied(): void
  /** `bytes` were made durable. */
  recoveryPointMoved(bytes: number): void
}

export class LogFlush {
  readonly #parts: FlushParts
  #syncs: Set<Promise<void>> | undefined
  #recoveryPoint: number
  #dirtyBytes = 0
  #truncations = 0
  #isClosed = false
  /** From here on flush.ms counts. */
  lastFlushMs: number

  constructor(parts: FlushParts, recoveryPoint: number) {
    this.#parts = parts
    this.#recoveryPoint = recoveryPoint
    this.lastFlushMs = parts.storage.clock.monotonicMs()
  }

  /** Everything below is on disk. */
  get recoveryPoint(): number {
    return this.#recoveryPoint
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes
  }

  /** The owner hears of it at the first byte, and each time that another step is full. */
  becomeDirty(bytes: number): void {
    const before = this.#dirtyBytes
    this.#dirtyBytes = before + bytes
    if (before === 0 || Math.floor(before / dirtyStepBytes) !== Math.floor(this.#dirtyBytes / dirtyStepBytes)) {
      this.#parts.dirtied()
    }
  }

  /** Makes all that is written, up to `upTo`, durable, then moves the recovery point: never past a byte whose sync has not returned. */
  flush(upTo: number): Promise<void> {
    const { storage, segments, sideFiles, producers } = this.#parts
    const bytes = this.#dirtyBytes
    const truncations = this.#truncations
    this.#dirtyBytes = 0
    this.lastFlushMs = storage.clock.monotonicMs()
    const flushed = sideFiles.beginFlush(bytes, upTo, producers)
    return this.#synced(async () => {
      await segments.sync()
      if (truncations !== this.#truncations || upTo <= this.#recoveryPoint) return
      if (!(await this.#areEpochsSaved(upTo)) || truncations !== this.#truncations) return
      this.#recoveryPoint = upTo
      this.#parts.recoveryPointMoved(bytes)
      if (!this.#isClosed) flushed()
    })
  }

  /** What an acknowledgement waits for. The recovery point stays: it also vouches for what lies beside the records. */
  async syncRecords(): Promise<void> {
    const { storage, segments } = this.#parts
    await this.#synced(() => segments.syncRecords())
    if (storage.failure !== undefined) throw storage.failure
  }

  /** The log is being cut: flushes under way say nothing of it any more. */
  beginTruncation(): void {
    this.#truncations += 1
  }

  /** Nothing behind `offset` counts as durable. */
  lower(offset: number): void {
    this.#recoveryPoint = Math.min(this.#recoveryPoint, offset)
  }

  /** No snapshot follows a flush any more. */
  close(): void {
    this.#isClosed = true
  }

  /** Resolves when no sync is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#syncs ?? [])
  }

  /** False: what recovery reads must not begin behind batches whose epochs only they tell. */
  async #areEpochsSaved(upTo: number): Promise<boolean> {
    const { storage, segments, sideFiles } = this.#parts
    try {
      await sideFiles.saveEpochs(upTo)
      return true
    } catch (error) {
      storage.logger.warn({ directory: segments.directory, error }, 'leader-epoch-checkpoint could not be written')
      return false
    }
  }

  /** A sync that has failed is never tried again: what is on disk is unknown from then on. */
  async #synced(sync: () => Promise<void>): Promise<void> {
    const { storage, segments } = this.#parts
    const syncing = sync().catch((error: unknown) => {
      throw storage.fail(segments.directory, error)
    })
    this.#syncs ??= new Set()
    const syncs = this.#syncs
    syncs.add(syncing)
    try {
      await syncing
    } finally {
      syncs.delete(syncing)
    }
  }
}
