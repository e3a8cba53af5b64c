/**
 * runtime: the real file system.
 *
 * What only touches directory entries and the page cache (open, list, rename, small reads and writes) is done in place: a
 * thread switch costs several times the call. A budget of calls and of time per loop turn keeps a thousand of them from holding up the sockets,
 * also where the disk is slow to make a name. What may wait
 * for the disk (reads, fsyncs, large writes) goes to libuv's four threads, fsyncs and reads at most two at a time each.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { FileHandle, FileSystem } from './file-system.ts'
import { acquireProcessLock } from './process-lock.ts'
import { LimitedQueue } from './serial-queue.ts'

const inPlaceCallsPerTurn = 128
/** No call begins later in a turn. */
const inPlaceMsPerTurn = 5
const concurrentSyncs = 2
const concurrentReads = 2
/** Files up to this size are read in place. */
const smallFileBytes = 64 * 1024
/** libuv hands writev at most this many buffers at a time. */
const maxBuffersPerWrite = 1024

/** One set of limits for the process: libuv's threads are one set too. */
const syncs = new LimitedQueue(concurrentSyncs)
const reads = new LimitedQueue(concurrentReads)

let callsThisTurn = 0
let turnEndsAtMs = 0
let isTurnEndScheduled = false
const waitingForTurn: (() => void)[] = []

function beginTurn(): void {
  callsThisTurn = 0
  turnEndsAtMs = performance.now() + inPlaceMsPerTurn
  isTurnEndScheduled = true
  setImmediate(endTurn)
}

function isTurnOver(): boolean {
  return callsThisTurn >= inPlaceCallsPerTurn || (callsThisTurn > 0 && performance.now() >= turnEndsAtMs)
}

function endTurn(): void {
  isTurnEndScheduled = false
  if (waitingForTurn.length === 0) return
  beginTurn()
  let begun = 0
  for (; begun < waitingForTurn.length && !isTurnOver(); begun += 1) {
    callsThisTurn += 1
    waitingForTurn[begun]!()
  }
  waitingForTurn.splice(0, begun)
}

/** Waits for a later turn when this one had its share of calls, or of time. */
function inPlace<T>(call: () => T): Promise<T> {
  if (!isTurnEndScheduled) beginTurn()
  return new Promise((resolve, reject) => {
    const run = (): void => {
      try {
        resolve(call())
      } catch (error) {
        reject(error)
      }
    }
    if (waitingForTurn.length > 0 || isTurnOver()) {
      waitingForTurn.push(run)
      return
    }
    callsThisTurn += 1
    run()
  })
}

type Done<T> = (error: NodeJS.ErrnoException | null, result: T) => void

function called<T>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error === null || error === undefined ? resolve(result) : reject(error)))
  })
}

/** What is left of `chunks` after `written` bytes. */
function remaining(chunks: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let skip = written
  for (let index = 0; index < chunks.length; index += 1) {
    const chunk = chunks[index]!
    if (skip < chunk.byteLength) return [chunk.subarray(skip), ...chunks.slice(index + 1)]
    skip -= chunk.byteLength
  }
  return []
}

function totalBytes(chunks: readonly Uint8Array[]): number {
  let total = 0
  for (const chunk of chunks) total += chunk.byteLength
  return total
}

function wroteNothing(): NodeJS.ErrnoException {
  return Object.assign(new Error('ENOSPC: a write took no bytes'), { code: 'ENOSPC' })
}

class NodeFileHandle implements FileHandle {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  read(position: number, length: number, into?: Buffer): Promise<Buffer> {
    return reads.run(async () => {
      const buffer = into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
      let filled = 0
      while (filled < length) {
        const count = await called<number>((done) =>
          fs.read(this.#descriptor, buffer, filled, length - filled, position + filled, done),
        )
        if (count === 0) break
        filled += count
      }
      return filled === length ? buffer : buffer.subarray(0, filled)
    })
  }

  readNow(position: number, length: number, into?: Buffer): Buffer {
    const buffer = into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
    let filled = 0
    while (filled < length) {
      const count = fs.readSync(this.#descriptor, buffer, filled, length - filled, position + filled)
      if (count === 0) break
      filled += count
    }
    return filled === length ? buffer : buffer.subarray(0, filled)
  }

  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    let at = position
    let left = chunks
    for (let bytes = totalBytes(left); bytes > 0; bytes = totalBytes(left)) {
      const some = left.length > maxBuffersPerWrite ? left.slice(0, maxBuffersPerWrite) : left
      const count = await called<number>((done) =>
        some.length === 1
          ? fs.write(this.#descriptor, some[0]!, 0, some[0]!.byteLength, at, done)
          : fs.writev(this.#descriptor, some, at, done),
      )
      if (count === 0) throw wroteNothing()
      at += count
      left = count === bytes ? [] : remaining(left, count)
    }
  }

  writeNow(position: number, chunks: readonly Uint8Array[]): void {
    let at = position
    let left = chunks
    for (let bytes = totalBytes(left); bytes > 0; bytes = totalBytes(left)) {
      const some = left.length > maxBuffersPerWrite ? left.slice(0, maxBuffersPerWrite) : left
      const count =
        some.length === 1
          ? fs.writeSync(this.#descriptor, some[0]!, 0, some[0]!.byteLength, at)
          : fs.writevSync(this.#descriptor, some, at)
      if (count === 0) throw wroteNothing()
      at += count
      left = count === bytes ? [] : remaining(left, count)
    }
  }

  sync(): Promise<void> {
    return syncs.run(() => called<void>((done) => fs.fdatasync(this.#descriptor, done as fs.NoParamCallback)))
  }

  truncate(length: number): Promise<void> {
    return inPlace(() => fs.ftruncateSync(this.#descriptor, length))
  }

  size(): Promise<number> {
    return inPlace(() => fs.fstatSync(this.#descriptor).size)
  }

  async close(): Promise<void> {
    fs.closeSync(this.#descriptor)
  }
}

/** The same for a thread that may block: what others leave to libuv's threads it does itself, with its own priority. */
class BlockingFileHandle extends NodeFileHandle {
  override async read(position: number, length: number, into?: Buffer): Promise<Buffer> {
    return this.readNow(position, length, into)
  }

  override async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    this.writeNow(position, chunks)
  }
}

async function openWith(Handle: typeof NodeFileHandle, file: string, mode: 'read' | 'write'): Promise<FileHandle> {
  const flags = mode === 'read' ? fs.constants.O_RDONLY : fs.constants.O_RDWR | fs.constants.O_CREAT
  return new Handle(await inPlace(() => fs.openSync(file, flags)))
}

/** A small file, at once: what is read before anything runs. @throws what the system says */
export function readTextNow(path: string): string {
  return fs.readFileSync(path, 'utf8')
}

export const nodeFileSystem: FileSystem = {
  open: (file, mode) => openWith(NodeFileHandle, file, mode),

  async readFile(file) {
    const descriptor = await inPlace(() => fs.openSync(file, 'r'))
    const handle = new NodeFileHandle(descriptor)
    try {
      const { size } = fs.fstatSync(descriptor)
      return size <= smallFileBytes ? handle.readNow(0, size) : await handle.read(0, size)
    } finally {
      fs.closeSync(descriptor)
    }
  },

  async replaceFile(file, content, durability = 'synced') {
    const temporary = `${file}.tmp`
    if (durability === 'unsynced') {
      await inPlace(() => {
        fs.writeFileSync(temporary, content)
        fs.renameSync(temporary, file)
      })
      return
    }
    const descriptor = await inPlace(() => fs.openSync(temporary, 'w'))
    try {
      fs.writeFileSync(descriptor, content)
      await new NodeFileHandle(descriptor).sync()
    } finally {
      fs.closeSync(descriptor)
    }
    fs.renameSync(temporary, file)
    await this.syncDirectory(path.dirname(file))
  },

  async makeDirectory(directory) {
    await inPlace(() => fs.mkdirSync(directory, { recursive: true }))
  },

  list(directory) {
    return inPlace(() => fs.readdirSync(directory).sort())
  },

  exists(file) {
    return inPlace(() => fs.existsSync(file))
  },

  sizeOf(file) {
    return inPlace(() => fs.statSync(file).size)
  },

  rename(from, to) {
    return inPlace(() => fs.renameSync(from, to))
  },

  async remove(file) {
    await fs.promises.rm(file, { recursive: true, force: true })
  },

  async syncDirectory(directory) {
    // Windows can't open a directory; NTFS journals names by itself.
    if (process.platform === 'win32') return
    const descriptor = await inPlace(() => fs.openSync(directory, 'r'))
    try {
      await syncs.run(() => called<void>((done) => fs.fsync(descriptor, done as fs.NoParamCallback)))
    } finally {
      fs.closeSync(descriptor)
    }
  },

  lock: acquireProcessLock,

  async space(directory) {
    const volume = await fs.promises.statfs(directory)
    return { totalBytes: volume.blocks * volume.bsize, usableBytes: volume.bavail * volume.bsize }
  },
}

/** For a thread of its own: reads and writes block it. */
export const blockingFileSystem: FileSystem = {
  ...nodeFileSystem,
  open: (file, mode) => openWith(BlockingFileHandle, file, mode),
}
