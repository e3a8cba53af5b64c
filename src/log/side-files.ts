/**
 * log: what lies beside the segments of a partition: snapshots of its producers, which are not synced, as they can be made again, and
 * leader-epoch-checkpoint, which tells of all below the recovery point, where no start reads the batches.
 *
 * Snapshots are taken where a segment begins, at a clean stop, and between these of what a flush has made durable: so much less has to
 * be read after a crash. Of the last kind there is one, which goes when there is a newer snapshot.
 */
import type { Cancel } from '../runtime/clock.ts'
import { settled } from '../runtime/serial-queue.ts'
import { type LeaderEpochs, leaderEpochFileName } from './leader-epochs.ts'
import type { LogStorage } from './log-storage.ts'
import { encodeProducerSnapshot, type SnapshotEntry } from './producer-snapshot.ts'
import type { ProducerStates } from './producer-states.ts'
import { segmentFileName } from './segment-files.ts'

/**
 * A snapshot has the last batch of each producer only. By then those before it have been answered, so that no producer sends them again after
 * a crash.
 */
const snapshotDelayMs = 1000

export class SideFiles {
  readonly #directory: string
  readonly #storage: LogStorage
  readonly #epochs: LeaderEpochs
  #newestSnapshotOffset: number
  /** The newest is within a segment. */
  #isNewestWithin: boolean
  #bytesSinceSnapshot = 0
  #cancelSnapshot: Cancel | undefined
  #saving: Promise<void> = settled

  /** `newestSnapshot`: offset -1 if there is none. */
  constructor(
    directory: string,
    storage: LogStorage,
    epochs: LeaderEpochs,
    newestSnapshot: { readonly offset: number; readonly isWithinSegment: boolean },
  ) {
    this.#directory = directory
    this.#storage = storage
    this.#epochs = epochs
    this.#newestSnapshotOffset = newestSnapshot.offset
    this.#isNewestWithin = newestSnapshot.isWithinSegment
  }

  /** What is known of the producers at `offset`, unless that snapshot is there. */
  async takeSnapshot(offset: number, producers: ProducerStates): Promise<void> {
    await this.#saveSnapshot(offset, producers.snapshot(), false)
  }

  /**
   * A flush of `bytes` begins. Returns what is to be called once all that is written now, up to `offset`, is durable: then a snapshot of the
   * producers as they are now is taken soon, if enough has come since the last one.
   */
  beginFlush(bytes: number, offset: number, producers: ProducerStates): () => void {
    this.#bytesSinceSnapshot += bytes
    const isDue = this.#bytesSinceSnapshot >= this.#storage.limits.producerSnapshotIntervalBytes
    if (!isDue || this.#cancelSnapshot !== undefined) return () => {}
    const entries = producers.snapshot()
    return () => {
      this.#cancelSnapshot ??= this.#storage.clock.after(snapshotDelayMs, () => {
        this.#cancelSnapshot = undefined
        const saved = this.#saving.then(() => this.#saveSnapshot(offset, entries, true))
        this.#saving = saved.catch((error: unknown) => {
          this.#storage.logger.warn({ directory: this.#directory, error }, 'a producer snapshot could not be written')
        })
      })
    }
  }

  async #saveSnapshot(offset: number, entries: readonly SnapshotEntry[], isWithinSegment: boolean): Promise<void> {
    if (offset <= this.#newestSnapshotOffset || offset === 0) return
    await this.#storage.files.replaceFile(this.#snapshotPath(offset), encodeProducerSnapshot(entries), 'unsynced')
    const replaced = this.#isNewestWithin ? this.#newestSnapshotOffset : undefined
    this.#newestSnapshotOffset = offset
    this.#isNewestWithin = isWithinSegment
    this.#bytesSinceSnapshot = 0
    if (replaced !== undefined) await this.#storage.files.remove(this.#snapshotPath(replaced))
  }

  #snapshotPath(offset: number): string {
    return `${this.#directory}/${segmentFileName(offset, '.snapshot')}`
  }

  /** The log now ends at `offset`: snapshots behind it tell of what is gone. */
  async truncateSnapshots(offset: number): Promise<void> {
    await this.settle()
    this.#newestSnapshotOffset = -1
    this.#isNewestWithin = false
    for (const name of await this.#storage.files.list(this.#directory)) {
      if (!name.endsWith('.snapshot') || Number(name.slice(0, 20)) <= offset) continue
      await this.#storage.files.remove(`${this.#directory}/${name}`)
    }
  }

  /** Makes durable what is known of the epochs of the batches below `offset`. */
  saveEpochs(offset: number): Promise<void> {
    const saved = this.#saving.then(async () => {
      if (!this.#epochs.isOutdated(offset)) return
      const { content, done } = this.#epochs.startSaving()
      await this.#storage.files.replaceFile(`${this.#directory}/${leaderEpochFileName}`, content)
      done()
    })
    this.#saving = saved.catch(() => {})
    return saved
  }

  /** Waits for saves under way; a snapshot that was to be taken soon is not. */
  async settle(): Promise<void> {
    this.#cancelSnapshot?.()
    this.#cancelSnapshot = undefined
    await this.#saving
  }
}
