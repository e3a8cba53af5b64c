/** log: what lies beside the segments of a partition: snapshots of its producers, leader-epoch-checkpoint. Neither is synced: both can be made again. */
import { type LeaderEpochs, leaderEpochFileName } from './leader-epochs.ts'
import type { LogStorage } from './log-storage.ts'
import { encodeProducerSnapshot } from './producer-snapshot.ts'
import type { ProducerStates } from './producer-states.ts'
import { segmentFileName } from './segment.ts'

export class SideFiles {
  readonly #directory: string
  readonly #storage: LogStorage
  readonly #epochs: LeaderEpochs
  #newestSnapshotOffset: number
  #saving: Promise<void> = Promise.resolve()

  constructor(directory: string, storage: LogStorage, epochs: LeaderEpochs, newestSnapshotOffset: number) {
    this.#directory = directory
    this.#storage = storage
    this.#epochs = epochs
    this.#newestSnapshotOffset = newestSnapshotOffset
  }

  /** What is known of the producers at `offset`, unless that snapshot is there. */
  async takeSnapshot(offset: number, producers: ProducerStates): Promise<void> {
    if (offset <= this.#newestSnapshotOffset || offset === 0) return
    const path = `${this.#directory}/${segmentFileName(offset, '.snapshot')}`
    await this.#storage.files.replaceFile(path, encodeProducerSnapshot(producers.snapshot()), 'unsynced')
    this.#newestSnapshotOffset = offset
  }

  /** The log now ends at `offset`: snapshots behind it tell of what is gone. */
  async truncateSnapshots(offset: number): Promise<void> {
    this.#newestSnapshotOffset = -1
    for (const name of await this.#storage.files.list(this.#directory)) {
      if (!name.endsWith('.snapshot') || Number(name.slice(0, 20)) <= offset) continue
      await this.#storage.files.remove(`${this.#directory}/${name}`)
    }
  }

  /** In the background: recovery reads the epochs from the batches if it must. */
  saveEpochsSoon(): void {
    this.#saving = this.#saving
      .then(() => this.#saveEpochs())
      .catch((error: unknown) => {
        this.#storage.logger.warn({ directory: this.#directory, error }, 'leader-epoch-checkpoint could not be written')
      })
  }

  /** Waits for saves under way, and saves what the file must know of a log that ends at `logEndOffset`. */
  async settleEpochs(logEndOffset: number): Promise<void> {
    await this.#saving
    if (this.#epochs.isFileOutdated(logEndOffset)) await this.#saveEpochs()
  }

  /** Waits for saves under way. */
  async settle(): Promise<void> {
    await this.#saving
  }

  async #saveEpochs(): Promise<void> {
    if (!this.#epochs.isChanged) return
    const content = this.#epochs.format()
    this.#epochs.markSaved()
    try {
      await this.#storage.files.replaceFile(`${this.#directory}/${leaderEpochFileName}`, content, 'unsynced')
    } catch (error) {
      this.#epochs.isChanged = true
      throw error
    }
  }
}
