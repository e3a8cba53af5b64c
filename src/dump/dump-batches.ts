/** dump: files of batches: `.log` segments and the metadata log's snapshots, `.checkpoint`. */
import { type KafkaRecord, type RecordBatchView, recordsOf } from '../../protocol/records/index.ts'
import type { FileHandle } from '../runtime/file-system.ts'
import type { Fields } from './entry.ts'
import type { Report } from './report.ts'
import { decodeControl, decodeStored } from './stored-records.ts'
import { BatchWalk, type WalkedBatch } from './walk-batches.ts'

/** More than a broker allows, little enough for memory. */
const maxDecompressedBytes = 128 * 1024 * 1024
/** All messages in a wrapper are decoded at once. */
const maxLegacyDecompressedBytes = 32 * 1024 * 1024
const largestHeadersBytes = 4 * 1024 * 1024

export interface BatchesFile {
  readonly path: string
  /** Whose records have a form that is known; undefined: of no topic that is. */
  readonly topic: string | undefined
  /** From the file's name: no batch may start before it. */
  readonly baseOffset: number
  /** A snapshot starts and ends with control records that say so. */
  readonly isSnapshot: boolean
}

/** Shows or checks the whole file; resolves with the offset behind its last batch, undefined if there is none. */
export async function dumpBatches(
  report: Report,
  of: BatchesFile,
  file: FileHandle,
  size: number,
): Promise<number | undefined> {
  const dump = new BatchesDump(report, of)
  const walk = new BatchWalk(file, size, { wantsBodies: true })
  for (let batch = await walk.next(); batch !== undefined; batch = await walk.next()) {
    await dump.batch(batch, await walk.isCrcValid(batch))
  }
  if (walk.brokenAt !== undefined) await report.problem(of.path, walk.brokenAt.position, walk.brokenAt.reason)
  if (of.isSnapshot) await dump.checkSnapshot(size)
  return dump.nextOffset
}

class BatchesDump {
  readonly #report: Report
  readonly #of: BatchesFile
  nextOffset: number | undefined
  /** Control types of the first and the last record of the file, read in snapshots. */
  #firstControlType: unknown
  #lastControlType: unknown

  constructor(report: Report, of: BatchesFile) {
    this.#report = report
    this.#of = of
  }

  async batch(batch: WalkedBatch, isValid: boolean): Promise<void> {
    this.#report.batchCount += 1
    this.#report.batchBytes += batch.size
    await this.#report.show({ type: 'batch', file: this.#of.path, ...batchFields(batch, isValid) })
    if (!isValid) {
      const { view, position, size } = batch
      await this.#problem(position, `the checksum of a batch of ${size} bytes is not its crc ${view.crc}`)
    }
    await this.#checkOffsets(batch)
    if (this.#report.records || this.#of.isSnapshot) await this.#readRecords(batch)
  }

  async checkSnapshot(size: number): Promise<void> {
    if (this.#firstControlType !== 'SNAPSHOT_HEADER') await this.#problem(0, 'no snapshot header')
    if (this.#lastControlType !== 'SNAPSHOT_FOOTER')
      await this.#problem(size, 'no snapshot footer: it was not finished')
  }

  async #checkOffsets({ view, position }: WalkedBatch): Promise<void> {
    const { baseOffset, lastOffset, recordCount } = view
    const least = this.nextOffset ?? this.#of.baseOffset
    if (baseOffset < least) {
      const than = this.nextOffset === undefined ? "the file's name says" : 'the batches before it need'
      await this.#problem(position, `a batch has base offset ${baseOffset}, but ${than} ${least} or more`)
    }
    if (lastOffset < baseOffset) {
      await this.#problem(position, `a batch has last offset ${lastOffset}, below its base offset ${baseOffset}`)
    } else if (view.magic >= 2 && (recordCount < 0 || recordCount > lastOffset - baseOffset + 1)) {
      await this.#problem(
        position,
        `a batch of offsets ${baseOffset} to ${lastOffset} says it has ${recordCount} records`,
      )
    }
    this.nextOffset = Math.max(least, lastOffset + 1)
  }

  async #readRecords({ view, position, size, isWhole }: WalkedBatch): Promise<void> {
    if (!isWhole) return await this.#problem(position, `the records of a batch of ${size} bytes are too many to read`)
    const { baseOffset, lastOffset } = view
    let previous = baseOffset - 1
    try {
      const maxBytes = view.magic < 2 ? maxLegacyDecompressedBytes : maxDecompressedBytes
      for (const record of recordsOf(view, { maxBytes })) {
        await this.#record(record, view, position)
        if (view.magic >= 2 && (record.offset <= previous || record.offset > lastOffset)) {
          const expected = `${previous + 1} to ${lastOffset} expected`
          await this.#problem(position, `a record in a batch has offset ${record.offset}, ${expected}`)
        }
        previous = record.offset
      }
    } catch (error) {
      await this.#problem(position, `the records of a batch can't be read: ${(error as Error).message}`)
    }
  }

  async #record(record: KafkaRecord, view: RecordBatchView, position: number): Promise<void> {
    const { path, topic, isSnapshot } = this.#of
    if (isSnapshot) {
      this.#lastControlType = view.isControl ? decodeControl(record).controlType : undefined
      this.#firstControlType ??= this.#lastControlType ?? 'none'
    }
    if (!this.#report.records || this.#report.verify) return
    const { offset, timestamp, key, value, sequence, encodedHeaders } = record
    const areHeadersShown = encodedHeaders.length <= largestHeadersBytes
    if (!areHeadersShown) {
      await this.#problem(position, `offset ${offset} has ${encodedHeaders.length} bytes of headers: too many to show`)
    }
    await this.#report.show({
      type: 'record',
      file: path,
      offset,
      timestamp,
      keySize: key?.length ?? -1,
      valueSize: value?.length ?? -1,
      sequence,
      headers: areHeadersShown ? record.headers : null,
      key,
      value,
      ...(view.isControl ? decodeControl(record) : decodeStored(topic, record)),
    })
  }

  #problem(position: number, message: string): void | Promise<void> {
    return this.#report.problem(this.#of.path, position, message)
  }
}

function batchFields({ view, position, size }: WalkedBatch, isValid: boolean): Fields {
  return {
    baseOffset: view.baseOffset,
    lastOffset: view.lastOffset,
    count: view.recordCount,
    baseSequence: view.baseSequence,
    lastSequence: view.lastSequence,
    producerId: view.producerId,
    producerEpoch: view.producerEpoch,
    partitionLeaderEpoch: view.partitionLeaderEpoch,
    isTransactional: view.isTransactional,
    isControl: view.isControl,
    deleteHorizonMs: view.deleteHorizonMs ?? null,
    position,
    timestampType: view.timestampType,
    baseTimestamp: view.hasDeleteHorizon ? null : view.baseTimestamp,
    maxTimestamp: view.maxTimestamp,
    size,
    magic: view.magic,
    compressCodec: codecName(view),
    crc: view.crc,
    isValid,
  }
}

function codecName(view: RecordBatchView): string {
  try {
    return view.codec
  } catch {
    return `unknown (${view.attributes & 7})`
  }
}
