/**
 * metadata: the snapshots in the metadata log's directory: finds the newest whole one, writes new ones, and lets old ones go together with the
 * part of the log that they replace. A file is written as `*.checkpoint.part`, synced, and renamed; one that goes is first renamed to
 * `*.checkpoint.deleted`.
 */
import { DelayedRemovals } from '../log/delayed-removals.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Logger } from '../runtime/logger.ts'
import {
  isLeftOver,
  isWholeSnapshot,
  lastContainedLogTimestamp,
  parseSnapshotName,
  type SnapshotId,
  snapshotPath,
} from './snapshot-file.ts'

/** The metadata log, whose oldest segments can be removed at once. */
export interface PrunableLog extends PartitionLog {
  enforceRetention(): Promise<void>
}

export interface SnapshotsOptions {
  /** `__cluster_metadata-0` in its log directory; need not be there yet. */
  readonly path: string
  readonly files: FileSystem
  readonly clock: Clock
  readonly logger: Logger
  /** internal.metadata.delete.delay.millis */
  readonly deleteDelayMs: number
}

export interface SnapshotRetention {
  /** metadata.max.retention.bytes, of the log and the snapshots together; negative: without limit. */
  readonly maxBytes: number
  /** metadata.max.retention.ms; negative: without limit. */
  readonly maxMs: number
}

export interface Snapshot extends SnapshotId {
  readonly content: Buffer
}

interface KnownSnapshot extends SnapshotId {
  readonly sizeInBytes: number
  readonly lastContainedLogTimestamp: number
}

/** Enough for the header batch of a quorum of any size. */
const headerBytes = 64 * 1024

export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #removals: DelayedRemovals
  /** Whole ones, the oldest first. */
  #known: KnownSnapshot[]
  #newest: Snapshot | undefined
  /** Those that are newer and not whole. */
  #broken: readonly SnapshotId[]

  private constructor(
    options: SnapshotsOptions,
    found: { known: KnownSnapshot[]; newest: Snapshot | undefined; broken: readonly SnapshotId[] },
  ) {
    this.#options = options
    this.#removals = new DelayedRemovals(options)
    this.#known = found.known
    this.#newest = found.newest
    this.#broken = found.broken
  }

  /** Looks through the directory and changes nothing. */
  static async open(options: SnapshotsOptions): Promise<Snapshots> {
    const { files, path, logger } = options
    const names = (await files.exists(path)) ? await files.list(path) : []
    const ids = names.flatMap((name) => parseSnapshotName(name) ?? [])
    const broken: SnapshotId[] = []
    let newest: Snapshot | undefined
    while (newest === undefined && ids.length > 0) {
      const id = ids.pop()!
      const file = snapshotPath(path, id.endOffset, id.epoch)
      const content = await files.readFile(file)
      if (isWholeSnapshot(content)) newest = { ...id, content }
      else {
        logger.warn(
          { path: file },
          'this metadata snapshot is not whole: an older one, or the whole log, is taken instead',
        )
        broken.push(id)
      }
    }
    const known: KnownSnapshot[] = []
    for (const id of ids) known.push(await describe(options, id))
    if (newest !== undefined) known.push(knownSnapshot(newest))
    return new Snapshots(options, { known, newest, broken })
  }

  /** The newest whole one, with its content only until it was loaded. */
  get newest(): Snapshot | undefined {
    return this.#newest
  }

  get count(): number {
    return this.#known.length
  }

  /** What was found is loaded, from the newest whole one on: left-overs go, and snapshots from before the log's start. */
  async loaded(logStartOffset: number): Promise<void> {
    const { files, path } = this.#options
    this.#newest = undefined
    for (const name of await files.list(path)) if (isLeftOver(name)) await files.remove(`${path}/${name}`)
    await this.#putAside(this.#broken)
    this.#broken = []
    await this.#forgetBefore(logStartOffset)
  }

  /** Resolves when the snapshot is on disk under its name. */
  async write(id: SnapshotId, batches: readonly Buffer[]): Promise<void> {
    const { files, path } = this.#options
    const final = snapshotPath(path, id.endOffset, id.epoch)
    const part = `${final}.part`
    let position = 0
    try {
      const file = await files.open(part, 'write')
      try {
        for (const batch of batches) {
          await file.write(position, [batch])
          position += batch.length
        }
        await file.sync()
      } finally {
        await file.close()
      }
      await files.rename(part, final)
      await files.syncDirectory(path)
    } catch (error) {
      await files.remove(part).catch(() => {}) // the next start tries again
      throw error
    }
    const written = knownSnapshot({ ...id, content: batches[0]! }, position)
    this.#known = [...this.#known.filter((each) => !isSame(each, id)), written]
  }

  /**
   * Removes the oldest snapshots, and the log up to the next one, as long as both together are too large or the oldest is too old. The newest
   * snapshot stays, and all of the log behind it. Source: Kafka's KafkaRaftLog.maybeClean.
   */
  async clean(log: PrunableLog, { maxBytes, maxMs }: SnapshotRetention): Promise<void> {
    const size = (): number => this.#known.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, log.sizeInBytes)
    const isTooOld = ({ lastContainedLogTimestamp: timestampMs }: KnownSnapshot): boolean =>
      this.#options.clock.now() - timestampMs > maxMs
    const mayGo = (oldest: KnownSnapshot): boolean =>
      (maxBytes >= 0 && size() > maxBytes) || (maxMs >= 0 && isTooOld(oldest))
    while (this.#known.length > 1 && mayGo(this.#known[0]!)) {
      const next = this.#known.find(({ endOffset }) => endOffset > this.#known[0]!.endOffset)
      if (next === undefined) return
      if (next.endOffset > log.logStartOffset) await log.deleteRecordsBefore(next.endOffset)
      await log.enforceRetention()
      await this.#forgetBefore(next.endOffset)
    }
  }

  /** Nothing is removed any more; what is put aside goes at the next start. */
  close(): void {
    this.#removals.close()
  }

  async #forgetBefore(offset: number): Promise<void> {
    const old = this.#known.filter(({ endOffset }) => endOffset < offset)
    this.#known = this.#known.filter(({ endOffset }) => endOffset >= offset)
    await this.#putAside(old)
  }

  async #putAside(ids: readonly SnapshotId[]): Promise<void> {
    if (ids.length === 0) return
    const { files, path, deleteDelayMs } = this.#options
    const aside: string[] = []
    for (const { endOffset, epoch } of ids) {
      const file = snapshotPath(path, endOffset, epoch)
      await files.rename(file, `${file}.deleted`)
      aside.push(`${file}.deleted`)
    }
    await files.syncDirectory(path)
    this.#removals.add(aside, deleteDelayMs)
  }
}

function isSame(one: SnapshotId, other: SnapshotId): boolean {
  return one.endOffset === other.endOffset && one.epoch === other.epoch
}

function knownSnapshot({ endOffset, epoch, content }: Snapshot, sizeInBytes = content.length): KnownSnapshot {
  return { endOffset, epoch, sizeInBytes, lastContainedLogTimestamp: lastContainedLogTimestamp(content) }
}

/** Reads the header alone. */
async function describe({ files, path }: SnapshotsOptions, id: SnapshotId): Promise<KnownSnapshot> {
  const file = await files.open(snapshotPath(path, id.endOffset, id.epoch), 'read')
  try {
    return knownSnapshot({ ...id, content: await file.read(0, headerBytes) }, await file.size())
  } finally {
    await file.close()
  }
}
