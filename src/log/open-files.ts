/**
 * log: the open segment files of one log directory. They are opened at first use; those not used lately are closed when there
 * are too many of them, or when too much memory hangs on them (the indexes of segments that are read).
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { FileHandle, FileSystem } from '../runtime/file-system.ts'

export class OpenFiles {
  readonly files: FileSystem
  readonly #maxOpen: number
  readonly #maxWeightBytes: number
  /** In the order of opening; a file that was used since goes to the end instead of being closed. */
  readonly #open = new Set<OpenFile>()
  #weightBytes = 0

  constructor(files: FileSystem, maxOpen: number, maxWeightBytes: number) {
    this.files = files
    this.#maxOpen = maxOpen
    this.#maxWeightBytes = maxWeightBytes
  }

  get openCount(): number {
    return this.#open.size
  }

  opened(file: OpenFile): void {
    this.#open.add(file)
    this.#evict(file)
  }

  closed(file: OpenFile): void {
    if (this.#open.delete(file)) this.#weightBytes -= file.weightBytes
  }

  weighed(file: OpenFile, weightBytes: number): void {
    if (!this.#open.has(file)) return
    this.#weightBytes += weightBytes
    this.#evict(file)
  }

  /** The process has no descriptor left: gives back half of those that are idle. */
  giveBack(): void {
    let wanted = Math.ceil(this.#open.size / 2)
    for (const file of [...this.#open]) {
      if (wanted <= 0) return
      if (file.isBusy) continue
      file.evict()
      wanted -= 1
    }
  }

  #evict(except: OpenFile): void {
    for (const file of this.#open) {
      if (this.#open.size <= this.#maxOpen && this.#weightBytes <= this.#maxWeightBytes) return
      if (file === except || file.isBusy || file.takeRecentlyUsed()) {
        this.#open.delete(file)
        this.#open.add(file)
        if (file === except) return
      } else {
        file.evict()
      }
    }
  }
}

/** What a reader hears whose file was removed after it had looked it up. */
export function removed(path: string): KafkaError {
  return new KafkaError('OFFSET_OUT_OF_RANGE', `${path} was removed`)
}

/** One file; `use` opens it when needed. */
export class OpenFile {
  readonly path: string
  readonly #pool: OpenFiles
  readonly #onEvict: () => void
  #handle: FileHandle | undefined
  #opening: Promise<FileHandle> | undefined
  #users = 0
  #whenUnused: (() => void)[] = []
  #isRetired = false
  #recentlyUsed = false
  weightBytes = 0

  /** `onEvict`: what hangs on the file can be dropped too. */
  constructor(path: string, pool: OpenFiles, onEvict: () => void) {
    this.path = path
    this.#pool = pool
    this.#onEvict = onEvict
  }

  get isBusy(): boolean {
    return this.#users > 0 || this.#opening !== undefined
  }

  get isRetired(): boolean {
    return this.#isRetired
  }

  takeRecentlyUsed(): boolean {
    const used = this.#recentlyUsed
    this.#recentlyUsed = false
    return used
  }

  /** For use in this very turn of the event loop. */
  get handleIfOpen(): FileHandle | undefined {
    this.#recentlyUsed = true
    return this.#handle
  }

  /** Memory of `bytes` now hangs on this file until it is evicted. */
  weigh(bytes: number): void {
    if (this.#handle === undefined) return
    const added = bytes - this.weightBytes
    this.weightBytes = bytes
    this.#pool.weighed(this, added)
  }

  async use<T>(run: (handle: FileHandle) => T | Promise<T>): Promise<T> {
    this.#users += 1
    this.#recentlyUsed = true
    try {
      return await run(this.#handle ?? (await this.#openNow()))
    } finally {
      this.#users -= 1
      if (this.#users === 0) for (const done of this.#whenUnused.splice(0)) done()
    }
  }

  /** The file goes: `use` fails from here on where it would have to be opened, with OFFSET_OUT_OF_RANGE: what is in it is no more. */
  retire(): void {
    this.#isRetired = true
  }

  /** Resolves when no opening of the file is under way. */
  async opened(): Promise<void> {
    await this.#opening?.catch(() => {})
  }

  evict(): void {
    const handle = this.#handle
    if (handle === undefined) return
    this.#handle = undefined
    this.#pool.closed(this)
    this.weightBytes = 0
    this.#onEvict()
    // Closing only gives the descriptor back: what was written is in the page cache, and syncs report their own failures.
    handle.close().catch(() => {})
  }

  /** Closes it once nobody uses it. */
  async close(): Promise<void> {
    await this.opened()
    while (this.#users > 0) await new Promise<void>((resolve) => this.#whenUnused.push(resolve))
    this.evict()
  }

  #openNow(): Promise<FileHandle> {
    if (this.#isRetired) throw removed(this.path)
    this.#opening ??= this.#openWithRetry().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openWithRetry(): Promise<FileHandle> {
    const { files } = this.#pool
    const handle = await files.open(this.path, 'write').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EMFILE' && error.code !== 'ENFILE') throw error
      this.#pool.giveBack()
      return files.open(this.path, 'write')
    })
    this.#handle = handle
    this.#pool.opened(this)
    return handle
  }
}
