/**
 * log: the copy of a partition's files that is made in another log directory while the partition is used (KIP-113): Kafka's future replica,
 * `<topic>-<partition>.<32 hex digits>-future`. The bytes of segments are copied as they grow; the rest when the log is closed.
 */
import type { Clock } from '../runtime/clock.ts'
import type { FileHandle, FileSystem } from '../runtime/file-system.ts'
import type { LocalPartitionLog } from './local-partition-log.ts'

const chunkBytes = 1024 * 1024
/** So much may be left for the time when nobody can use the log. */
const mostRestBytes = 8 * chunkBytes
/** After so many rounds somebody writes faster than it is copied. */
const mostRounds = 8
const longestPauseMs = 1000
/** Files that are on their way out of the log, or not yet in it. */
const passing = /\.(deleted|cleaned|swap|tmp)$/

export interface FutureCopyOptions {
  readonly files: FileSystem
  readonly clock: Clock
  /** What is copied of it; it lies in another directory. */
  readonly log: LocalPartitionLog
  /** Where the copy is made. */
  readonly path: string
  /** replica.alter.log.dirs.io.max.bytes.per.second, as it is at the time. */
  readonly maxBytesPerSecond: () => number
}

/** The copy is not wanted any more. */
export class CopyStopped extends Error {}

export class FutureCopy {
  readonly path: string
  readonly #options: FutureCopyOptions
  /** Bytes that are copied, by file name. */
  readonly #copied = new Map<string, number>()
  #isStopped = false
  #endPause = (): void => {}

  constructor(options: FutureCopyOptions) {
    this.#options = options
    this.path = options.path
  }

  get sizeInBytes(): number {
    let bytes = 0
    for (const copied of this.#copied.values()) bytes += copied
    return bytes
  }

  /** Up to the first segment that is not copied whole. */
  get logEndOffset(): number {
    const isWhole = ({ name, size }: { name: string; size: number }): boolean => (this.#copied.get(name) ?? 0) >= size
    const next = this.#options.log.segmentFiles.find((file) => !isWhole(file))
    return next === undefined ? this.#options.log.logEndOffset : Number.parseInt(next.name, 10)
  }

  /** Copying ends with CopyStopped at the next chunk. */
  stop(): void {
    this.#isStopped = true
    this.#endPause()
  }

  /** Copies what the log has, until little is left. A log that is compacted changes what was copied: all of it is left for `finish`. */
  async follow(): Promise<void> {
    const { files, log } = this.#options
    await files.makeDirectory(this.path)
    for (let round = 0; round < mostRounds; round += 1) {
      const rest = log.segmentFiles.filter(({ name, size }) => size > (this.#copied.get(name) ?? 0))
      const bytes = rest.reduce((sum, { name, size }) => sum + size - (this.#copied.get(name) ?? 0), 0)
      if (log.isCompacted || (round > 0 && bytes <= mostRestBytes)) return
      for (const { name, size } of rest) await this.#copyLive(name, size)
    }
  }

  /** The log is closed: what is missing is copied, and all of it is made durable. */
  async finish(wasCompacted: boolean): Promise<void> {
    const { files, log } = this.#options
    const names = (await files.list(log.directory)).filter((name) => !passing.test(name))
    for (const name of names) {
      const size = await files.sizeOf(`${log.directory}/${name}`)
      const copied = this.#copied.get(name) ?? 0
      const from = wasCompacted || !name.endsWith('.log') || copied > size ? 0 : copied
      await this.#copy(name, from, size, { isLast: true })
    }
    for (const name of await files.list(this.path))
      if (!names.includes(name)) await files.remove(`${this.path}/${name}`)
    await files.syncDirectory(this.path)
    await files.syncDirectory(`${this.path}/..`)
  }

  async remove(): Promise<void> {
    await this.#options.files.remove(this.path)
  }

  /** Retention may take the segment away meanwhile: then it is not wanted. */
  async #copyLive(name: string, size: number): Promise<void> {
    try {
      await this.#copy(name, this.#copied.get(name) ?? 0, size, { isLast: false })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      this.#copied.delete(name)
    }
  }

  async #copy(name: string, from: number, to: number, { isLast }: { isLast: boolean }): Promise<void> {
    const { files, log } = this.#options
    const source = await files.open(`${log.directory}/${name}`, 'read')
    try {
      const target = await files.open(`${this.path}/${name}`, 'write')
      try {
        await this.#copyBytes(name, { source, target }, from, to)
        if (!isLast) return
        await target.truncate(to)
        await target.sync()
      } finally {
        await target.close()
      }
    } finally {
      await source.close()
    }
  }

  async #copyBytes(
    name: string,
    { source, target }: { source: FileHandle; target: FileHandle },
    from: number,
    to: number,
  ): Promise<void> {
    for (let position = from; position < to; ) {
      if (this.#isStopped) throw new CopyStopped()
      const bytes = await source.read(position, Math.min(chunkBytes, to - position))
      if (bytes.length === 0)
        throw new Error(`${this.#options.log.directory}/${name} ends at ${position}, not at ${to}`)
      await target.write(position, [bytes])
      position += bytes.length
      this.#copied.set(name, position)
      await this.#throttle(bytes.length)
    }
  }

  /** Looks again whenever a pause ends: the limit may have changed. */
  async #throttle(bytes: number): Promise<void> {
    for (let rest = bytes; rest > 0 && !this.#isStopped; ) {
      const limit = this.#options.maxBytesPerSecond()
      const pauseMs = Math.min((rest / limit) * 1000, longestPauseMs)
      // As good as none.
      if (pauseMs < 1) return
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.after(pauseMs, resolve)
        this.#endPause = () => {
          cancel()
          resolve()
        }
      })
      rest -= (limit * pauseMs) / 1000
    }
  }
}
