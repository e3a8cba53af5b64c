/** test: Metadata, DescribeTopicPartitions, CreateTopics, CreatePartitions and DeleteTopics, with their refusals. */
import {
  createPartitions,
  createTopics,
  deleteTopics,
  describeTopicPartitions,
  metadata,
} from '../../../protocol/messages/index.ts'
import { type Conversation, scenario, unknownTopicId } from '../conversation.ts'

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const timeoutMs = 10_000
const badNames = ['', '.', '..', 'with/slash', 'with space', 'ümlaut', 'x'.repeat(249), 'x'.repeat(250)]

interface Creation {
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly assignments?: { partitionIndex: number; brokerIds: number[] }[]
  readonly configs?: { name: string; value: string | null }[]
}

function creation(name: string, rest: Creation = {}) {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...rest }
}

const manual = (...brokerIds: number[][]): Creation => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: brokerIds.map((ids, partitionIndex) => ({ partitionIndex, brokerIds: ids })),
})
const config = (name: string, value: string | null): Creation => ({ configs: [{ name, value }] })

const creations: Readonly<Record<string, Creation>> = {
  plain: {},
  'with partitions': { numPartitions: 3 },
  'with default numbers': { numPartitions: -1, replicationFactor: -1 },
  'with no partitions': { numPartitions: 0 },
  'with minus two partitions': { numPartitions: -2 },
  'with no replicas': { replicationFactor: 0 },
  'with minus two replicas': { replicationFactor: -2 },
  'with more replicas than brokers': { replicationFactor: 2 },
  'with neither': { numPartitions: 0, replicationFactor: 0 },
  'placed by hand': manual([1], [1]),
  'placed by hand and numbered': { ...manual([1]), numPartitions: 1, replicationFactor: 1 },
  'placed by hand and numbered partly': { ...manual([1]), numPartitions: 1 },
  'placed on a broker that is not there': manual([7]),
  'placed on brokers of which one is not there': manual([1, 7]),
  'placed twice on a broker': manual([1, 1]),
  'placed on no broker': manual([]),
  'placed with a gap': {
    ...manual(),
    assignments: [
      { partitionIndex: 0, brokerIds: [1] },
      { partitionIndex: 2, brokerIds: [1] },
    ],
  },
  'placed from 1 on': { ...manual(), assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
  'placed twice': {
    ...manual(),
    assignments: [
      { partitionIndex: 0, brokerIds: [1] },
      { partitionIndex: 0, brokerIds: [1] },
    ],
  },
  'placed unevenly': manual([1], [1, 1]),
  'placed with a negative partition': { ...manual(), assignments: [{ partitionIndex: -1, brokerIds: [1] }] },
  'with a config': config('retention.ms', '1000'),
  'with a null config': config('retention.ms', null),
  'with an unknown config': config('retention.minutes', '1'),
  'with a config that is no number': config('retention.ms', 'long'),
  'with a config out of range': config('min.insync.replicas', '0'),
  'with a config that is none of the words': config('cleanup.policy', 'shred'),
  'with a boolean that is none': config('preallocate', 'maybe'),
  'with a codec that is none': config('compression.type', 'rar'),
  'with a compression level out of range': config('compression.gzip.level', '99'),
  'with an old config': config('message.format.version', '2.8'),
  'with a broker config': config('log.retention.ms', '1000'),
  'with an empty list': config('cleanup.policy', ''),
  'with a list': config('cleanup.policy', 'compact,delete'),
  'with a config twice': {
    configs: [
      { name: 'retention.ms', value: '1' },
      { name: 'retention.ms', value: '2' },
    ],
  },
  'with min.insync.replicas above the replicas': config('min.insync.replicas', '3'),
  'with remote storage': config('remote.storage.enable', 'true'),
}

async function create(
  broker: Conversation,
  step: string,
  version: number,
  name: string,
  rest: Creation,
  validateOnly = false,
) {
  await broker.ask(step, createTopics, version, { topics: [creation(name, rest)], timeoutMs, validateOnly })
}

export const topicsScenarios = [
  ...Object.entries(creations).map(([name, rest], number) =>
    scenario(`a topic ${name}`, async (broker) => {
      for (const version of broker.versions(createTopics)) {
        await create(broker, 'only validated', version, `t${number}-v${version}`, rest, true)
        await create(broker, 'created', version, `t${number}-v${version}`, rest)
      }
    }),
  ),

  scenario('names of topics', async (broker) => {
    for (const [number, name] of badNames.entries()) {
      await broker.every(`name ${number}`, createTopics, { topics: [creation(name)], timeoutMs, validateOnly: true })
    }
    await broker.topic('a_b.c')
    const ask = (step: string, ...names: string[]) =>
      broker.every(step, createTopics, { topics: names.map((name) => creation(name)), timeoutMs, validateOnly: true })
    await ask('one that is there', 'a_b.c')
    await ask('one that differs in . and _', 'a.b_c')
    await ask('one that differs more', 'a-b-c')
    await ask('the same twice', 'twice', 'twice')
    await ask('two that differ in . and _', 'x.y', 'x_y')
    await ask('of an internal topic', '__consumer_offsets')
    await ask('of the metadata log', '__cluster_metadata')
    await ask('several with one bad', 'good-1', 'bad one', 'good-2')
    await ask('nothing')
  }),

  scenario('several topics at once', async (broker) => {
    for (const version of broker.versions(createTopics)) {
      const topics = [
        creation(`s1-v${version}`),
        creation(`s2-v${version}`, { numPartitions: 0 }),
        creation(`s3-v${version}`, { numPartitions: 2 }),
      ]
      await broker.ask('created', createTopics, version, { topics, timeoutMs })
      await broker.ask('once more', createTopics, version, { topics, timeoutMs })
      for (const name of ['s1', 's3']) await broker.ready(`${name}-v${version}`)
    }
  }),

  scenario('more partitions', async (broker) => {
    for (const version of broker.versions(createPartitions)) {
      const name = `grown-v${version}`
      await broker.topic(name, {}, 2)
      const ask = (
        step: string,
        count: number,
        assignments: { brokerIds: number[] }[] | null = null,
        validateOnly = false,
      ) =>
        broker.ask(step, createPartitions, version, { topics: [{ name, count, assignments }], timeoutMs, validateOnly })
      await ask('fewer', 1)
      await ask('none', 0)
      await ask('a negative number', -1)
      await ask('as many', 2)
      await ask('only validated', 3, null, true)
      await ask('one more', 3)
      await ask('placed by hand', 4, [{ brokerIds: [1] }])
      await ask('placed on too few', 6, [{ brokerIds: [1] }])
      await ask('placed on too many', 5, [{ brokerIds: [1] }, { brokerIds: [1] }])
      await ask('placed on a broker that is not there', 5, [{ brokerIds: [7] }])
      await ask('placed twice on a broker', 5, [{ brokerIds: [1, 1] }])
      await ask('placed on no broker', 5, [{ brokerIds: [] }])
      await ask('placed on another number of replicas', 5, [{ brokerIds: [1, 7] }])
      await ask('placed, nothing is new', 4, [])
      await ask('an empty list', 5, [])
      const others = [
        { name: 'missing', count: 3, assignments: null },
        { name, count: 6, assignments: null },
        { name: 'bad name', count: 3, assignments: null },
        { name: '', count: 3, assignments: null },
      ]
      await broker.ask('several', createPartitions, version, { topics: others, timeoutMs })
      await broker.ask('the same twice', createPartitions, version, {
        topics: [
          { name, count: 7, assignments: null },
          { name, count: 8, assignments: null },
        ],
        timeoutMs,
      })
      await broker.ready(name, 6)
      const shown = await broker.until(
        metadata,
        9,
        { topics: [{ name }] },
        (answer) => answer.topics[0]!.partitions.length >= 6,
      )
      broker.tell('partitions then', version, shown.topics[0]!.partitions.length)
    }
  }),

  scenario('deleted topics', async (broker) => {
    for (const version of broker.versions(deleteTopics)) {
      const one = await broker.topic(`d1-v${version}`)
      const two = await broker.topic(`d2-v${version}`)
      const ask = (step: string, asked: { name: string | null; topicId: string }[]) =>
        broker.ask(step, deleteTopics, version, {
          topics: asked,
          topicNames: asked.map(({ name }) => name ?? ''),
          timeoutMs,
        })
      const named = (name: string) => ({ name, topicId: zeroId })
      await ask('by name', [named(one.name)])
      await ask('once more', [named(one.name)])
      await ask('the same twice', [named(two.name), named(two.name)])
      await ask('missing and bad names', [named('missing'), named('bad name'), named('')])
      await ask('an internal topic that is not there', [named('__transaction_state')])
      await ask('nothing', [])
      if (version < 6) continue
      await ask('by id', [{ name: null, topicId: two.id }])
      const four = { name: null, topicId: (await broker.topic(`d4-v${version}`)).id }
      await ask('by an id twice', [four, four])
      await ask('by an id that is not there', [{ name: null, topicId: unknownTopicId }])
      await ask('by neither', [{ name: null, topicId: zeroId }])
      await ask('by both', [{ name: 'both', topicId: two.id }])
      const three = await broker.topic(`d3-v${version}`)
      await ask('by name and by id', [named(three.name), { name: null, topicId: three.id }])
    }
  }),

  scenario('metadata of topics', async (broker) => {
    const topic = await broker.topic('described', {}, 2)
    const named = (...names: string[]) => ({ topics: names.map((name) => ({ name })), allowAutoTopicCreation: false })
    await broker.every('one', metadata, named('described'))
    await broker.every('one twice', metadata, named('described', 'described'))
    await broker.every('with operations', metadata, {
      ...named('described'),
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    })
    await broker.every('no topics', metadata, { topics: [], allowAutoTopicCreation: false }, { from: 1 })
    await broker.every('missing', metadata, named('missing'), { from: 4 })
    for (const [number, name] of badNames.entries())
      await broker.every(`name ${number}`, metadata, named(name), { from: 4 })
    await broker.every('missing and bad and there', metadata, named('missing', 'bad name', 'described'), { from: 4 })
    await broker.every('by id', metadata, { topics: [{ topicId: topic.id, name: null }] }, { from: 10 })
    await broker.every(
      'by an unknown id',
      metadata,
      { topics: [{ topicId: unknownTopicId, name: null }] },
      { from: 10 },
    )
    await broker.every('by id and name', metadata, { topics: [{ topicId: topic.id, name: 'described' }] }, { from: 10 })
    await broker.every(
      'by id and another name',
      metadata,
      { topics: [{ topicId: topic.id, name: 'missing' }], allowAutoTopicCreation: false },
      { from: 10 },
    )
    await broker.every(
      'by the zero id and no name',
      metadata,
      { topics: [{ topicId: zeroId, name: null }] },
      { from: 10 },
    )
    await broker.every(
      'by id and another by name',
      metadata,
      { topics: [{ topicId: topic.id, name: null }, { name: 'described' }] },
      { from: 10 },
    )
    await broker.every(
      'several ids',
      metadata,
      {
        topics: [
          { topicId: topic.id, name: null },
          { topicId: unknownTopicId, name: null },
          { topicId: topic.id, name: null },
        ],
      },
      { from: 12 },
    )
  }),

  scenario('automatic creation', async (broker) => {
    for (const version of broker.versions(metadata)) {
      await broker.ask('asked for', metadata, version, {
        topics: [{ name: `auto_v${version}` }],
        allowAutoTopicCreation: true,
      })
      const topic = await broker.ready(`auto_v${version}`)
      await broker.ask('there', metadata, version, { topics: [{ name: topic.name }], allowAutoTopicCreation: true })
      await broker.ask('not allowed by a bad name', metadata, version, {
        topics: [{ name: 'bad name' }],
        allowAutoTopicCreation: true,
      })
      await broker.ask('not allowed by a collision', metadata, version, {
        topics: [{ name: `auto.v${version}` }],
        allowAutoTopicCreation: true,
      })
    }
  }),

  scenario('pages of partitions', async (broker) => {
    for (const name of ['page-a', 'page-b', 'page-c']) await broker.topic(name, {}, 3)
    const ask = (
      step: string,
      names: string[],
      cursor: { topicName: string; partitionIndex: number } | null,
      limit = 2000,
    ) =>
      broker.ask(step, describeTopicPartitions, 0, {
        topics: names.map((name) => ({ name })),
        responsePartitionLimit: limit,
        cursor,
      })
    const all = ['page-c', 'page-a', 'page-b']
    await ask('all', all, null)
    await ask('four', all, null, 4)
    await ask('three', all, null, 3)
    await ask('one', all, null, 1)
    await ask('none', all, null, 0)
    await ask('minus one', all, null, -1)
    await ask('from a cursor', all, { topicName: 'page-b', partitionIndex: 1 })
    await ask('from a cursor, two', all, { topicName: 'page-b', partitionIndex: 1 }, 2)
    await ask('from a cursor past the partitions', all, { topicName: 'page-b', partitionIndex: 9 })
    await ask('from a cursor at the end of a topic', all, { topicName: 'page-b', partitionIndex: 3 }, 1)
    await ask('from a negative cursor', all, { topicName: 'page-b', partitionIndex: -1 })
    await ask('from a cursor that is not asked for', all, { topicName: 'page-d', partitionIndex: 0 })
    await ask('from a cursor of a missing topic', [...all, 'page-bb'], { topicName: 'page-bb', partitionIndex: 0 })
    await ask('missing', ['missing', 'page-a'], null)
    await ask('a bad name', ['bad name', 'page-a'], null)
    await ask('no name', ['', 'page-a'], null)
    await ask('missing, one', ['aaa', 'page-a', 'page-b'], null, 1)
    await ask('twice', ['page-a', 'page-a'], null)
  }),
]
