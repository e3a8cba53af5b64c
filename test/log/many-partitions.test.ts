/** What ten thousand partitions take: few open files at a time, whatever is done with them, and little memory. */
import { expect, it } from 'vitest'
import { LogDirectory } from '../../src/log/log-directory.ts'
import type { FileHandle } from '../../src/runtime/file-system.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { forEachLimited } from '../../src/runtime/serial-queue.ts'
import { usedHeapBytes } from '../runtime/used-heap.ts'
import { batch, config, directoryOptions, readAll } from './fixtures.ts'

const partitionCount = 10_000
const maxOpenFiles = 100
const parallel = 32
/** Those in use may come on top: a log's segment and one of its indexes. */
const most = maxOpenFiles + 2 * parallel

/** Counts the handles that are open on `files`. */
function counted(files: MemoryFileSystem): { readonly open: () => number; readonly most: () => number } {
  const open = new Set<FileHandle>()
  let most = 0
  const openFile = files.open.bind(files)
  files.open = async (path, mode) => {
    const handle = await openFile(path, mode)
    open.add(handle)
    most = Math.max(most, open.size)
    const close = handle.close.bind(handle)
    handle.close = () => {
      open.delete(handle)
      return close()
    }
    return handle
  }
  return { open: () => open.size, most: () => most }
}

it('10,000 partitions are made, written, read, closed and opened again with a bounded number of open files', async () => {
  const files = new MemoryFileSystem()
  const handles = counted(files)
  const partitions = Array.from({ length: partitionCount }, (_, partition) => partition)
  const openAll = async () => {
    const directory = await LogDirectory.open(directoryOptions(files, { limits: { maxOpenFiles } }))
    await forEachLimited(partitions, parallel, (partition) =>
      directory.openPartition({ topic: 'many', partition, config: config() }),
    )
    return directory
  }

  const directory = await openAll()
  expect(handles.most()).toBeLessThanOrEqual(most)
  await forEachLimited(directory.partitions(), parallel, async (log) => {
    await log.becomeLeader(0)
    await log.append(batch(1), 'client')
  })
  expect(handles.most()).toBeLessThanOrEqual(most)
  await directory.close()
  expect(handles.open()).toBe(0)

  const again = await openAll()
  await forEachLimited(again.partitions(), parallel, async (log) => {
    expect(await readAll(log)).toEqual([0])
  })
  expect(handles.most()).toBeLessThanOrEqual(most)
  await again.close()
  expect(handles.open()).toBe(0)
}, 60_000)

it('an empty partition that was opened again takes less than 5 KB', async () => {
  const files = new MemoryFileSystem()
  const openSome = async (count: number) => {
    const directory = await LogDirectory.open(directoryOptions(files))
    for (let partition = 0; partition < count; partition += 1) {
      const log = await directory.openPartition({ topic: 'many', partition, config: config() })
      await log.becomeLeader(0)
    }
    return directory
  }
  await (await openSome(2_000)).close()
  await (await openSome(2_000)).close()
  const before = usedHeapBytes()
  const directory = await openSome(2_000)
  expect((usedHeapBytes() - before) / 2_000).toBeLessThan(5_000)
  await directory.close()
})
