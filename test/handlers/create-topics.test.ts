/** CreateTopics at all versions, and what it shows of a new topic. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { createTopics } from '../../protocol/messages/create-topics.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { createTopicsHandler } from '../../src/handlers/create-topics.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const dynamicTopicConfig = 1
const defaultConfig = 5
const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

let cluster: Cluster
let client: Client
beforeEach(async () => {
  const opened = await openCluster()
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
})
afterEach(() => cluster.close())

it.each([0, 1, 2, 3, 4, 5, 6, 7])('v%i creates a topic and shows what the version can', async (version) => {
  const topics = [newTopic('made', { numPartitions: 3, configs: [{ name: 'retention.ms', value: '9' }] })]
  const [made] = (await client.ask(createTopicsHandler, createTopics, version, { topics, timeoutMs: 1000 })).topics
  expect(made).toMatchObject({ name: 'made', errorCode: 0, errorMessage: version === 0 ? '' : null })
  expect(cluster.topics.byName('made')?.partitions).toHaveLength(3)
  expect(made?.topicId).toBe(version < 7 ? zeroId : cluster.topics.byName('made')?.id)
  if (version < 5) return
  expect(made).toMatchObject({ numPartitions: 3, replicationFactor: 1, topicConfigErrorCode: 0 })
  expect(made?.configs).toHaveLength(33)
  const shown = new Map(made?.configs?.map((config) => [config.name, config]))
  expect(shown.get('retention.ms')).toMatchObject({ value: '9', configSource: dynamicTopicConfig, readOnly: false })
  expect(shown.get('segment.bytes')).toMatchObject({ value: '1073741824', configSource: defaultConfig })
})

it('answers once for a name that is there twice, and creates the others', async () => {
  const { topics } = await client.ask(createTopicsHandler, createTopics, 7, {
    topics: [newTopic('dup'), newTopic('dup'), newTopic('other')],
    timeoutMs: 1000,
  })
  expect(topics.map(({ name, errorCode: code, errorMessage }) => [name, code, errorMessage])).toEqual([
    ['dup', errorCode('INVALID_REQUEST'), 'Duplicate topic name.'],
    ['other', 0, null],
  ])
})

it('only checks with validateOnly', async () => {
  const { topics } = await client.ask(createTopicsHandler, createTopics, 7, {
    topics: [newTopic('dry'), newTopic('n o')],
    timeoutMs: 1000,
    validateOnly: true,
  })
  expect(topics.map((each) => each.errorCode)).toEqual([0, errorCode('INVALID_TOPIC_EXCEPTION')])
  expect(cluster.topics.size).toBe(0)
})

it('gives one error to all for more partitions than a request may create', async () => {
  const many = (name: string) => newTopic(name, { numPartitions: 6000 })
  const { topics } = await client.ask(createTopicsHandler, createTopics, 7, {
    topics: [many('a'), many('b')],
    timeoutMs: 1000,
  })
  expect(topics.map((each) => each.errorMessage)).toEqual([
    'Excessively large number of partitions per request.',
    'Excessively large number of partitions per request.',
  ])
})

it('counts the partitions before it looks at the topics, as Kafka does', async () => {
  const { topics } = await client.ask(createTopicsHandler, createTopics, 7, {
    topics: [newTopic('not a name', { numPartitions: 6000 }), newTopic('d', { numPartitions: 6000 })],
    timeoutMs: 1000,
  })
  expect(topics.map(({ errorCode: code }) => code)).toEqual(Array(2).fill(errorCode('POLICY_VIOLATION')))
})

it('needs the right to create, and to see configs', async () => {
  client.access = only('Topic:mine:Create')
  const { topics } = await client.ask(createTopicsHandler, createTopics, 7, {
    topics: [newTopic('mine'), newTopic('other')],
    timeoutMs: 1000,
  })
  expect(topics).toMatchObject([
    { name: 'mine', errorCode: 0, topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), numPartitions: -1 },
    { name: 'other', errorCode: errorCode('TOPIC_AUTHORIZATION_FAILED') },
  ])
})
