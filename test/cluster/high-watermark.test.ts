/** cluster: how far readers see of a partition with fewer replicas in sync than there must be: the high watermark stays where it was. */
import { expect, it, onTestFinished } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import { listOffsetsHandler } from '../../src/handlers/list-offsets.ts'
import { Client } from '../handlers/ask.ts'
import { endpoint, newTopic, type OpenOptions, openCluster } from './open-cluster.ts'

const batch = () => buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: null, value: Buffer.from('x') }])

async function open(options: OpenOptions = {}) {
  const opened = await openCluster({ brokers: [1, 2], ...options })
  onTestFinished(() => opened.cluster.close())
  return opened
}

const strict = (brokerIds: number[], minInsyncReplicas = 2) =>
  newTopic('strict', {
    numPartitions: -1,
    replicationFactor: -1,
    assignments: [{ partitionIndex: 0, brokerIds }],
    configs: [{ name: 'min.insync.replicas', value: String(minInsyncReplicas) }],
  })

async function latest(broker: Broker): Promise<number> {
  const topics = [{ name: 'strict', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
  const answer = await new Client(broker).ask(listOffsetsHandler, listOffsets, 9, { replicaId: -1, topics })
  const [found] = answer.topics[0]!.partitions
  return found!.errorCode === 0 ? Number(found!.offset) : found!.errorCode
}

it('what is appended with acks=1 is shown when enough replicas are in sync again', async () => {
  const { cluster, brokers } = await open()
  await cluster.createTopics([strict([1, 2])])
  const { log } = brokers[0]!.leaderFor('strict', 0)
  await brokers[0]!.leaderFor('strict', 0).append(batch(), -1)
  await brokers[1]!.fence()
  expect(await brokers[0]!.leaderFor('strict', 0).append(batch(), 1)).toMatchObject({ baseOffset: 1 })
  expect([log.highWatermark, log.logEndOffset, await latest(brokers[0]!)]).toEqual([1, 2, 1])
  let shown = 0
  onTestFinished(
    brokers[0]!.leaderFor('strict', 0).onAdvance(() => {
      shown = log.highWatermark
    }),
  )
  await brokers[1]!.unfence()
  expect(shown).toBe(2)
  expect(await latest(brokers[0]!)).toBe(2)
})

it('as many as there are replicas are enough', async () => {
  const { cluster, brokers } = await open()
  await cluster.createTopics([strict([1])])
  const leader = brokers[0]!.leaderFor('strict', 0)
  await leader.append(batch(), 1)
  expect(leader.log.highWatermark).toBe(1)
})

it('follows min.insync.replicas', async () => {
  const { cluster, brokers } = await open()
  await cluster.createTopics([strict([1, 2], 1)])
  await brokers[1]!.fence()
  const leader = brokers[0]!.leaderFor('strict', 0)
  const setTo = (value: string) => {
    const operations = [{ name: 'min.insync.replicas', kind: 'SET', value }] as const
    return cluster.alterConfigs(brokers[0]!, [{ type: 'topic', name: 'strict', operations, replacesAll: false }])
  }
  await leader.append(batch(), 1)
  await setTo('2')
  await leader.append(batch(), 1)
  expect(leader.log.highWatermark).toBe(1)
  await setTo('1')
  expect(leader.log.highWatermark).toBe(2)
})

it('a leader that has more than is shown does not say where the end is', async () => {
  const { cluster, brokers } = await open({ brokers: [1, 2, 3] })
  await cluster.createTopics([strict([1, 2, 3], 3)])
  await brokers[2]!.fence()
  await brokers[0]!.leaderFor('strict', 0).append(batch(), 1)
  await cluster.moveLeader('strict', 0, 2)
  expect(await latest(brokers[1]!)).toBe(errorCode('OFFSET_NOT_AVAILABLE'))
  await brokers[2]!.unfence()
  expect(await latest(brokers[1]!)).toBe(1)
})

it('stays over a restart with too few brokers, and ends when there are enough', async () => {
  const before = await openCluster({ brokers: [1, 2] })
  await before.cluster.createTopics([strict([1, 2])])
  await before.brokers[0]!.leaderFor('strict', 0).append(batch(), -1)
  await before.brokers[1]!.stop()
  await before.brokers[0]!.leaderFor('strict', 0).append(batch(), 1)
  await before.cluster.close()
  const { cluster, brokers } = await open({ files: before.files, seed: 2, brokers: [1] })
  const { log } = brokers[0]!.leaderFor('strict', 0)
  expect([log.highWatermark, log.logEndOffset]).toEqual([1, 2])
  const second = cluster.addBroker(2)
  await second.start([endpoint(2)])
  expect(log.highWatermark).toBe(2)
})
