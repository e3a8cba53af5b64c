/** dump: what one call of the command shows and counts. While it verifies, only problems are shown. */
import type { FileHandle, FileSystem } from '../runtime/file-system.ts'
import type { Entry, EntryWriter } from './entry.ts'

export interface DumpOptions {
  readonly files: FileSystem
  readonly output: EntryWriter
  /** Each record; with `verify`: read each record too. */
  readonly records: boolean
  /** Check instead of show. */
  readonly verify: boolean
}

export class Report {
  readonly files: FileSystem
  readonly records: boolean
  readonly verify: boolean
  fileCount = 0
  batchCount = 0
  batchBytes = 0
  problemCount = 0
  readonly #output: EntryWriter

  constructor(options: DumpOptions) {
    this.files = options.files
    this.records = options.records
    this.verify = options.verify
    this.#output = options.output
  }

  /** Awaited only where there may be many. */
  show(entry: Entry): void | Promise<void> {
    if (this.verify) return undefined
    return this.#write(entry)
  }

  /** `position`: at which byte; null: of the file as a whole. */
  problem(file: string, position: number | null, message: string): void | Promise<void> {
    this.problemCount += 1
    return this.#write({ type: 'problem', file, position, message })
  }

  /** The last line of what was verified. */
  conclude(path: string): void | Promise<void> {
    if (!this.verify) return undefined
    const { fileCount, batchCount, batchBytes, problemCount } = this
    return this.#write({
      type: 'verified',
      file: path,
      files: fileCount,
      batches: batchCount,
      bytes: batchBytes,
      problems: problemCount,
    })
  }

  /** Opens `path` for `read`, which gets its size, and closes it. */
  async reading(path: string, kind: string, read: (file: FileHandle, size: number) => Promise<void>): Promise<void> {
    const file = await this.files.open(path, 'read')
    try {
      const size = await file.size()
      this.fileCount += 1
      await this.show({ type: 'file', file: path, kind, size })
      await read(file, size)
    } finally {
      await file.close()
    }
  }

  #write(entry: Entry): void | Promise<void> {
    this.#output.write(entry)
    return this.#output.isFull ? this.#output.drain() : undefined
  }
}
