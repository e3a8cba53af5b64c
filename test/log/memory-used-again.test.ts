/** Records that come in memory which is used again: a log holds what it still needs, and no longer. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { LogDirectory } from '../../src/log/log-directory.ts'
import type { PartitionLog, ReadResult } from '../../src/log/partition-log.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { largeSlabs, SlabPool, slabOf } from '../../src/runtime/slabs.ts'
import { batch, openDirectory, openLog, readAll } from './fixtures.ts'

const slabBytes = 64 * 1024
const valueBytes = 30_000
const options = { maxBytes: 1_000_000, minOneBatch: true, isolation: 'high_watermark' } as const

let directory: LogDirectory | undefined
afterEach(() => directory?.close())

async function open(tailCacheBytes: number, files = new MemoryFileSystem()): Promise<PartitionLog> {
  directory = await openDirectory(files, { limits: { tailCacheBytes } })
  return await openLog(directory)
}

/** Appends a batch that lies in a slab of `pool`, and lets go of it as the server does when the request is answered. */
async function appendFrom(pool: SlabPool, log: PartitionLog): Promise<Buffer> {
  const bytes = batch(1, { valueBytes })
  const slab = pool.take()
  const view = slab.buffer.subarray(100, 100 + bytes.copy(slab.buffer, 100))
  await log.append(view, 'client')
  slab.release()
  return slab.buffer
}

async function read(log: PartitionLog, offset: number): Promise<ReadResult> {
  return await log.read(offset, options)
}

it('what is at the end of a log keeps its memory, what is behind the budget gives it back', async () => {
  const log = await open(3 * slabBytes)
  const pool = new SlabPool(slabBytes, 100)
  const used = new Set<Buffer>()
  for (let index = 0; index < 50; index += 1) used.add(await appendFrom(pool, log))
  expect(used.size).toBeGreaterThanOrEqual(3)
  expect(used.size).toBeLessThan(6)
  expect(await readAll(log, 0, 100_000)).toEqual(Array.from({ length: 50 }, (_, offset) => offset))
})

it('what was read stays as it is until it is given back, whatever is appended meanwhile', async () => {
  const log = await open(2 * slabBytes)
  const pool = new SlabPool(slabBytes, 100)
  const slab = await appendFrom(pool, log)
  const result = await read(log, 0)
  expect(result.records[0]!.buffer).toBe(slab.buffer)
  const before = Buffer.concat(result.records)
  for (let index = 0; index < 10; index += 1) expect(await appendFrom(pool, log)).not.toBe(slab)
  expect(Buffer.concat(result.records).equals(before)).toBe(true)
  result.release!()
  const used = new Set<Buffer>()
  for (let index = 0; index < 10; index += 1) used.add(await appendFrom(pool, log))
  expect(used).toContain(slab)
})

it('what waits to be written keeps its memory', async () => {
  const files = new MemoryFileSystem()
  const log = await open(slabBytes, files)
  const pool = new SlabPool(slabBytes, 100)
  const bytes = batch(1, { valueBytes })
  const slab = pool.take()
  const appended = log.append(slab.buffer.subarray(0, bytes.copy(slab.buffer)), 'client')
  slab.release()
  expect(pool.take()).not.toBe(slab)
  await appended
  expect((await read(log, 0)).sizeInBytes).toBe(bytes.length)
})

it('a small part of it is copied, so that the rest can be used', async () => {
  const log = await open(10 * slabBytes)
  const pool = new SlabPool(slabBytes, 100)
  const bytes = batch(1)
  for (let index = 0; index < 10; index += 1) {
    const slab = pool.take()
    const view = slab.buffer.subarray(0, bytes.copy(slab.buffer))
    await log.append(view, 'client')
    slab.release()
    expect(pool.take()).toBe(slab)
    slab.buffer.fill(0)
    slab.release()
  }
  expect(await readAll(log)).toHaveLength(10)
})

it('what failed to be written is not used again: what becomes of it is not known', async () => {
  const files = new MemoryFileSystem()
  const log = await open(slabBytes, files)
  const pool = new SlabPool(slabBytes, 100)
  files.beforeCall = (call) => {
    if (call === 'write') throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
  }
  const bytes = batch(1, { valueBytes })
  const slab = pool.take()
  await expect(log.append(slab.buffer.subarray(0, bytes.copy(slab.buffer)), 'client')).rejects.toThrow('offline')
  slab.release()
  expect(pool.take()).not.toBe(slab)
})

it('what may take no byte is not looked for in files', async () => {
  const files = new MemoryFileSystem()
  const log = await open(0, files)
  await log.append(batch(1, { valueBytes }), 'client')
  files.beforeCall = (call) => {
    if (call === 'read') throw new Error('a file was read')
  }
  expect(log.read(0, { ...options, maxBytes: 0, minOneBatch: false })).toMatchObject({ records: [], highWatermark: 1 })
})

it('what is read from files lies in memory that is used again, also where the batch had to be looked for', async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-slabs-'))
  try {
    directory = await openDirectory(nodeFileSystem, { path: root, limits: { tailCacheBytes: 0 } })
    const log = await openLog(directory)
    for (let count = 0; count < 4; count += 1) await log.append(batch(1, { valueBytes: 100_000 }), 'client')
    for (const offset of [2, 3, 0, 1]) {
      const result = await log.read(offset, { ...options, maxBytes: 100_200 })
      expect(slabOf(result.records[0]!)?.pool).toBe(largeSlabs)
      result.release!()
    }
  } finally {
    await directory?.close()
    fs.rmSync(root, { recursive: true })
  }
})

it('readers that take turns each read on where they were, with one look into the file', async () => {
  const files = new MemoryFileSystem()
  const log = await open(0, files)
  const records = 5
  for (let count = 0; count < records; count += 1) await log.append(batch(1, { valueBytes }), 'client')
  let looks = 0
  files.beforeCall = (call) => {
    if (call === 'read') looks += 1
  }
  const readers = 20
  for (let offset = 0; offset < records; offset += 1) {
    for (let reader = 0; reader < readers; reader += 1) {
      // Not all at the same place.
      const at = (offset + reader) % records
      expect((await log.read(at, { ...options, maxBytes: valueBytes + 200 })).records).toHaveLength(1)
    }
  }
  expect(looks).toBeLessThanOrEqual(readers * records)
})
