/** What a crash leaves at each step of a removal or a replacement: the next start clears it away and misses nothing. */
import { describe, expect, it } from 'vitest'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { batch, config, openDirectory, openLog, readAll, sequenced } from './fixtures.ts'

const small = { segmentBytes: 300 }

/** What would be there after a crash before each change that `work` makes to names, and after the last. */
async function crashesDuring(files: MemoryFileSystem, work: () => Promise<unknown>): Promise<MemoryFileSystem[]> {
  const crashes: MemoryFileSystem[] = []
  files.beforeCall = (operation) => {
    const isChange = ['rename', 'remove', 'replaceFile', 'syncDirectory', 'truncate', 'open'].includes(operation)
    if (isChange) crashes.push(files.afterCrash())
  }
  await work()
  files.beforeCall = () => {}
  return [...crashes, files.afterCrash()]
}

async function leftIn(files: MemoryFileSystem, path: string): Promise<string[]> {
  return (await files.list(path)).filter((name) => /\.(deleted|tmp)$|-delete$/.test(name))
}

describe('a crash', () => {
  it('at any step of removing old segments brings back no part of them', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    const log = await openLog(directory, { ...small, retentionBytes: 400 })
    for (let index = 0; index < 10; index += 1) await log.append(sequenced(5n, 0, index * 2, 2), 'client')
    await log.flush()
    const crashes = await crashesDuring(files, () => log.enforceRetention())
    expect(log.logStartOffset).toBeGreaterThan(0)
    expect(crashes.length).toBeGreaterThan(10)
    const starts = new Set<number>()
    for (const survivor of crashes) {
      const second = await openDirectory(survivor)
      const again = await openLog(second, small)
      starts.add(again.logStartOffset)
      expect(await readAll(again)).toEqual(
        Array.from({ length: 20 - again.logStartOffset }, (_, index) => again.logStartOffset + index),
      )
      expect((await again.append(sequenced(5n, 0, 20, 2), 'client')).baseOffset).toBe(20)
      expect(await leftIn(survivor, 'data/topic-0')).toEqual([])
      await second.close()
    }
    expect([...starts]).toEqual([0, log.logStartOffset])
  })

  it('at any step of deleting a partition leaves it whole or nothing of it', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    const log = await openLog(directory, small)
    for (let index = 0; index < 5; index += 1) await log.append(batch(2), 'client')
    const crashes = await crashesDuring(files, () => directory.deletePartition('topic', 0))
    const ends = new Set<number>()
    for (const survivor of crashes) {
      const second = await openDirectory(survivor)
      const again = await openLog(second, small)
      ends.add(again.logEndOffset)
      expect((await readAll(again)).length).toBe(again.logEndOffset)
      expect(await leftIn(survivor, 'data')).toEqual([])
      await second.close()
    }
    expect([...ends]).toEqual([10, 0])
  })

  it('while a partition is made leaves one that can be used', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    await openLog(directory, small, 'other')
    const wanted = { topic: 'topic', partition: 0, topicId: 'AAAAAAAAAAAAAAAAAAAABQ', config: config(small) }
    const crashes = await crashesDuring(files, () => directory.openPartition(wanted))
    for (const survivor of crashes) {
      const second = await openDirectory(survivor)
      const log = await second.openPartition(wanted)
      expect((await log.append(batch(1), 'client')).baseOffset).toBe(0)
      expect(await second.storedTopicId('topic-0')).toBe(wanted.topicId)
      await second.close()
    }
  })
})

describe('a start', () => {
  it('clears away what was being replaced, and nothing that it does not know', async () => {
    const files = new MemoryFileSystem()
    await (await openDirectory(files)).close()
    const unknown = ['notes.tmp', 'my-delete', 'topic-0.00112233445566778899aabbccddeeff-stray']
    for (const name of unknown) await files.makeDirectory(`data/${name}`)
    for (const name of ['meta.properties.tmp', 'recovery-point-offset-checkpoint.tmp'])
      await files.replaceFile(`data/${name}`, 'x')
    await files.makeDirectory('data/topic-0.00112233445566778899aabbccddeeff-future')
    const { logger, warnings } = recordingLogger()
    const directory = await openDirectory(files, { logger })
    const names = await files.list('data')
    for (const name of unknown) expect(names).toContain(name)
    expect(names).toContain('topic-0.00112233445566778899aabbccddeeff-future')
    expect(names.filter((name) => /(properties|checkpoint)\.tmp$/.test(name))).toEqual([])
    expect(warnings).toEqual([])
    expect(directory.storedPartitions()).toEqual([])
  })

  it('goes on when a left-over can not be removed', async () => {
    const files = new MemoryFileSystem()
    await (await openDirectory(files)).close()
    const name = 'topic-0.00112233445566778899aabbccddeeff-delete'
    await files.makeDirectory(`data/${name}`)
    files.beforeCall = (operation, path) => {
      if (operation === 'remove' && path.endsWith('-delete')) throw systemError('EACCES', path)
    }
    const { logger, warnings } = recordingLogger()
    const log = await openLog(await openDirectory(files, { logger }))
    expect((await log.append(batch(1), 'client')).baseOffset).toBe(0)
    expect(warnings).toEqual(['what a crash has left could not be removed'])
  })
})
