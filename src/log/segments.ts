/** log: the segments of one partition in the order of their offsets; the last one is the active one. */
import { settled } from '../runtime/serial-queue.ts'
import type { LogConfig } from './log-config.ts'
import type { LogStorage } from './log-storage.ts'
import { syncPartitionMetadata } from './partition-metadata.ts'
import { Segment } from './segment.ts'

export class Segments {
  readonly directory: string
  readonly #storage: LogStorage
  readonly #segments: Segment[]
  /** Names have come or gone since the directory was synced. */
  isDirectoryChanged = false
  /** So has the directory's own name in the log directory. */
  isDirectoryNew = false
  /** Names may have gone since then that are not to come back. */
  mayHaveDropped = false
  /** One more each time that segments have left the log. */
  changes = 0
  /** Resolves when no files change their names. */
  #replaced: Promise<void> = settled
  /** Stays rejected: after a failure nothing is promised any more. */
  #namesSynced: Promise<void> = settled

  constructor(directory: string, storage: LogStorage, segments: Segment[]) {
    this.directory = directory
    this.#storage = storage
    this.#segments = segments
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  get active(): Segment {
    return this.#segments[this.#segments.length - 1]!
  }

  get sizeInBytes(): number {
    let size = 0
    for (const segment of this.#segments) size += segment.size
    return size
  }

  get unsyncedBytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.size - Math.max(0, segment.syncedSize)
    return bytes
  }

  /** Number of the segment that holds `offset`; the first one for offsets below it. */
  indexOf(offset: number): number {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  beginsAt(offset: number): boolean {
    return this.#segments[this.indexOf(offset)]!.baseOffset === offset
  }

  /** Ends the active segment and starts one at `baseOffset`. */
  async roll(baseOffset: number, config: LogConfig): Promise<void> {
    const previous = this.active
    const next = newSegment(this.directory, baseOffset, this.#storage, config)
    await previous.seal()
    await next.create(preallocatedBytes(config))
    this.#segments.push(next)
    this.isDirectoryChanged = true
  }

  /** Removes everything and starts again at `baseOffset`. */
  async restartAt(baseOffset: number, config: LogConfig): Promise<void> {
    for (const segment of this.#segments.splice(0)) await segment.removeFiles()
    const first = newSegment(this.directory, baseOffset, this.#storage, config)
    await first.create(preallocatedBytes(config))
    this.#segments.push(first)
    this.isDirectoryChanged = true
  }

  /**
   * Drops the segments behind number `last`, which becomes the active one; its indexes must be resumed. The last one goes first, so that
   * a crash leaves no gap. `syncRecords` makes it durable.
   */
  async dropBehind(last: number): Promise<void> {
    for (const segment of this.#segments.splice(last + 1).reverse()) await segment.removeFiles()
    this.isDirectoryChanged = true
    this.mayHaveDropped = true
  }

  /** Removes those that lie wholly below `offset`. */
  async removeBelow(offset: number): Promise<void> {
    const isBelow = (_: Segment, index: number): boolean =>
      (this.#segments[index + 1]?.baseOffset ?? offset + 1) <= offset
    for (const segment of this.#segments.splice(0, this.#segments.findLastIndex(isBelow) + 1))
      await segment.removeFiles()
  }

  /** Takes the `count` oldest out of the log; the active segment stays. Their files are the caller's to remove. */
  dropOldest(count: number): Segment[] {
    const dropped = this.#segments.splice(0, Math.min(count, this.#segments.length - 1))
    this.changes += 1
    for (const segment of dropped) segment.retire()
    return dropped
  }

  /**
   * `compacted` takes the place of `old`, which lie one behind the other, once `rename` has given its files their names. Until then who would have
   * to open one of the old ones waits for `settled`; who has them open reads on.
   */
  async replace(old: readonly Segment[], compacted: Segment, rename: () => Promise<void>): Promise<void> {
    let settle!: () => void
    this.#replaced = new Promise((resolve) => {
      settle = resolve
    })
    try {
      for (const segment of old) segment.retire()
      await rename()
      this.#segments.splice(this.#segments.indexOf(old[0]!), old.length, compacted)
      this.changes += 1
    } finally {
      settle()
    }
  }

  /** Resolves when no replacement is under way. */
  settled(): Promise<void> {
    return this.#replaced
  }

  /** Makes all that is written durable. */
  async sync(): Promise<void> {
    await this.#syncEach((segment) => segment.sync(), [...this.#segments])
  }

  /** Makes the records durable, which is what an acknowledgement promises; `sync` does the rest later. */
  async syncRecords(): Promise<void> {
    await this.#syncEach(
      (segment) => segment.syncRecords(),
      this.#segments.filter(({ size, syncedSize }) => syncedSize < size),
    )
  }

  async #syncEach(sync: (segment: Segment) => Promise<void>, segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) {
      try {
        await sync(segment)
      } catch (error) {
        if (!segment.isRetired) throw error
      }
    }
    await this.#syncNames()
  }

  /** Resolves when the names of all files are durable, whoever has begun to make them so. */
  async #syncNames(): Promise<void> {
    // Names of files without content are not worth a wait for the disk.
    const isWorthIt = this.#segments.length > 1 || this.active.size > 0 || this.mayHaveDropped
    if (this.isDirectoryChanged && isWorthIt) {
      this.isDirectoryChanged = false
      this.mayHaveDropped = false
      const isNew = this.isDirectoryNew
      this.isDirectoryNew = false
      this.#namesSynced = this.#namesSynced.then(async () => {
        if (isNew) await syncPartitionMetadata(this.#storage.files, this.directory)
        await this.#storage.files.syncDirectory(this.directory)
        if (isNew) await this.#storage.syncRoot(this.directory.slice(0, this.directory.lastIndexOf('/')))
      })
    }
    await this.#namesSynced
  }

  /** Closes one that has left the log, once nobody reads it. */
  closeUnused(segment: Segment): void {
    segment.log.close().catch((error: unknown) => {
      this.#storage.logger.warn({ path: segment.log.path, error }, 'a removed segment could not be closed')
    })
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.log.close()
  }
}

export function newSegment(directory: string, baseOffset: number, storage: LogStorage, config: LogConfig): Segment {
  return new Segment(directory, baseOffset, storage.openFiles, {
    size: 0,
    nextOffset: baseOffset,
    createdMs: storage.clock.now(),
    rollJitterMs: rollJitterMs(storage, config),
    hasTransactionIndex: false,
  })
}

export function preallocatedBytes({ preallocate, segmentBytes }: LogConfig): number {
  return preallocate ? segmentBytes : 0
}

/** A part of segment.jitter.ms by chance, so that not all segments are rolled at the same time. */
export function rollJitterMs(storage: LogStorage, config: LogConfig): number {
  const largest = Math.min(config.segmentJitterMs, config.segmentMs)
  return largest <= 0 ? 0 : Math.floor(storage.random.fraction() * largest)
}
