/** log: where one partition's log starts: retention and DeleteRecords move it, and the segments below go. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Damage } from './damage.ts'
import type { LogParts } from './log-parts.ts'
import type { LogReads } from './log-reads.ts'
import type { LogWriter } from './log-writer.ts'
import { countExpired } from './retention.ts'

/** Who keeps log-start-offset-checkpoint. */
export interface LogStartKeeper {
  /** Brings log-start-offset-checkpoint up to date. */
  logStartOffsetMoved(): Promise<void>
  /** What log-start-offset-checkpoint says of it need not be there any more. */
  logStartOffsetSettled(): void
}

export class LogStart {
  readonly #parts: LogParts
  readonly #reads: LogReads
  readonly #writer: LogWriter
  readonly #keeper: LogStartKeeper
  #oldestOffsetOnDisk: number

  constructor(parts: LogParts, reads: LogReads, writer: LogWriter, keeper: LogStartKeeper) {
    this.#parts = parts
    this.#reads = reads
    this.#writer = writer
    this.#keeper = keeper
    this.#oldestOffsetOnDisk = parts.segments.all[0]!.baseOffset
  }

  /** Base offset of the oldest segment that a crash may bring back. */
  get oldestOffsetOnDisk(): number {
    return this.#oldestOffsetOnDisk
  }

  async deleteRecordsBefore(offset: number): Promise<number> {
    const { condition, offsets } = this.#parts
    const { damage, isClosed } = condition
    if (damage === undefined || isClosed) condition.ensureOpen()
    const newStart = offset === -1 ? offsets.highWatermark : offset
    if (newStart < 0 || newStart > offsets.highWatermark) {
      const message = `Records can be deleted up to the high watermark ${offsets.highWatermark}, not to ${offset}`
      throw new KafkaError('OFFSET_OUT_OF_RANGE', message)
    }
    if (damage !== undefined) await this.#leaveBehind(damage, newStart)
    if (newStart > offsets.savedLogStartOffset) await this.#reads.guarded(this.#move(newStart))
    return offsets.logStartOffset
  }

  /** Removes the oldest segments, as far as the topic's config does not want them any more. */
  async enforceRetention(): Promise<void> {
    const { segments, condition, removals } = this.#parts
    if (segments.all.length === 1 && segments.active.size === 0) return
    await removals.run(async () => {
      if (condition.stopped !== undefined) return
      let count = await this.#countExpired()
      if (count === segments.all.length) {
        await this.#writer.roll()
        // Meanwhile it may have got records that are not old.
        count = Math.min(await this.#countExpired(), segments.all.length - 1)
      }
      if (count > 0 && condition.stopped === undefined) await this.#removeOldest(count)
    })
  }

  /** Records behind the damage are wanted, and nothing before them. */
  async #leaveBehind(damage: Damage, newStart: number): Promise<void> {
    const { condition, reader, segments } = this.#parts
    if (newStart < damage.nextOffset) throw condition.stopped
    condition.leaveDamageBehind()
    reader.forgetCursors()
    if (damage.path === segments.active.log.path) await this.#writer.roll()
  }

  #countExpired(): Promise<number> {
    const { segments, offsets, config, storage } = this.#parts
    return this.#reads.lookThrough(() => countExpired(segments, offsets, config, storage.clock.now()))
  }

  /** The log start offset goes first and is on disk before any file goes, so that a crash never brings back half of what went. */
  async #removeOldest(count: number): Promise<void> {
    const { segments, offsets, reader, storage, condition, config } = this.#parts
    const { directory } = segments
    const start = segments.all[count]!.baseOffset
    if (start > offsets.savedLogStartOffset) await this.#move(start)
    const removed = segments.dropOldest(count)
    reader.forgetCursors()
    try {
      const paths: string[] = []
      for (const segment of removed) paths.push(...(await segment.renameAway()))
      await storage.files.syncDirectory(directory)
      this.#oldestOffsetOnDisk = start
      this.#keeper.logStartOffsetSettled()
      storage.removals.add(paths, config.fileDeleteDelayMs)
    } catch (error) {
      this.#parts.failed(error)
      throw condition.stopped
    } finally {
      for (const segment of removed) segments.closeUnused(segment)
    }
    const { logStartOffset } = offsets
    storage.logger.info({ directory, logStartOffset, segments: count }, 'old segments were removed')
  }

  async #move(offset: number): Promise<void> {
    const { offsets, epochs } = this.#parts
    if (offset > offsets.logStartOffset) {
      offsets.logStartOffset = offset
      offsets.advanced()
    }
    const moved = offsets.logStartOffset
    await this.#keeper.logStartOffsetMoved()
    // Not before: until then a crash leaves the old start, with the epochs of what lies behind it.
    epochs.truncateFromStart(moved)
    offsets.savedLogStartOffset = Math.max(offsets.savedLogStartOffset, moved)
  }
}
