/** DeleteTopics by name and by id. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ErrorName, errorCode } from '../../protocol/errors.ts'
import { deleteTopics } from '../../protocol/messages/delete-topics.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { deleteTopicsHandler } from '../../src/handlers/delete-topics.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'

let cluster: Cluster
let client: Client
beforeEach(async () => {
  const opened = await openCluster()
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
  await cluster.createTopics([newTopic('one'), newTopic('two'), newTopic('three')])
})
afterEach(() => cluster.close())

const code = (name: ErrorName | undefined) => (name === undefined ? 0 : errorCode(name))

it.each([0, 1, 2, 3, 4, 5])('v%i deletes by name', async (version) => {
  const { responses } = await client.ask(deleteTopicsHandler, deleteTopics, version, {
    topicNames: ['one', 'missing'],
    timeoutMs: 1000,
  })
  expect(responses.map(({ name, errorCode: given }) => [name, given])).toEqual([
    ['one', 0],
    ['missing', code('UNKNOWN_TOPIC_OR_PARTITION')],
  ])
  expect([...cluster.topics.values()].map(({ name }) => name)).toEqual(['two', 'three'])
})

it('v6 deletes by name or id, and says what can not be', async () => {
  const id = (name: string) => cluster.topics.byName(name)?.id ?? ''
  const [one, two] = [id('one'), id('two')]
  const { responses } = await client.ask(deleteTopicsHandler, deleteTopics, 6, {
    topics: [
      { name: 'one', topicId: zeroId },
      { name: null, topicId: two },
      { name: null, topicId: unknownId },
      { name: null, topicId: zeroId },
      { name: 'three', topicId: unknownId },
    ],
    timeoutMs: 1000,
  })
  expect(responses.map((each) => [each.name, each.topicId, each.errorCode, each.errorMessage])).toEqual([
    ['one', one, 0, null],
    ['two', two, 0, null],
    [null, unknownId, code('UNKNOWN_TOPIC_ID'), 'This server does not host this topic ID.'],
    [null, zeroId, code('INVALID_REQUEST'), 'Neither topic name nor id were specified.'],
    ['three', unknownId, code('INVALID_REQUEST'), 'You may not specify both topic name and topic id.'],
  ])
  expect([...cluster.topics.values()].map(({ name }) => name)).toEqual(['three'])
})

it('does not delete what is named twice', async () => {
  const topics = [
    { name: 'one', topicId: zeroId },
    { name: 'one', topicId: zeroId },
  ]
  const { responses } = await client.ask(deleteTopicsHandler, deleteTopics, 6, { topics, timeoutMs: 1000 })
  expect(responses.map(({ errorMessage }) => errorMessage)).toEqual(['Duplicate topic name.'])
  expect(cluster.topics.byName('one')).toBeDefined()
})

it('needs the right to delete', async () => {
  client.access = only('Topic:one:Describe', 'Topic:one:Delete', 'Topic:two:Describe')
  const topicNames = ['one', 'two', 'three', 'missing']
  const { responses } = await client.ask(deleteTopicsHandler, deleteTopics, 5, { topicNames, timeoutMs: 1000 })
  const refused = code('TOPIC_AUTHORIZATION_FAILED')
  expect(responses.map((each) => each.errorCode)).toEqual([0, refused, refused, refused])
})

it.each([
  [2, 'INVALID_REQUEST'],
  [3, 'TOPIC_DELETION_DISABLED'],
  [6, 'TOPIC_DELETION_DISABLED'],
] as const)('v%i answers %s with delete.topic.enable=false', async (version, error) => {
  const other = await openCluster({ settings: { 'delete.topic.enable': 'false' } })
  await other.cluster.createTopics([newTopic('kept')])
  const asking = new Client(other.brokers[0]!)
  const { responses } = await asking.ask(deleteTopicsHandler, deleteTopics, version, {
    topics: [{ name: 'kept', topicId: zeroId }],
    topicNames: ['kept'],
    timeoutMs: 1000,
  })
  expect(responses.map((each) => each.errorCode)).toEqual([code(error)])
  expect(other.cluster.topics.byName('kept')).toBeDefined()
  await other.cluster.close()
})
