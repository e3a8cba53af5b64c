/**
 * runtime: files that live in memory: for `--memory`, and for tests, which can make calls fail, and crash it.
 *
 * A file is a row of blocks that double from 4 KiB to 1 MiB: appending never moves what is there, and a read inside one block is
 * a view. Bytes that were written are not overwritten in place: a block that is written again is copied first, so that views stay true.
 */
import type { FileHandle, FileSystem } from './file-system.ts'

const smallestBlock = 4 * 1024
const largestBlock = 1024 * 1024

class MemoryFile {
  #blocks: Buffer[] = []
  /** Position of each block's first byte. */
  #starts: number[] = []
  #capacity = 0
  size = 0
  /** Up to here the bytes would survive a power failure. */
  syncedSize = 0

  read(position: number, length: number): Buffer {
    const end = Math.min(position + length, this.size)
    if (position >= end) return Buffer.alloc(0)
    const first = this.#blockAt(position)
    if (end <= this.#starts[first]! + this.#blocks[first]!.length) {
      return this.#blocks[first]!.subarray(position - this.#starts[first]!, end - this.#starts[first]!)
    }
    const joined = Buffer.allocUnsafeSlow(end - position)
    for (let index = first, at = position; at < end; index += 1) {
      const from = at - this.#starts[index]!
      at += this.#blocks[index]!.copy(
        joined,
        at - position,
        from,
        Math.min(from + end - at, this.#blocks[index]!.length),
      )
    }
    return joined
  }

  write(position: number, chunk: Uint8Array): void {
    if (position > this.size) this.write(this.size, Buffer.alloc(position - this.size))
    const end = position + chunk.byteLength
    this.#grow(end)
    for (let index = this.#blockAt(position), at = position; at < end; index += 1) {
      const start = this.#starts[index]!
      if (at < this.size) this.#blocks[index] = Buffer.from(this.#blocks[index]!)
      const block = this.#blocks[index]!
      const count = Math.min(end, start + block.length) - at
      block.set(chunk.subarray(at - position, at - position + count), at - start)
      at += count
    }
    this.syncedSize = Math.min(this.syncedSize, position)
    this.size = Math.max(this.size, end)
  }

  truncate(length: number): void {
    if (length > this.size) {
      this.write(this.size, Buffer.alloc(length - this.size))
      return
    }
    const kept = this.read(0, length)
    this.#blocks = []
    this.#starts = []
    this.#capacity = 0
    this.size = 0
    const synced = Math.min(this.syncedSize, length)
    this.write(0, kept)
    this.syncedSize = synced
  }

  #grow(capacity: number): void {
    while (this.#capacity < capacity) {
      const size = Math.min(largestBlock, Math.max(smallestBlock, this.#capacity))
      this.#blocks.push(Buffer.alloc(size))
      this.#starts.push(this.#capacity)
      this.#capacity += size
    }
  }

  #blockAt(position: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}

export type FileOperation = keyof FileHandle | Exclude<keyof FileSystem, 'space'>

/** An error as the operating system would give it. */
export function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code, path })
}

export class MemoryFileSystem implements FileSystem {
  /** Directory to names to what they name: a file, or `directory`. */
  readonly #directories = new Map<string, Map<string, MemoryFile | 'directory'>>()
  readonly #locks = new Set<string>()

  /** Runs before each call; what it throws is the call's failure. `readNow` and `writeNow` are told as `read` and `write`. */
  beforeCall: (operation: FileOperation, path: string) => void = () => {}

  async open(path: string, mode: 'read' | 'write'): Promise<FileHandle> {
    this.beforeCall('open', path)
    if (mode === 'read') return this.#handle(path, this.#existing(path))
    const names = this.#namesIn(parentOf(path))
    let file = names.get(nameOf(path))
    if (file === 'directory') throw systemError('EISDIR', path)
    if (file === undefined) {
      file = new MemoryFile()
      names.set(nameOf(path), file)
    }
    return this.#handle(path, file)
  }

  async readFile(path: string): Promise<Buffer> {
    this.beforeCall('readFile', path)
    const file = this.#existing(path)
    return Buffer.from(file.read(0, file.size))
  }

  async replaceFile(path: string, content: string | Uint8Array, durability = 'synced'): Promise<void> {
    this.beforeCall('replaceFile', path)
    const file = new MemoryFile()
    file.write(0, typeof content === 'string' ? Buffer.from(content) : content)
    if (durability === 'synced') file.syncedSize = file.size
    this.#namesIn(parentOf(path)).set(nameOf(path), file)
  }

  async makeDirectory(path: string): Promise<void> {
    this.beforeCall('makeDirectory', path)
    this.#ensureDirectory(path)
  }

  async list(path: string): Promise<string[]> {
    this.beforeCall('list', path)
    return [...this.#namesIn(path).keys()].sort()
  }

  async exists(path: string): Promise<boolean> {
    this.beforeCall('exists', path)
    return this.#entry(path) !== undefined
  }

  async sizeOf(path: string): Promise<number> {
    this.beforeCall('sizeOf', path)
    return this.#existing(path).size
  }

  async rename(from: string, to: string): Promise<void> {
    this.beforeCall('rename', from)
    const entry = this.#entry(from)
    if (entry === undefined) throw systemError('ENOENT', from)
    this.#namesIn(parentOf(to)).set(nameOf(to), entry)
    this.#namesIn(parentOf(from)).delete(nameOf(from))
    if (entry === 'directory') this.#moveDirectory(from, to)
  }

  async remove(path: string): Promise<void> {
    this.beforeCall('remove', path)
    this.#directories.get(parentOf(path))?.delete(nameOf(path))
    this.#dropDirectory(path)
  }

  async syncDirectory(path: string): Promise<void> {
    this.beforeCall('syncDirectory', path)
  }

  async lock(path: string): Promise<() => Promise<void>> {
    this.beforeCall('lock', path)
    if (this.#locks.has(path)) throw systemError('ELOCKED', path)
    this.#locks.add(path)
    return async () => {
      this.#locks.delete(path)
    }
  }

  async space(): Promise<{ totalBytes: number; usableBytes: number }> {
    let used = 0
    for (const names of this.#directories.values()) {
      for (const file of names.values()) if (file !== 'directory') used += file.size
    }
    return { totalBytes: Number.MAX_SAFE_INTEGER, usableBytes: Number.MAX_SAFE_INTEGER - used }
  }

  /**
   * What a crash leaves, as a new file system; the old one's handles write into nothing that the new one sees. `keep` says how many bytes of
   * a file survive: all when the process dies, at least `syncedSize` when the power fails. Locks are gone.
   */
  afterCrash(
    keep: (path: string, size: number, syncedSize: number) => number = (_path, size) => size,
  ): MemoryFileSystem {
    const survivor = new MemoryFileSystem()
    for (const [directory, names] of this.#directories) {
      survivor.#ensureDirectory(directory)
      for (const [name, file] of names) {
        if (file === 'directory') continue
        const copy = new MemoryFile()
        copy.write(0, Buffer.from(file.read(0, keep(`${directory}/${name}`, file.size, file.syncedSize))))
        copy.syncedSize = copy.size
        survivor.#directories.get(directory)!.set(name, copy)
      }
    }
    return survivor
  }

  #namesIn(directory: string): Map<string, MemoryFile | 'directory'> {
    const names = this.#directories.get(directory)
    if (names === undefined) throw systemError(this.#entry(directory) === undefined ? 'ENOENT' : 'ENOTDIR', directory)
    return names
  }

  #entry(path: string): MemoryFile | 'directory' | undefined {
    return this.#directories.get(parentOf(path))?.get(nameOf(path))
  }

  #existing(path: string): MemoryFile {
    const file = this.#entry(path)
    if (file === undefined) throw systemError('ENOENT', path)
    if (file === 'directory') throw systemError('EISDIR', path)
    return file
  }

  #ensureDirectory(path: string): void {
    if (this.#directories.has(path)) return
    this.#directories.set(path, new Map())
    const parent = parentOf(path)
    if (parent === path) return
    this.#ensureDirectory(parent)
    this.#directories.get(parent)!.set(nameOf(path), 'directory')
  }

  #moveDirectory(from: string, to: string): void {
    const names = this.#directories.get(from)!
    this.#directories.delete(from)
    this.#directories.set(to, names)
    for (const [name, entry] of names)
      if (entry === 'directory') this.#moveDirectory(`${from}/${name}`, `${to}/${name}`)
  }

  #dropDirectory(path: string): void {
    const names = this.#directories.get(path)
    if (names === undefined) return
    this.#directories.delete(path)
    for (const [name, entry] of names) if (entry === 'directory') this.#dropDirectory(`${path}/${name}`)
  }

  #handle(path: string, file: MemoryFile): FileHandle {
    const writeNow = (position: number, chunks: readonly Uint8Array[]): void => {
      this.beforeCall('write', path)
      let at = position
      for (const chunk of chunks) {
        file.write(at, chunk)
        at += chunk.byteLength
      }
    }
    const readNow = (position: number, length: number): Buffer => {
      this.beforeCall('read', path)
      return file.read(position, length)
    }
    return {
      readNow,
      writeNow,
      read: async (position, length) => readNow(position, length),
      write: async (position, chunks) => writeNow(position, chunks),
      sync: async () => {
        this.beforeCall('sync', path)
        file.syncedSize = file.size
      },
      truncate: async (length) => {
        this.beforeCall('truncate', path)
        file.truncate(length)
      },
      size: async () => {
        this.beforeCall('size', path)
        return file.size
      },
      close: async () => {
        this.beforeCall('close', path)
      },
    }
  }
}

/** The parent of a name without a slash is `.`, that of `.` and `/` itself. */
function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '.' : slash === 0 ? '/' : path.slice(0, slash)
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
