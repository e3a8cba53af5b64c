/** DescribeTopicPartitions: pages and cursors as Kafka 4.3.1 cuts them. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { describeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { describeTopicPartitionsHandler } from '../../src/handlers/describe-topic-partitions.ts'
import { openAccess } from '../../src/security/access.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

let cluster: Cluster
let client: Client
beforeAll(async () => {
  const opened = await openCluster()
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
  await cluster.createTopics([newTopic('b', { numPartitions: 2 }), newTopic('a', { numPartitions: 3 })])
})
afterAll(() => cluster.close())

async function ask(names: string[], responsePartitionLimit = 2000, cursor: [string, number] | null = null) {
  const answer = await client.ask(describeTopicPartitionsHandler, describeTopicPartitions, 0, {
    topics: names.map((name) => ({ name })),
    responsePartitionLimit,
    cursor: cursor && { topicName: cursor[0], partitionIndex: cursor[1] },
  })
  return {
    topics: answer.topics.map((topic) => [
      topic.errorCode === 0 ? topic.name : topic.errorCode,
      topic.partitions.map(({ partitionIndex }) => partitionIndex),
    ]),
    next: answer.nextCursor && [answer.nextCursor.topicName, answer.nextCursor.partitionIndex],
    answer,
  }
}

it('shows topics by name, each once, and what is missing', async () => {
  const { topics, next, answer } = await ask(['nope', 'b', 'a', 'b', 'n o'])
  expect(topics).toEqual([
    ['a', [0, 1, 2]],
    ['b', [0, 1]],
    [errorCode('INVALID_TOPIC_EXCEPTION'), []],
    [errorCode('UNKNOWN_TOPIC_OR_PARTITION'), []],
  ])
  expect(next).toBeNull()
  expect(answer.topics[0]).toMatchObject({
    topicId: cluster.topics.byName('a')?.id,
    topicAuthorizedOperations: 3576,
    partitions: [{ leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], eligibleLeaderReplicas: [] }, {}, {}],
  })
})

it.each([
  [['a', 'b'], 2, null, [['a', [0, 1]]], ['a', 2]],
  [
    ['a', 'b'],
    2,
    ['a', 2],
    [
      ['a', [2]],
      ['b', [0]],
    ],
    ['b', 1],
  ],
  [['a', 'b'], 2, ['b', 0], [['b', [0, 1]]], null],
  [['a', 'b'], 3, null, [['a', [0, 1, 2]]], ['b', 0]],
  [['a'], 0, null, [['a', [0]]], ['a', 1]],
  [['a'], 9, ['a', 100], [['a', []]], null],
  [
    [],
    4,
    null,
    [
      ['a', [0, 1, 2]],
      ['b', [0]],
    ],
    ['b', 1],
  ],
  [[], 9, ['aa', 0], [['b', [0, 1]]], null],
] as const)('%j limit %i from %j', async (names, limit, cursor, topics, next) => {
  const answer = await ask([...names], limit, cursor && [cursor[0], cursor[1]])
  expect([answer.topics, answer.next]).toEqual([topics, next])
})

it('refuses a cursor that is not among the topics, or has no partition', async () => {
  const refused = errorCode('INVALID_REQUEST')
  expect((await ask(['a', 'b'], 9, ['aa', 0])).topics).toEqual([
    [refused, []],
    [refused, []],
  ])
  expect((await ask(['a'], 9, ['a', -1])).topics).toEqual([[refused, []]])
})

it('hides topics that the client may not see', async () => {
  client.access = only('Topic:a:Describe')
  expect((await ask([])).topics.map(([name]) => name)).toEqual(['a'])
  expect((await ask(['b', 'nope'])).topics.map(([code]) => code)).toEqual([
    errorCode('TOPIC_AUTHORIZATION_FAILED'),
    errorCode('TOPIC_AUTHORIZATION_FAILED'),
  ])
  client.access = openAccess
})
