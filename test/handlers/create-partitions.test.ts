/** CreatePartitions at all versions. */
import { expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { createPartitions } from '../../protocol/messages/create-partitions.ts'
import { createPartitionsHandler } from '../../src/handlers/create-partitions.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

it.each([0, 1, 2, 3])('v%i adds partitions, to each topic by itself', async (version) => {
  const { cluster, brokers } = await openCluster()
  await cluster.createTopics([newTopic('one'), newTopic('two')])
  const client = new Client(brokers[0]!)
  const ask = (topics: { name: string; count: number; assignments: null }[], validateOnly = false) =>
    client.ask(createPartitionsHandler, createPartitions, version, { topics, timeoutMs: 1000, validateOnly })
  const to = (name: string, count: number) => ({ name, count, assignments: null })
  expect((await ask([to('one', 4)], true)).results.map((each) => each.errorCode)).toEqual([0])
  expect(cluster.topics.byName('one')?.partitions).toHaveLength(1)
  const { results } = await ask([to('one', 4), to('two', 1), to('missing', 2)])
  expect(results.map((each) => [each.name, each.errorCode, each.errorMessage])).toEqual([
    ['one', 0, null],
    ['two', errorCode('INVALID_PARTITIONS'), 'Topic already has 1 partition(s).'],
    ['missing', errorCode('UNKNOWN_TOPIC_OR_PARTITION'), null],
  ])
  expect(cluster.topics.byName('one')?.partitions).toHaveLength(4)
  const twice = await ask([to('one', 5), to('one', 6)])
  expect(twice.results.map((each) => each.errorMessage)).toEqual(['Duplicate topic name.'])
  client.access = only()
  const refused = await ask([to('one', 5)])
  expect(refused.results.map((each) => each.errorCode)).toEqual([errorCode('TOPIC_AUTHORIZATION_FAILED')])
  await cluster.close()
})

it('refuses more topics than one command may name, as Kafka does', async () => {
  const { cluster, brokers } = await openCluster()
  const client = new Client(brokers[0]!)
  const topics = Array.from({ length: 10_001 }, (_, index) => ({
    name: `absent-${index}`,
    count: 2,
    assignments: null,
  }))
  const { results } = await client.ask(createPartitionsHandler, createPartitions, 3, { topics, timeoutMs: 1000 })
  expect(results[10_000]).toMatchObject({
    errorCode: errorCode('POLICY_VIOLATION'),
    errorMessage: 'Unable to perform excessively large batch operation.',
  })
  await cluster.close()
})
