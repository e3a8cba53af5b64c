/** metadata: replays, at a start, the newest whole snapshot and the log after it. */
import { batchesIn, type RecordBatchView, recordsOf } from '../../protocol/records/index.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { nextTurn } from '../runtime/turns.ts'
import { type Quorum, readControlBatch } from './kraft-files.ts'
import type { Replayer } from './replayer.ts'
import { lastContainedLogTimestamp } from './snapshot-file.ts'
import type { Snapshots } from './snapshots.ts'

const readBytes = 1024 * 1024
/** Records between two turns of the event loop. */
const recordsPerTurn = 20_000

interface MetadataFiles {
  readonly log: PartitionLog
  readonly snapshots: Snapshots
  /** The directory of the log's, for what errors say. */
  readonly path: string
}

interface LoadedMetadata {
  /** Of the snapshot; 0 without one. */
  readonly epoch: number
  /** Of the last batch. */
  readonly lastTimestampMs: number
  /** Of batches that no snapshot holds. */
  readonly bytesSinceSnapshot: number
}

/** Metadata goes to `replayer`, what the quorum says of itself to `quorum`. @throws Error where the log is damaged, or a part of it is missing */
export async function loadMetadata(files: MetadataFiles, replayer: Replayer, quorum: Quorum): Promise<LoadedMetadata> {
  return await new MetadataLoading(files, replayer, quorum).load()
}

class MetadataLoading {
  readonly #files: MetadataFiles
  readonly #replayer: Replayer
  readonly #quorum: Quorum
  #lastTimestampMs = 0
  #bytesSinceSnapshot = 0

  constructor(files: MetadataFiles, replayer: Replayer, quorum: Quorum) {
    this.#files = files
    this.#replayer = replayer
    this.#quorum = quorum
  }

  async load(): Promise<LoadedMetadata> {
    const { log, snapshots, path } = this.#files
    const fromOffset = await this.#loadSnapshot()
    if (log.logStartOffset > fromOffset) {
      throw new Error(
        `${path}: the metadata log starts at offset ${log.logStartOffset}, and no whole snapshot reaches up to there`,
      )
    }
    await this.#loadLog(fromOffset)
    return {
      epoch: snapshots.newest?.epoch ?? 0,
      lastTimestampMs: this.#lastTimestampMs,
      bytesSinceSnapshot: this.#bytesSinceSnapshot,
    }
  }

  /** Returns the offset from which the log has to be replayed. */
  async #loadSnapshot(): Promise<number> {
    const snapshot = this.#files.snapshots.newest
    if (snapshot === undefined) return 0
    const { content, endOffset } = snapshot
    this.#lastTimestampMs = lastContainedLogTimestamp(content)
    await this.#replayBatches(content, 0, Number.POSITIVE_INFINITY, () => endOffset - 1)
    return endOffset
  }

  async #loadLog(fromOffset: number): Promise<void> {
    const { log } = this.#files
    for (let offset = fromOffset; offset < log.logEndOffset; ) {
      const { records } = await log.read(offset, { maxBytes: readBytes, minOneBatch: true, isolation: 'log_end' })
      const firstOffset = offset
      try {
        for (const buffer of records) {
          for (const { maxTimestamp, sizeInBytes } of batchesIn(buffer)) {
            this.#lastTimestampMs = maxTimestamp
            this.#bytesSinceSnapshot += sizeInBytes
          }
          offset = await this.#replayBatches(buffer, firstOffset, log.logEndOffset, (recordOffset) => recordOffset)
        }
      } catch (error) {
        throw this.#damaged(`can't be replayed from offset ${firstOffset} on`, error)
      }
      if (offset <= firstOffset) throw this.#damaged(`can't be read at offset ${firstOffset}`)
    }
  }

  /** A start that can't go on: without its metadata a broker would serve something else than what is stored. */
  #damaged(what: string, cause?: unknown): Error {
    const { log, path } = this.#files
    const reason = cause instanceof Error ? `: ${cause.message}` : ''
    return new Error(`${path}/${log.topic}-${log.partition} is damaged and ${what}${reason}`, { cause })
  }

  /** Replays the records from `fromOffset` on; returns the offset after the last batch. */
  async #replayBatches(
    buffer: Buffer,
    fromOffset: number,
    endOffset: number,
    offsetOf: (recordOffset: number) => number,
  ): Promise<number> {
    let nextOffset = fromOffset
    let sinceTurn = 0
    for (const batch of batchesIn(buffer)) {
      if (batch.baseOffset >= endOffset) break
      nextOffset = batch.nextOffset
      if (!batch.isCrcValid()) throw new Error(`the checksum of the batch at offset ${batch.baseOffset} is wrong`)
      if (batch.isControl) readControlBatch(batch, this.#quorum)
      else this.#replayBatch(batch, fromOffset, offsetOf)
      sinceTurn += batch.recordCount
      if (sinceTurn < recordsPerTurn) continue
      sinceTurn = 0
      await nextTurn()
    }
    return nextOffset
  }

  #replayBatch(batch: RecordBatchView, fromOffset: number, offsetOf: (recordOffset: number) => number): void {
    for (const record of recordsOf(batch)) {
      if (record.offset < fromOffset || record.value === null) continue
      this.#replayer.replay(record.value, offsetOf(record.offset))
    }
  }
}
