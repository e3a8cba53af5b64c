/**
 * log: one of a log directory's offset checkpoints: the offsets of all its partitions, and when they are written. A change is
 * written some time later, with one timer for all partitions, or at once where something depends on it; without a change nothing is.
 */
import type { Cancel } from '../runtime/clock.ts'
import { SerialQueue } from '../runtime/serial-queue.ts'
import { type Offsets, readOffsets, writeOffsets } from './checkpoint-file.ts'
import type { LogStorage } from './log-storage.ts'

export interface CheckpointOptions {
  readonly path: string
  readonly storage: LogStorage
  /** How long after a change the file is written. */
  readonly intervalMs: number
  /** Brings the offsets of open partitions up to date. */
  readonly collect: (offsets: Offsets) => void
}

export class Checkpoint {
  readonly #options: CheckpointOptions
  /** What is to be written. */
  readonly #offsets: Offsets
  /** What was written the last time, without partitions that have gone since. */
  #written: Offsets
  /** The partitions that the file may name. */
  #namesInFile: Set<string>
  readonly #writes = new SerialQueue()
  #queued: Promise<void> | undefined
  #cancel: Cancel | undefined
  #isClosed = false

  private constructor(options: CheckpointOptions, offsets: Offsets) {
    this.#options = options
    this.#offsets = offsets
    this.#written = new Map(offsets)
    this.#namesInFile = new Set(offsets.keys())
  }

  /**
   * `exists`: the file is there. It only saves work, or can be told from the logs: one that makes no sense is as good as none. One that can't
   * be read is not: what was deleted would be there again.
   */
  static async load(options: CheckpointOptions, exists: boolean): Promise<Checkpoint> {
    const { path, storage } = options
    if (!exists) return new Checkpoint(options, new Map())
    try {
      return new Checkpoint(options, await readOffsets(storage.files, path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== undefined) throw error
      storage.logger.warn({ path, error }, 'a checkpoint file makes no sense and is ignored')
      return new Checkpoint(options, new Map())
    }
  }

  /** What the file says. */
  get(name: string): number | undefined {
    return this.#written.get(name)
  }

  /** What is known of a partition that is not open; undefined: nothing. Counts from the next `save` on. */
  put(name: string, offset: number | undefined): void {
    if (offset === undefined) this.#offsets.delete(name)
    else this.#offsets.set(name, offset)
  }

  /** Something has changed. */
  saveLater(): void {
    if (this.#cancel !== undefined || this.#isClosed) return
    this.#cancel = this.#options.storage.clock.after(this.#options.intervalMs, () => {
      this.#cancel = undefined
      void this.trySave()
    })
  }

  /** Writes what only saves work: where that fails it is tried again later. */
  async trySave(): Promise<void> {
    try {
      await this.save()
    } catch (error) {
      const { path, storage } = this.#options
      storage.logger.warn({ path, error }, 'a checkpoint file could not be written: it is tried again later')
      this.saveLater()
    }
  }

  /** Writes the file; once for all that ask before the write starts. */
  save(): Promise<void> {
    this.#queued ??= this.#writes.run(async () => {
      this.#queued = undefined
      this.#cancel?.()
      this.#cancel = undefined
      this.#options.collect(this.#offsets)
      const written = new Map(this.#offsets)
      for (const name of written.keys()) this.#namesInFile.add(name)
      await writeOffsets(this.#options.storage.files, this.#options.path, written)
      this.#namesInFile = new Set(written.keys())
      for (const name of written.keys()) if (!this.#offsets.has(name)) written.delete(name)
      this.#written = written
    })
    return this.#queued
  }

  /** The partition is gone. The file may name it until a new one of that name is made: thousands that go together cost no writes of their own. */
  forget(name: string): void {
    this.#offsets.delete(name)
    this.#written.delete(name)
    if (this.#namesInFile.has(name)) this.saveLater()
  }

  /** Resolves when the file says nothing of a partition that is about to be made: a crash must not leave it the offset of an older one. */
  async ensureForgotten(name: string): Promise<void> {
    this.#offsets.delete(name)
    this.#written.delete(name)
    if (this.#namesInFile.has(name)) await this.save()
  }

  /** No write starts by itself any more. */
  close(): void {
    this.#isClosed = true
    this.#cancel?.()
  }
}
