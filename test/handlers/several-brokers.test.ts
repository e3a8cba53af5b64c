/** What the wrong broker answers, with three in the process: compared with three nodes of Apache Kafka 4.3.1. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { consumerGroupHeartbeat } from '../../protocol/messages/consumer-group-heartbeat.ts'
import { createTopics } from '../../protocol/messages/create-topics.ts'
import { deleteRecords } from '../../protocol/messages/delete-records.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import { joinGroup } from '../../protocol/messages/join-group.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import { offsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../../protocol/messages/produce.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { Fetcher } from '../../src/fetch/fetcher.ts'
import { consumerGroupHeartbeatHandler } from '../../src/handlers/consumer-group-heartbeat.ts'
import { createTopicsHandler } from '../../src/handlers/create-topics.ts'
import { deleteRecordsHandler } from '../../src/handlers/delete-records.ts'
import { fetchHandler } from '../../src/handlers/fetch.ts'
import { joinGroupHandler } from '../../src/handlers/join-group.ts'
import { listOffsetsHandler } from '../../src/handlers/list-offsets.ts'
import { metadataHandler } from '../../src/handlers/metadata.ts'
import { offsetForLeaderEpochHandler } from '../../src/handlers/offset-for-leader-epoch.ts'
import { produceHandler } from '../../src/handlers/produce.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { endpoint, newTopic, openCluster } from '../cluster/open-cluster.ts'
import { joinRequest, openGroups } from '../groups/open-groups.ts'
import { Client } from './ask.ts'

const wrongLeader = errorCode('NOT_LEADER_OR_FOLLOWER')
const selector = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
const assigned = (name: string, ...brokerIds: number[]) =>
  newTopic(name, { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds }] })

let cluster: Cluster
let brokers: Broker[]
/** One of each broker. */
let clients: Client[]

/** On racks a, b and c. `topic` is led by broker 1 and followed by 2, `alone` is on 3. */
beforeEach(async () => {
  ;({ cluster } = await openCluster({ brokers: [], settings: { 'replica.selector.class': selector } }))
  brokers = ['a', 'b', 'c'].map((rack, index) => cluster.addBroker(index + 1, rack))
  for (const broker of brokers) await broker.start([endpoint(broker.id)])
  clients = brokers.map((broker) => {
    const options = { clock: new SimulatedClock(), random: new SeededRandom(1), maxBytes: 1e6, maxSessions: 10 }
    return new Client(broker, undefined, { fetcher: new Fetcher(broker, { ...options, evictionMs: 1000 }) })
  })
  await cluster.createTopics([assigned('topic', 1, 2), assigned('alone', 3)])
  await send(1, 12)
})
afterEach(() => cluster.close())

const idOf = (topic: string): string => cluster.topics.byName(topic)!.id

async function send(brokerId: number, version: number, topic = 'topic') {
  const records = buildRecordBatch({}, [{ timestamp: 1_700_000_000_000, key: null, value: Buffer.from('x') }])
  const topicData = [{ name: topic, topicId: idOf(topic), partitionData: [{ index: 0, records }] }]
  const request = { acks: -1, timeoutMs: 1000, topicData }
  const answer = await clients[brokerId - 1]!.ask(produceHandler, produce, version, request)
  return { ...answer.responses[0]!.partitionResponses[0]!, nodeEndpoints: answer.nodeEndpoints }
}

async function read(brokerId: number, version: number, more: { topic?: string; epoch?: number; rackId?: string } = {}) {
  const { topic = 'topic', epoch = -1, rackId = '' } = more
  const partitions = [{ partition: 0, fetchOffset: 0, currentLeaderEpoch: epoch, partitionMaxBytes: 1000 }]
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, topics: [{ topic, topicId: idOf(topic), partitions }] }
  const answer = await clients[brokerId - 1]!.ask(fetchHandler, fetch, version, { ...request, rackId })
  const { records, ...rest } = answer.responses[0]!.partitions[0]!
  return {
    ...rest,
    size: Buffer.concat([records ?? []].flat() as Buffer[]).length,
    nodeEndpoints: answer.nodeEndpoints,
  }
}

describe('the wrong broker', () => {
  it('takes no records, and says from Produce v10 on who does', async () => {
    for (const brokerId of [2, 3]) {
      expect(await send(brokerId, 9)).toMatchObject({ errorCode: wrongLeader, currentLeader: { leaderId: -1 } })
      for (const version of [10, 13]) {
        expect(await send(brokerId, version)).toMatchObject({
          errorCode: wrongLeader,
          currentLeader: { leaderId: 1, leaderEpoch: 0 },
          nodeEndpoints: [{ nodeId: 1, port: 9092 }],
        })
      }
    }
  })

  it('gives records where it is a follower, to clients that may read followers', async () => {
    expect(await read(2, 10)).toMatchObject({ errorCode: wrongLeader, size: 0 })
    for (const version of [11, 12, 16]) expect(await read(2, version)).toMatchObject({ errorCode: 0, size: 69 })
    expect(await read(2, 16, { epoch: 7 })).toMatchObject({ errorCode: errorCode('UNKNOWN_LEADER_EPOCH') })
    await brokers[1]!.fence()
    expect(await read(2, 16)).toMatchObject({ errorCode: wrongLeader, currentLeader: { leaderId: 1 } })
  })

  it('says from Fetch v16 on who leads where it holds no replica', async () => {
    expect(await read(3, 12)).toMatchObject({ errorCode: wrongLeader, currentLeader: { leaderId: -1 } })
    expect(await read(3, 16)).toMatchObject({
      errorCode: wrongLeader,
      currentLeader: { leaderId: 1, leaderEpoch: 0 },
      nodeEndpoints: [{ nodeId: 1 }],
    })
  })

  it('answers with NOT_LEADER_OR_FOLLOWER to all else that is for the leader', async () => {
    const follower = clients[1]!
    const offsets = await follower.ask(listOffsetsHandler, listOffsets, 7, {
      replicaId: -1,
      topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    })
    expect(offsets.topics[0]?.partitions[0]?.errorCode).toBe(wrongLeader)
    const epochs = await follower.ask(offsetForLeaderEpochHandler, offsetForLeaderEpoch, 4, {
      replicaId: -1,
      topics: [{ topic: 'topic', partitions: [{ partition: 0, leaderEpoch: 0 }] }],
    })
    expect(epochs.topics[0]?.partitions[0]?.errorCode).toBe(wrongLeader)
    const deleted = await follower.ask(deleteRecordsHandler, deleteRecords, 2, {
      timeoutMs: 1000,
      topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, offset: 0 }] }],
    })
    expect(deleted.topics[0]?.partitions[0]?.errorCode).toBe(wrongLeader)
  })

  it('names no leader but its epoch where there is none', async () => {
    await brokers[2]!.stop()
    const leader = { errorCode: wrongLeader, currentLeader: { leaderId: -1, leaderEpoch: 1 }, nodeEndpoints: [] }
    expect(await send(1, 12, 'alone')).toMatchObject(leader)
    expect(await read(1, 16, { topic: 'alone' })).toMatchObject(leader)
  })
})

describe('a client on a rack', () => {
  it('is sent to the follower there, by the leader alone', async () => {
    const sentOn = { errorCode: 0, size: 0, highWatermark: 1, preferredReadReplica: 2 }
    expect(await read(1, 11, { rackId: 'b' })).toMatchObject(sentOn)
    expect(await read(2, 11, { rackId: 'b' })).toMatchObject({ size: 69, preferredReadReplica: -1 })
    expect(await read(2, 11, { rackId: 'a' })).toMatchObject({ size: 69, preferredReadReplica: -1 })
    for (const rackId of ['a', 'c', 'nowhere', '']) {
      expect(await read(1, 11, { rackId })).toMatchObject({ size: 69, preferredReadReplica: -1 })
    }
    await brokers[1]!.stop()
    expect(await read(1, 11, { rackId: 'b' })).toMatchObject({ size: 69, preferredReadReplica: -1 })
  })
})

describe('a broker that does not coordinate the group', () => {
  it('says no more than that to who joins or sends heartbeats', async () => {
    const { brokers: both, close } = await openGroups({
      brokers: [1, 2],
      settings: { 'offsets.topic.num.partitions': '2' },
    })
    const coordinatorId = await both[0]!.groups.coordinatorOf('group')
    const other = both.find(({ broker }) => broker.id !== coordinatorId)!
    const asking = new Client(other.broker, undefined, { groups: other.groups, config: other.broker.config })
    const joined = await asking.ask(joinGroupHandler, joinGroup, 9, joinRequest('group', { memberId: 'mine' }))
    expect(joined).toMatchObject({ errorCode: errorCode('NOT_COORDINATOR'), memberId: '' })
    const beat = { groupId: 'group', memberId: 'mine', memberEpoch: 3, topicPartitions: null }
    const answer = await asking.ask(consumerGroupHeartbeatHandler, consumerGroupHeartbeat, 1, beat)
    expect(answer).toMatchObject({ errorCode: errorCode('NOT_COORDINATOR'), errorMessage: null })
    await close()
  })
})

describe('replicas of a stopped broker', () => {
  it('are offline in Metadata, and left out for clients of v0', async () => {
    await brokers[0]!.stop()
    const ask = async (version: number) => {
      const topics = [{ name: 'topic' }]
      const answer = await clients[1]!.ask(metadataHandler, metadata, version, {
        topics,
        allowAutoTopicCreation: false,
      })
      return answer.topics[0]!.partitions[0]
    }
    const shown = { leaderId: 2, isrNodes: [2] }
    expect(await ask(9)).toMatchObject({ ...shown, errorCode: 0, replicaNodes: [1, 2], offlineReplicas: [1] })
    const code = errorCode('REPLICA_NOT_AVAILABLE')
    expect(await ask(0)).toMatchObject({ ...shown, errorCode: code, replicaNodes: [2] })
  })

  it('can be where a topic is put by hand, but not all of them', async () => {
    await brokers[2]!.stop()
    const answer = await clients[1]!.ask(createTopicsHandler, createTopics, 4, {
      topics: [assigned('on-3', 3), assigned('on-1-and-3', 1, 3)],
      timeoutMs: 1000,
    })
    expect(answer.topics).toMatchObject([
      {
        errorCode: errorCode('INVALID_REPLICA_ASSIGNMENT'),
        errorMessage:
          'All brokers specified in the manual partition assignment for partition 0 are fenced or in controlled shutdown.',
      },
      { errorCode: 0 },
    ])
    expect(cluster.findPartition('on-1-and-3', 0)?.isr).toEqual([1])
  })
})
