/**
 * runtime: the file system as one process sees it on a simulated disk: calls take their time, finish in another order, fail by chance, and
 * at one of them the process may die. Everything follows from the random source, so that a run can be repeated.
 *
 * After its death, calls of this process never return; the disk is what another `SimulatedFileSystem` goes on with.
 */
import type { FileHandle, FileSystem } from './file-system.ts'
import { type FileOperation, systemError } from './memory-file-system.ts'
import type { Random } from './random.ts'
import { DiskDirectory, DiskFile, type DiskNode, partsOf, type SimulatedDisk } from './simulated-disk.ts'

/** What one call does. A crash may fall between its steps, or into one that can be done in part: `share` is below 1 then. */
interface Step {
  run(share: number): void
  readonly isDivisible?: boolean
}

/** How likely things go wrong. */
interface Faults {
  /** Share of calls that fail with EIO, 0 to 1. */
  readonly errors: number
  /** Only these; all when absent. */
  readonly operations?: readonly FileOperation[]
}

const noFaults: Faults = { errors: 0 }

export class SimulatedFileSystem implements FileSystem {
  readonly disk: SimulatedDisk
  readonly #random: Random
  readonly #note: (what: string) => void
  faults = noFaults
  /** A call has failed, by `faults` or for want of space. */
  hasFailed = false
  #callsUntilDeath = Number.POSITIVE_INFINITY
  #isDead = false
  #die!: () => void
  /** Resolves when the process has died. */
  readonly died: Promise<void>
  #waiting: (() => void)[] = []

  /** `note` is told of each call, for a trace. */
  constructor(disk: SimulatedDisk, random: Random, note: (what: string) => void = () => {}) {
    this.disk = disk
    this.#random = random
    this.#note = note
    this.died = new Promise((resolve) => {
      this.#die = resolve
    })
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Calls that have not returned yet. */
  get callsUnderWay(): number {
    return this.#waiting.length
  }

  /** The process dies at the call number `calls` from now, before it, in its middle, or after it. */
  dieAfter(calls: number): void {
    this.#callsUntilDeath = calls
  }

  kill(): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#waiting = []
    this.disk.locks.clear()
    this.#note('the process dies')
    this.#die()
  }

  open(path: string, mode: 'read' | 'write'): Promise<FileHandle> {
    return this.#call('open', path, () => this.#handle(path, mode === 'read' ? this.#file(path) : this.#made(path)))
  }

  readFile(path: string): Promise<Buffer> {
    return this.#call('readFile', path, () => Buffer.from(this.#file(path).content))
  }

  async replaceFile(
    path: string,
    content: string | Uint8Array,
    durability: 'synced' | 'unsynced' = 'synced',
  ): Promise<void> {
    const temporary = `${path}.tmp`
    const bytes = Buffer.from(content)
    const write = (): Step[] => {
      const file = this.#made(temporary)
      return [{ run: () => file.truncate(0) }, this.#writing(file, 0, bytes, temporary)]
    }
    const rename: Step = { run: () => this.#parent(path).rename(nameOf(temporary), nameOf(path)) }
    if (durability === 'unsynced') {
      await this.#steps('replaceFile', path, () => [...write(), rename])
      return
    }
    await this.#steps('replaceFile', path, write)
    await this.#sync(temporary, this.#file(temporary))
    await this.#steps('rename', path, () => [rename])
    await this.syncDirectory(path.slice(0, path.lastIndexOf('/')))
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call('makeDirectory', path, () => {
      let directory = this.disk.root
      for (const name of partsOf(path)) {
        const known = directory.names.get(name)
        if (known instanceof DiskFile) throw systemError('EEXIST', path)
        const next = known ?? new DiskDirectory()
        if (known === undefined) directory.add(name, next)
        directory = next
      }
    })
  }

  list(path: string): Promise<string[]> {
    return this.#call('list', path, () => [...this.#directory(path).names.keys()].sort())
  }

  exists(path: string): Promise<boolean> {
    return this.#call('exists', path, () => this.disk.at(path) !== undefined)
  }

  sizeOf(path: string): Promise<number> {
    return this.#call('sizeOf', path, () => this.#file(path).content.length)
  }

  /** Within one directory. */
  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', from, () => {
      const directory = this.#parent(from)
      if (directory !== this.#parent(to)) throw systemError('EXDEV', to)
      if (!directory.names.has(nameOf(from))) throw systemError('ENOENT', from)
      directory.rename(nameOf(from), nameOf(to))
    })
  }

  remove(path: string): Promise<void> {
    return this.#steps('remove', path, () => {
      const parent = this.disk.at(path.slice(0, path.lastIndexOf('/')))
      return parent instanceof DiskDirectory ? removals(parent, nameOf(path)) : []
    })
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#sync(path, this.#directory(path))
  }

  lock(path: string): Promise<() => Promise<void>> {
    return this.#call('lock', path, () => {
      if (this.disk.locks.has(path)) throw systemError('ELOCKED', path)
      this.disk.locks.add(path)
      return async () => {
        if (!this.#isDead) this.disk.locks.delete(path)
      }
    })
  }

  async space(): Promise<{ totalBytes: number; usableBytes: number }> {
    const { capacityBytes: totalBytes, usedBytes } = this.disk
    return { totalBytes, usableBytes: Math.max(0, totalBytes - usedBytes) }
  }

  /** A call whose effect is one step. */
  #call<T>(operation: FileOperation, path: string, effect: () => T): Promise<T> {
    let result!: T
    const run = (): void => {
      result = effect()
    }
    return this.#steps(operation, path, () => [{ run }]).then(() => result)
  }

  /** The steps happen at once or later; the promise is settled later still, in any order with other calls. */
  async #steps(operation: FileOperation, path: string, steps: () => Step[]): Promise<void> {
    if (this.#isDead) return await new Promise(() => {})
    const isLast = this.#countCall()
    if (!isLast && this.#random.fraction() < 0.5) await this.#later()
    this.#run(operation, path, steps, isLast)
    await this.#later()
  }

  #runNow(operation: FileOperation, path: string, steps: () => Step[]): void {
    if (this.#isDead) throw systemError('EIO', path)
    this.#run(operation, path, steps, this.#countCall())
    if (this.#isDead) throw systemError('EIO', path)
  }

  #run(operation: FileOperation, path: string, steps: () => Step[], isLast: boolean): void {
    this.#note(`${operation} ${path}`)
    if (isLast && this.#random.fraction() < 0.3) {
      this.kill()
      return
    }
    if (this.#isFaulty(operation)) {
      this.hasFailed = true
      if (this.#random.fraction() < 0.5) this.#someOf(steps())
      throw this.#failure('EIO', operation, path)
    }
    if (isLast && this.#random.fraction() < 0.5) this.#someOf(steps())
    else for (const step of steps()) step.run(1)
    if (isLast) this.kill()
  }

  #someOf(steps: Step[]): void {
    const count = Math.floor(this.#random.fraction() * (steps.length + 1))
    for (const step of steps.slice(0, count)) step.run(1)
    const next = steps[count]
    if (next?.isDivisible === true) next.run(this.#random.fraction())
  }

  async #sync(path: string, node: DiskNode): Promise<void> {
    if (this.#isDead) return await new Promise(() => {})
    const isLast = this.#countCall()
    const operation = node instanceof DiskFile ? 'sync' : 'syncDirectory'
    this.#note(`${operation} ${path}`)
    const finish = node.startSync()
    if (this.#isFaulty(operation)) {
      this.hasFailed = true
      await this.#later()
      throw this.#failure('EIO', operation, path)
    }
    for (let turns = Math.floor(this.#random.fraction() * 4); turns > 0; turns -= 1) await this.#later()
    const isDurable = !isLast || this.#random.fraction() < 0.5
    if (isDurable) finish()
    if (isLast) this.kill()
    await this.#later()
  }

  #isFaulty(operation: FileOperation): boolean {
    const { errors, operations } = this.faults
    if (errors === 0 || (operations !== undefined && !operations.includes(operation))) return false
    return this.#random.fraction() < errors
  }

  #failure(code: string, operation: string, path: string): NodeJS.ErrnoException {
    this.#note(`${operation} ${path} fails: ${code}`)
    return systemError(code, path)
  }

  #countCall(): boolean {
    this.#callsUntilDeath -= 1
    return this.#callsUntilDeath < 0
  }

  /** Resolves in a later turn of the event loop, never after death. */
  #later(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isDead) return
      if (this.#waiting.length === 0) setImmediate(() => this.#release())
      this.#waiting.push(resolve)
    })
  }

  #release(): void {
    const count = 1 + Math.floor(this.#random.fraction() * this.#waiting.length)
    for (let released = 0; released < count && this.#waiting.length > 0; released += 1) {
      const [next] = this.#waiting.splice(Math.floor(this.#random.fraction() * this.#waiting.length), 1)
      next!()
    }
    if (this.#waiting.length > 0) setImmediate(() => this.#release())
  }

  #directory(path: string): DiskDirectory {
    const node = this.disk.at(path)
    if (node === undefined) throw systemError('ENOENT', path)
    if (node instanceof DiskFile) throw systemError('ENOTDIR', path)
    return node
  }

  #parent(path: string): DiskDirectory {
    return this.#directory(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
  }

  #file(path: string): DiskFile {
    const node = this.disk.at(path)
    if (node === undefined) throw systemError('ENOENT', path)
    if (node instanceof DiskDirectory) throw systemError('EISDIR', path)
    return node
  }

  /** Made when missing. */
  #made(path: string): DiskFile {
    const parent = this.#parent(path)
    if (!parent.names.has(nameOf(path))) {
      if (this.#freeBytes <= 0) throw this.#noSpace('open', path)
      parent.add(nameOf(path), new DiskFile())
    }
    return this.#file(path)
  }

  get #freeBytes(): number {
    const { capacityBytes, usedBytes } = this.disk
    return capacityBytes === Number.MAX_SAFE_INTEGER ? capacityBytes : capacityBytes - usedBytes
  }

  #noSpace(operation: string, path: string): NodeJS.ErrnoException {
    this.hasFailed = true
    return this.#failure('ENOSPC', operation, path)
  }

  #writing(file: DiskFile, position: number, bytes: Buffer, path: string): Step {
    const run = (share: number): void => {
      this.#write(file, position, bytes.subarray(0, Math.floor(share * bytes.length)), path)
    }
    return { run, isDivisible: true }
  }

  /** What fits is written. */
  #write(file: DiskFile, position: number, bytes: Buffer, path: string): void {
    const grows = Math.max(0, position + bytes.length - file.content.length)
    const free = grows === 0 ? grows : this.#freeBytes
    if (grows <= free) {
      file.write(position, bytes)
      return
    }
    file.write(position, bytes.subarray(0, Math.max(0, bytes.length - grows + Math.max(0, free))))
    throw this.#noSpace('write', path)
  }

  #handle(path: string, file: DiskFile): FileHandle {
    let isClosed = false
    const ensureOpen = (): void => {
      if (isClosed) throw systemError('EBADF', path)
    }
    const read = (position: number, length: number): Buffer => {
      ensureOpen()
      return file.content.subarray(position, position + length)
    }
    const write = (position: number, chunks: readonly Uint8Array[]): Step[] => {
      ensureOpen()
      return [this.#writing(file, position, Buffer.concat(chunks), path)]
    }
    return {
      read: async (position, length, into) => {
        const found = await this.#call('read', path, () => read(position, length))
        if (into === undefined) return found
        return into.subarray(0, found.copy(into))
      },
      readNow: (position, length) => {
        let found!: Buffer
        const run = (): void => {
          found = read(position, length)
        }
        this.#runNow('read', path, () => [{ run }])
        return found
      },
      write: (position, chunks) => this.#steps('write', path, () => write(position, chunks)),
      writeNow: (position, chunks) => this.#runNow('write', path, () => write(position, chunks)),
      sync: async () => {
        ensureOpen()
        await this.#sync(path, file)
      },
      truncate: (length) =>
        this.#call('truncate', path, () => {
          ensureOpen()
          file.truncate(length)
        }),
      size: () => this.#call('size', path, () => file.content.length),
      close: () =>
        this.#call('close', path, () => {
          ensureOpen()
          isClosed = true
        }),
    }
  }
}

/** One step for each name, those within a directory first. */
function removals(parent: DiskDirectory, name: string): Step[] {
  const node = parent.names.get(name)
  const inside = node instanceof DiskDirectory ? [...node.names.keys()].flatMap((each) => removals(node, each)) : []
  return [...inside, { run: () => parent.remove(name) }]
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
