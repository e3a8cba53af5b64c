/** broker: metadata.log.dir, and the line that a directory of several brokers is worth. */
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { startBroker } from '../../src/broker.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { temporaryDirectory } from './temporary-directory.ts'

async function createTopic(bootstrapServers: string, topic: string): Promise<string[]> {
  const kafka = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic }] })
  const topics = await admin.listTopics()
  await admin.disconnect()
  return topics.sort()
}

describe('metadata.log.dir', () => {
  it('holds the metadata log and nothing else', async () => {
    const root = await temporaryDirectory()
    const dataDir = join(root, 'data')
    const settings = { 'metadata.log.dir': join(root, 'metadata') }
    const first = await startBroker({ port: 0, dataDir, settings })
    await createTopic(first.bootstrapServers, 'one')
    await first.close()
    expect((await readdir(settings['metadata.log.dir'])).sort()).toEqual(
      expect.arrayContaining([
        '.kafka_cleanshutdown',
        '__cluster_metadata-0',
        'bootstrap.checkpoint',
        'meta.properties',
      ]),
    )
    await expect(access(join(settings['metadata.log.dir'], 'one-0'))).rejects.toThrow('ENOENT')
    await expect(access(join(dataDir, '__cluster_metadata-0'))).rejects.toThrow('ENOENT')
    await access(join(dataDir, 'one-0'))
    const again = await startBroker({ port: 0, dataDir, settings })
    expect(again.clusterId).toBe(first.clusterId)
    expect(await createTopic(again.bootstrapServers, 'two')).toEqual(['one', 'two'])
    await again.close()
  })

  it('may be one of log.dirs', async () => {
    const root = await temporaryDirectory()
    const settings = { 'log.dirs': `${root}/a,${root}/b`, 'metadata.log.dir': `${root}/b` }
    const broker = await startBroker({ port: 0, settings })
    await createTopic(broker.bootstrapServers, 'one')
    await broker.close()
    await access(`${root}/b/__cluster_metadata-0`)
    await expect(access(`${root}/a/__cluster_metadata-0`)).rejects.toThrow('ENOENT')
  })

  it('is refused with one line where the metadata log lies elsewhere', async () => {
    const root = await temporaryDirectory()
    const dataDir = join(root, 'data')
    const first = await startBroker({ port: 0, dataDir })
    await first.close()
    const settings = { 'metadata.log.dir': join(root, 'metadata') }
    await expect(startBroker({ port: 0, dataDir, settings })).rejects.toThrow(
      `the metadata log lies in ${dataDir}, not in ${settings['metadata.log.dir']} where metadata.log.dir says: move __cluster_metadata-0 and bootstrap.checkpoint there, or change the config`,
    )
  })
})

it('a start of one broker on the data of two says in one line what waits for the other', async () => {
  const dataDir = await temporaryDirectory()
  const both = await openCluster({ files: nodeFileSystem, path: dataDir, brokers: [1, 2] })
  await both.cluster.createTopics([newTopic('spread', { numPartitions: 4 })])
  await both.cluster.close()
  const said: string[] = []
  const warn = (_fields: object, message: string): void => void said.push(message)
  const broker = await startBroker({ port: 0, dataDir, logger: { ...silentLogger, warn } })
  await broker.close()
  expect(said).toEqual(['broker 2 of an earlier start with more brokers is not started: 2 partitions wait for it'])
})
