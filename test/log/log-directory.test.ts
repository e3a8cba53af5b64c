import { describe, expect, it } from 'vitest'
import type { LogDirectory } from '../../src/log/log-directory.ts'
import { MemoryFileSystem, systemError } from '../../src/runtime/memory-file-system.ts'
import { recordingLogger } from '../runtime/recording-logger.ts'
import { batch, config, openDirectory, openLog, readAll } from './fixtures.ts'

const topicId = 'dpRtOMuPTa2yE_JDNwz0BA'
const otherId = 'AAAAAAAAAAAAAAAAAAAAAQ'

async function text(files: MemoryFileSystem, name: string): Promise<string> {
  return (await files.readFile(`data/${name}`)).toString()
}

/** Of a log with two records, whose file has got the beginning of a third. */
async function releasedAfterFailure(files: MemoryFileSystem): Promise<LogDirectory> {
  const path = 'data/topic-0/00000000000000000000.log'
  const directory = await openDirectory(files)
  const log = await openLog(directory)
  await log.append(batch(2), 'client')
  files.beforeCall = (operation) => {
    if (operation === 'write') throw systemError('EIO', path)
  }
  await expect(log.append(batch(1), 'client')).rejects.toThrow('is offline: EIO')
  files.beforeCall = () => {}
  const file = await files.open(path, 'write')
  file.writeNow(await files.sizeOf(path), [batch(1).subarray(0, 40)])
  await file.close()
  expect(await directory.release({ topic: 'topic', partition: 0 })).toBe(false)
  return directory
}

describe('a log directory', () => {
  it('gets a cluster id and a directory id that stay', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    const { clusterId, directoryId } = first
    expect(clusterId).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(directoryId).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect((await text(files, 'meta.properties')).split('\n').sort()).toEqual(
      ['', '#', 'version=1', 'node.id=1', `cluster.id=${clusterId}`, `directory.id=${directoryId}`].sort(),
    )
    await first.close()
    const second = await openDirectory(files)
    expect([second.clusterId, second.directoryId]).toEqual([clusterId, directoryId])
  })

  it('says whose it is when it belongs to somebody else, and keeps what it does not know', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory('data')
    const content = 'version=1\nnode.id=7\ncluster.id=abcdefghijklmnopqrstuv\nsome.key = kept\n'
    await files.replaceFile('data/meta.properties', content)
    await expect(openDirectory(files)).rejects.toThrow(/belongs to node\.id=7, but this is node\.id=1/)
    await expect(openDirectory(files, { nodeId: 7, clusterId: 'x' })).rejects.toThrow(/belongs to cluster\.id=abcdef/)
    const directory = await openDirectory(files, { nodeId: 7 })
    expect(directory.clusterId).toBe('abcdefghijklmnopqrstuv')
    expect(await text(files, 'meta.properties')).toContain('some.key=kept\n')
    await directory.close()
    await files.replaceFile('data/meta.properties', 'version=0\nbroker.id=1\n')
    await expect(openDirectory(files)).rejects.toThrow(/version=0 is not supported/)
  })

  it('belongs to one broker at a time', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    await expect(openDirectory(files)).rejects.toThrow('the log directory data is in use by another broker')
    await first.close()
    await (await openDirectory(files)).close()
  })

  it('is marked as cleanly stopped only while it is', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    expect(first.wasCleanlyStopped).toBe(true)
    await openLog(first)
    expect(await files.exists('data/.kafka_cleanshutdown')).toBe(false)
    await Promise.all([first.close(42), first.close()])
    expect(await text(files, '.kafka_cleanshutdown')).toBe('{"version":0,"brokerEpoch":42}')
    const second = await openDirectory(files)
    expect(await files.exists('data/.kafka_cleanshutdown')).toBe(false)
    await second.close()
    expect((await openDirectory(files.afterCrash())).wasCleanlyStopped).toBe(true)
    await files.remove('data/.kafka_cleanshutdown')
    expect((await openDirectory(files.afterCrash())).wasCleanlyStopped).toBe(false)
  })

  it('is not marked after a log has failed, also where that was released, but where it was recovered since', async () => {
    for (const isOpenedAgain of [false, true]) {
      const files = new MemoryFileSystem()
      const directory = await releasedAfterFailure(files)
      if (isOpenedAgain) {
        const again = await openLog(directory)
        expect([again.logEndOffset, (await again.append(batch(1), 'client')).baseOffset]).toEqual([2, 2])
      }
      await directory.close()
      expect(await files.exists('data/.kafka_cleanshutdown')).toBe(isOpenedAgain)
      expect(await readAll(await openLog(await openDirectory(files)))).toEqual(isOpenedAgain ? [0, 1, 2] : [0, 1])
    }
  })

  it('knows nothing of a log start that could not be written down when the partition is opened again', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    const log = await openLog(directory)
    for (let index = 0; index < 3; index += 1) await log.append(batch(1), 'client')
    files.beforeCall = (operation, path) => {
      if (operation === 'replaceFile' && path.endsWith('log-start-offset-checkpoint')) throw systemError('ENOSPC', path)
    }
    await expect(log.deleteRecordsBefore(2)).rejects.toThrow('ENOSPC')
    files.beforeCall = () => {}
    expect(await directory.release({ topic: 'topic', partition: 0 })).toBe(true)
    const again = await openLog(directory)
    expect(again.logStartOffset).toBe(0)
    await again.deleteRecordsBefore(2)
    expect(await text(files, 'log-start-offset-checkpoint')).toBe('0\n1\ntopic 0 2\n')
  })

  it('is not marked while a partition that a crash left is still to be recovered', async () => {
    const files = new MemoryFileSystem()
    await openLog(await openDirectory(files))
    const crashed = files.afterCrash()
    const failedStart = await openDirectory(crashed)
    expect(failedStart.storedPartitions()).toHaveLength(1)
    await failedStart.close()
    expect(await crashed.exists('data/.kafka_cleanshutdown')).toBe(false)
    const nextStart = await openDirectory(crashed)
    await openLog(nextStart)
    await nextStart.close()
    expect(await crashed.exists('data/.kafka_cleanshutdown')).toBe(true)
  })

  it('makes a partition with the files that Kafka makes', async () => {
    const files = new MemoryFileSystem()
    const directory = await openDirectory(files)
    const [log, same] = await Promise.all([
      directory.openPartition({ topic: 'a.b_c-d', partition: 12, topicId, config: config() }),
      directory.openPartition({ topic: 'a.b_c-d', partition: 12, topicId, config: config() }),
    ])
    expect(same).toBe(log)
    expect(directory.partition('a.b_c-d', 12)).toBe(log)
    expect(directory.storedPartitions()).toEqual([{ topic: 'a.b_c-d', partition: 12 }])
    expect(await files.list('data/a.b_c-d-12')).toEqual([
      '00000000000000000000.index',
      '00000000000000000000.log',
      '00000000000000000000.timeindex',
      'partition.metadata',
    ])
    expect(await text(files, 'a.b_c-d-12/partition.metadata')).toBe(`version: 0\ntopic_id: ${topicId}`)
  })

  it('writes checkpoints, and keeps the entries of partitions that were not opened', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    for (const topic of ['one', 'two']) await (await openLog(first, {}, topic)).append(batch(3), 'client')
    await first.partition('two', 0)!.deleteRecordsBefore(2)
    await first.close()
    const second = await openDirectory(files)
    await (await openLog(second, {}, 'one')).append(batch(2), 'client')
    await second.close()
    for (const name of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint']) {
      expect(await text(files, name)).toBe('0\n2\none 0 5\ntwo 0 3\n')
    }
    expect(await text(files, 'log-start-offset-checkpoint')).toBe('0\n1\ntwo 0 2\n')
    expect((await openLog(await openDirectory(files), {}, 'two')).logStartOffset).toBe(2)
  })

  it('does without checkpoints, and with broken ones', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    await (await openLog(first)).append(batch(3), 'client')
    await first.close()
    await files.remove('data/recovery-point-offset-checkpoint')
    await files.replaceFile('data/log-start-offset-checkpoint', '0\n1\nnonsense\n')
    await files.replaceFile('data/replication-offset-checkpoint', '7')
    const log = await openLog(await openDirectory(files))
    expect(await readAll(log)).toEqual([0, 1, 2])
  })

  it('takes a checkpoint without a byte, as Kafka makes it, for an empty one', async () => {
    const files = new MemoryFileSystem()
    await (await openDirectory(files)).close()
    for (const name of ['cleaner-offset-checkpoint', 'log-start-offset-checkpoint'])
      await files.replaceFile(`data/${name}`, '')
    const { logger, warnings } = recordingLogger()
    await openDirectory(files, { logger })
    expect(warnings).toEqual([])
  })

  it('deletes partitions, opened or not, by renaming them first, and makes new ones of that name', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    await (await openLog(first, {}, 'one')).append(batch(3), 'client')
    await openLog(first, {}, 'two')
    const deleted = first.deletePartition('one', 0)
    const again = first.openPartition({ topic: 'one', partition: 0, config: config() })
    await deleted
    const log =
      first.partition('one', 0) ?? (await first.openPartition({ topic: 'one', partition: 0, config: config() }))
    expect(log.logEndOffset).toBe(0)
    await again
    await first.close()
    const second = await openDirectory(files)
    await second.deletePartition('two', 0)
    await second.deletePartition('two', 0)
    expect(second.storedPartitions()).toEqual([{ topic: 'one', partition: 0 }])
    expect((await files.list('data')).some((name) => name.includes('delete'))).toBe(false)
  })

  it('removes what a crash left of a deletion', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    await openLog(first)
    await first.close()
    await files.rename('data/topic-0', 'data/topic-0.00112233445566778899aabbccddeeff-delete')
    const second = await openDirectory(files)
    expect(second.storedPartitions()).toEqual([])
    expect((await files.list('data')).filter((name) => name.startsWith('topic'))).toEqual([])
  })

  it('puts a partition of an older topic of the same name aside', async () => {
    const files = new MemoryFileSystem()
    const first = await openDirectory(files)
    const old = await first.openPartition({ topic: 'topic', partition: 0, topicId, config: config() })
    await old.append(batch(3), 'client')
    await first.close()
    const second = await openDirectory(files)
    const log = await second.openPartition({ topic: 'topic', partition: 0, topicId: otherId, config: config() })
    expect(log.logEndOffset).toBe(0)
    expect(
      (await files.list('data'))
        .filter((name) => name.startsWith('topic'))
        .map((name) => name.replace(/[0-9a-f]{32}/, 'x')),
    ).toEqual(['topic-0', 'topic-0.x-stray'])
  })

  it('makes, stops and starts a thousand partitions with a few calls each, and no sync for one that is idle', async () => {
    const files = new MemoryFileSystem()
    let calls = new Map<string, number>()
    const counted = (): Record<string, number> => {
      const perPartition = [...calls].map(([operation, count]) => [operation, Math.round(count / 1000)] as const)
      calls = new Map()
      return Object.fromEntries(perPartition.filter(([, count]) => count > 0))
    }
    files.beforeCall = (operation) => calls.set(operation, (calls.get(operation) ?? 0) + 1)
    const partitions = Array.from({ length: 1000 }, (_, partition) => partition)
    const open = async (directory: LogDirectory, leaderEpoch: number) => {
      const logs = await Promise.all(
        partitions.map((partition) => directory.openPartition({ topic: 't', partition, topicId, config: config() })),
      )
      for (const log of logs) await log.becomeLeader(leaderEpoch)
      return logs
    }
    const first = await openDirectory(files)
    const logs = await open(first, 0)
    expect(counted()).toEqual({ makeDirectory: 1, open: 4, write: 1, close: 3 })
    await Promise.all(logs.slice(0, 20).map((log) => log.append(batch(1), 'client')))
    await first.close()
    expect(counted()).toEqual({ close: 1 })
    const second = await openDirectory(files)
    const again = await open(second, 1)
    expect(counted()).toEqual({ list: 1, readFile: 1, sizeOf: 1 })
    expect(again.map((log) => log.logEndOffset)).toEqual(partitions.map((partition) => (partition < 20 ? 1 : 0)))
    await second.close()
    expect(counted()).toEqual({})
  })
})
