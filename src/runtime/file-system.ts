/**
 * runtime: the file system that every room is handed. `node-file-system.ts` is the real one, `memory-file-system.ts`
 * the one of `--memory` and of the tests.
 *
 * Errors are Node's (`code`: ENOENT, ENOSPC, EIO, ...). Paths are joined with `/`. Short reads and writes are continued
 * inside: a read returns fewer bytes only at the end of the file, a write has written all.
 */

export interface FileHandle {
  /**
   * Up to `length` bytes from `position`, without blocking the event loop; shorter only at the end of the file. `into`: memory of at
   * least that length that may be used for them.
   */
  read(position: number, length: number, into?: Buffer): Promise<Buffer>
  /** The same, in place. For small reads of what lately was written: it is in the page cache. */
  readNow(position: number, length: number): Buffer
  /** Writes all of `chunks` one after the other from `position`, without blocking the event loop (one writev where it fits). */
  write(position: number, chunks: readonly Uint8Array[]): Promise<void>
  /** The same, in place: cheaper up to some hundred KiB, because writing to the page cache costs less than a thread switch. */
  writeNow(position: number, chunks: readonly Uint8Array[]): void
  /** fdatasync. */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

export interface FileSystem {
  /** `read`: must exist. `write`: read and write, created when missing. */
  open(path: string, mode: 'read' | 'write'): Promise<FileHandle>
  /** The buffer is the caller's. */
  readFile(path: string): Promise<Buffer>
  /**
   * Replaces `path` so that a crash leaves the old or the new content: temporary file, sync, rename, sync of the directory.
   * `unsynced` leaves out both syncs: the process may die any time, but after a power failure the content may be gone or
   * empty. For what can be rebuilt.
   */
  replaceFile(path: string, content: string | Uint8Array, durability?: 'synced' | 'unsynced'): Promise<void>
  /** Creates `path` with its parents; fine when it is there. */
  makeDirectory(path: string): Promise<void>
  /** Names in `path`, sorted. @throws ENOENT */
  list(path: string): Promise<string[]>
  exists(path: string): Promise<boolean>
  /** Bytes in the file `path`. @throws ENOENT */
  sizeOf(path: string): Promise<number>
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all in it; fine when it is gone. */
  remove(path: string): Promise<void>
  /** Makes creations, renames and removals in the directory `path` durable. */
  syncDirectory(path: string): Promise<void>
  /**
   * Takes the exclusive lock `path` for this process; the operating system gives it back when the process ends, however it
   * ends. Resolves with the release. @throws Error with code ELOCKED when another holder has it.
   */
  lock(path: string): Promise<() => Promise<void>>
  /** Total and usable bytes of the volume that holds `path`. */
  space(path: string): Promise<{ totalBytes: number; usableBytes: number }>
}
