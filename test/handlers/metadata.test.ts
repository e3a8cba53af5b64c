/** Metadata at all versions: which topics are shown to whom, and what asking for a missing one does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { metadataHandler } from '../../src/handlers/metadata.ts'
import { openAccess } from '../../src/security/access.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const topicOperations = 3576
const clusterOperations = 8096
const notAsked = -2147483648
const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'
const byName = (name: string) => ({ name, topicId: 'AAAAAAAAAAAAAAAAAAAAAA' })

let cluster: Cluster
let client: Client
beforeAll(async () => {
  const opened = await openCluster({ settings: { 'num.partitions': '2' } })
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
  await cluster.createTopics([newTopic('one', { numPartitions: 2 }), newTopic('two')])
})
afterAll(() => cluster.close())

const ask = (
  version: number,
  request: Parameters<typeof client.ask<typeof metadata.request.fields, typeof metadata.response.fields>>[3],
) => client.ask(metadataHandler, metadata, version, request)

describe('Metadata', () => {
  it.each(Array.from({ length: 14 }, (_, version) => version))('v%i shows a topic that is named', async (version) => {
    const answer = await ask(version, { topics: [byName('one')] })
    expect(answer.brokers).toEqual([{ nodeId: 1, host: 'localhost', port: 9092, rack: null }])
    const [topic] = answer.topics
    expect(answer.topics).toHaveLength(1)
    expect(topic).toMatchObject({ errorCode: 0, name: 'one', isInternal: false })
    expect(topic?.partitions.map(({ leaderId, replicaNodes, isrNodes }) => [leaderId, replicaNodes, isrNodes])).toEqual(
      [
        [1, [1], [1]],
        [1, [1], [1]],
      ],
    )
    if (version >= 1) expect(answer.controllerId).toBe(1)
    if (version >= 2) expect(answer.clusterId).toBe(cluster.clusterId)
    if (version >= 7) expect(topic?.partitions[0]?.leaderEpoch).toBe(0)
    if (version >= 10) expect(topic?.topicId).toBe(cluster.topics.byName('one')?.id)
    expect(topic?.topicAuthorizedOperations).toBe(notAsked)
  })

  it('v0 without topics shows all, from v1 null does, and an empty list none', async () => {
    expect((await ask(0, { topics: [] })).topics).toHaveLength(2)
    expect((await ask(1, { topics: null })).topics).toHaveLength(2)
    expect((await ask(1, { topics: [] })).topics).toHaveLength(0)
    expect((await ask(13, { topics: null })).topics).toHaveLength(2)
  })

  it('finds topics by id, and names of a request with ids are not looked at', async () => {
    const id = cluster.topics.byName('two')?.id ?? ''
    const { topics } = await ask(12, {
      topics: [{ name: null, topicId: id }, { name: null, topicId: unknownId }, byName('one')],
    })
    expect(topics.map(({ errorCode: code, name, topicId }) => [code, name, topicId])).toEqual([
      [0, 'two', id],
      [errorCode('UNKNOWN_TOPIC_ID'), null, unknownId],
    ])
    const refused = await ask(10, { topics: [{ name: 'one', topicId: id }] })
    expect(refused.topics[0]?.errorCode).toBe(errorCode('INVALID_REQUEST'))
  })

  it('tells what the client may do, only when asked', async () => {
    const answer = await ask(8, {
      topics: [byName('one')],
      includeClusterAuthorizedOperations: true,
      includeTopicAuthorizedOperations: true,
    })
    expect(answer.clusterAuthorizedOperations).toBe(clusterOperations)
    expect(answer.topics[0]?.topicAuthorizedOperations).toBe(topicOperations)
    expect((await ask(12, { topics: [byName('one')] })).topics[0]?.topicAuthorizedOperations).toBe(notAsked)
  })

  it('tells what may be done with topics that are not there, but not with those that the client may not see', async () => {
    client.access = only('Topic:missing:Describe', 'Topic:n o:Describe', 'Topic:n o:Read')
    const topics = [byName('missing'), byName('n o'), byName('hidden')]
    const asked = { topics, includeTopicAuthorizedOperations: true, allowAutoTopicCreation: false }
    const answer = await ask(12, asked)
    client.access = openAccess
    const told = answer.topics.map((topic) => [topic.errorCode, topic.topicAuthorizedOperations])
    expect(told).toEqual([
      [errorCode('UNKNOWN_TOPIC_OR_PARTITION'), 1 << 8],
      [errorCode('INVALID_TOPIC_EXCEPTION'), (1 << 8) | (1 << 3)],
      [errorCode('TOPIC_AUTHORIZATION_FAILED'), notAsked],
    ])
    const byId = { topics: [{ name: null, topicId: unknownId }], includeTopicAuthorizedOperations: true }
    expect((await ask(12, byId)).topics[0]?.topicAuthorizedOperations).toBe(notAsked)
    const notAskedFor = await ask(12, { topics, allowAutoTopicCreation: false })
    expect(notAskedFor.topics[0]?.topicAuthorizedOperations).toBe(notAsked)
  })

  it('answers that a missing topic is unknown, and creates it if it may', async () => {
    const refused = await ask(12, { topics: [byName('missing')], allowAutoTopicCreation: false })
    expect(refused.topics[0]?.errorCode).toBe(errorCode('UNKNOWN_TOPIC_OR_PARTITION'))
    await cluster.createTopics([])
    expect(cluster.topics.byName('missing')).toBeUndefined()
    const first = await ask(12, { topics: [byName('missing')], allowAutoTopicCreation: true })
    expect(first.topics[0]?.errorCode).toBe(errorCode('UNKNOWN_TOPIC_OR_PARTITION'))
    await cluster.createTopics([])
    const second = await ask(12, { topics: [byName('missing')], allowAutoTopicCreation: true })
    expect(second.topics[0]?.partitions).toHaveLength(2)
    const invalid = await ask(12, { topics: [byName('n o')], allowAutoTopicCreation: true })
    expect(invalid.topics[0]?.errorCode).toBe(errorCode('INVALID_TOPIC_EXCEPTION'))
  })

  it('creates nothing with auto.create.topics.enable=false', async () => {
    const { cluster: other, brokers } = await openCluster({ settings: { 'auto.create.topics.enable': 'false' } })
    const asking = new Client(brokers[0]!)
    await asking.ask(metadataHandler, metadata, 12, { topics: [byName('missing')], allowAutoTopicCreation: true })
    await other.createTopics([])
    expect(other.topics.size).toBe(0)
    await other.close()
  })

  it('hides topics that the client may not see, and creates none that it may not', async () => {
    client.access = only('Topic:one:Describe', 'Topic:new:Describe')
    expect((await ask(12, { topics: null })).topics.map(({ name }) => name)).toEqual(['one'])
    const id = cluster.topics.byName('two')?.id ?? ''
    const codes = async (topic: { name: string | null; topicId: string }) =>
      (await ask(12, { topics: [topic], allowAutoTopicCreation: true })).topics.map((each) => each.errorCode)
    const refused = errorCode('TOPIC_AUTHORIZATION_FAILED')
    expect(await codes(byName('two'))).toEqual([refused])
    expect(await codes(byName('nowhere'))).toEqual([refused])
    expect(await codes(byName('new'))).toEqual([refused])
    expect(await codes({ name: null, topicId: id })).toEqual([refused])
    await cluster.createTopics([])
    expect(cluster.topics.byName('new')).toBeUndefined()
    client.access = openAccess
  })
})

describe('Metadata of partitions whose leader is gone', () => {
  it('says so, and which replicas are offline', async () => {
    const { cluster: two, brokers } = await openCluster({ brokers: [1, 2] })
    await two.createTopics([
      newTopic('alone', {
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [2] }],
      }),
    ])
    await brokers[1]?.stop()
    const asking = new Client(brokers[0]!)
    const { topics, brokers: shown } = await asking.ask(metadataHandler, metadata, 12, { topics: [byName('alone')] })
    expect(shown.map(({ nodeId }) => nodeId)).toEqual([1])
    expect(topics[0]?.partitions[0]).toMatchObject({
      errorCode: errorCode('LEADER_NOT_AVAILABLE'),
      leaderId: -1,
      replicaNodes: [2],
      offlineReplicas: [2],
    })
    await two.close()
  })
})
