/** preallocate=true: a segment's file has segment.bytes from the start, and what it holds at the end once it is rolled or closed. */
import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { batch, config, openDirectory, openLog, readAll, sequenced } from './fixtures.ts'

const preallocated = { segmentBytes: 2000, preallocate: true }

async function sizes(files: MemoryFileSystem): Promise<number[]> {
  const names = (await files.list('data/topic-0')).filter((name) => name.endsWith('.log'))
  return Promise.all(names.map((name) => files.sizeOf(`data/topic-0/${name}`)))
}

async function written(files: MemoryFileSystem, count: number) {
  const directory = await openDirectory(files)
  const log = await openLog(directory, preallocated)
  for (let index = 0; index < count; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
  return { directory, log, batchBytes: sequenced(5n, 0, 0, 2).length }
}

describe('a preallocated segment', () => {
  it('has its full size until it is rolled or closed', async () => {
    const files = new MemoryFileSystem()
    const { directory, log, batchBytes } = await written(files, 1)
    expect(await sizes(files)).toEqual([2000])
    expect(log.sizeInBytes).toBe(batchBytes)
    const perSegment = Math.floor(2000 / batchBytes)
    for (let index = 1; index <= perSegment; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
    expect(await sizes(files)).toEqual([perSegment * batchBytes, 2000])
    await directory.close()
    expect(await sizes(files)).toEqual([perSegment * batchBytes, batchBytes])
    // Whatever power failure comes after the stop.
    const survivor = files.afterCrash((_path, _size, syncedSize) => syncedSize)
    expect(await sizes(survivor)).toEqual([perSegment * batchBytes, batchBytes])
    const again = await openLog(await openDirectory(files), preallocated)
    expect((await readAll(again)).length).toBe((perSegment + 1) * 2)
  })

  it('is cut to what it holds after a crash, without a warning', async () => {
    for (const count of [0, 1, 5]) {
      const files = new MemoryFileSystem()
      await written(files, count)
      const survivor = files.afterCrash()
      const { logger, warnings } = recordingLogger()
      const log = await openLog(await openDirectory(survivor, { logger }), preallocated)
      expect(await readAll(log)).toHaveLength(count * 2)
      expect(warnings).toEqual([])
      expect((await log.append(sequenced(5n, 0, count * 2, 2), 'client')).baseOffset).toBe(count * 2)
      expect(await readAll(log)).toHaveLength(count * 2 + 2)
    }
  })

  it('follows a change of the config with the next segment', async () => {
    const files = new MemoryFileSystem()
    const { log, batchBytes } = await written(files, 1)
    log.applyConfig(config({ segmentBytes: 2000 }))
    const perSegment = Math.floor(2000 / batchBytes)
    for (let index = 1; index <= perSegment; index += 1) await log.append(batch(2), 'client')
    const [first, second] = await sizes(files)
    expect(first).toBeLessThanOrEqual(2000)
    expect(second).toBeLessThan(300)
  })
})
