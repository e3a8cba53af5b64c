/** test: AlterClientQuotas and DescribeClientQuotas. */
import {
  alterClientQuotas,
  createPartitions,
  createTopics,
  deleteTopics,
  describeClientQuotas,
  metadata,
} from '../../../protocol/messages/index.ts'
import { type Conversation, scenario } from '../conversation.ts'

type Entity = Readonly<Record<string, string | null>>
type Values = Readonly<Record<string, number | null>>

const entityOf = (entity: Entity) =>
  Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName }))

const opsOf = (values: Values) =>
  Object.entries(values).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null }))

const alteration = (entity: Entity, values: Values) => ({ entity: entityOf(entity), ops: opsOf(values) })

/** Filter components: a name, null for the default, `any`. */
const componentsOf = (filter: Readonly<Record<string, string | null>>, any: readonly string[]) => [
  ...Object.entries(filter).map(([entityType, match]) => ({ entityType, matchType: match === null ? 1 : 0, match })),
  ...any.map((entityType) => ({ entityType, matchType: 2, match: null })),
]

/** Kafka's brokers hear of a change a moment later. */
async function known(broker: Conversation, entity: Entity, isKnown = true): Promise<void> {
  const asked = { components: componentsOf(entity, []), strict: true }
  await broker.until(describeClientQuotas, 1, asked, ({ entries }) => (entries ?? []).length > 0 === isKnown)
}

export const quotasScenarios = [
  scenario('what can be set', async (broker) => {
    const refuse = (step: string, entity: Entity, values: Values) =>
      broker.every(step, alterClientQuotas, { entries: [alteration(entity, values)] })
    await refuse('no entity', {}, { producer_byte_rate: 1 })
    await refuse('an unknown entity', { group: 'a' }, { producer_byte_rate: 1 })
    await refuse('an empty name', { user: '' }, { producer_byte_rate: 1 })
    await refuse('a user and an address', { user: 'a', ip: '1.2.3.4' }, { connection_creation_rate: 1 })
    await refuse('a host that is none', { ip: 'no.such.host.invalid' }, { connection_creation_rate: 1 })
    await refuse('an unknown key', { user: 'a' }, { consumer_rate: 1 })
    await refuse('a key of addresses', { user: 'a' }, { connection_creation_rate: 1 })
    await refuse('a key of users', { ip: '1.2.3.4' }, { producer_byte_rate: 1 })
    await refuse('nothing', { user: 'a' }, { producer_byte_rate: 0 })
    await refuse('less than nothing', { user: 'a' }, { request_percentage: -1 })
    await refuse('half a byte', { user: 'a' }, { producer_byte_rate: 1.5 })
    await refuse('too many bytes', { user: 'a' }, { producer_byte_rate: 1e19 })
    await refuse('half a connection', { ip: null }, { connection_creation_rate: 0.5 })
    await refuse('too many connections', { ip: null }, { connection_creation_rate: 3e9 })
    await refuse('what is not set', { user: 'nobody' }, { producer_byte_rate: null })
    await refuse('an unknown key that is not set', { user: 'nobody' }, { no_such_key: null })
    await refuse('nothing at all', { user: 'nobody' }, {})
    await broker.every('no entries', alterClientQuotas, { entries: [] })
    await broker.every('only checked', alterClientQuotas, {
      entries: [alteration({ user: 'checked' }, { producer_byte_rate: 5 })],
      validateOnly: true,
    })
    await broker.every('an entity twice', alterClientQuotas, {
      validateOnly: true,
      entries: [
        alteration({ user: 'twice', 'client-id': null }, { producer_byte_rate: 5 }),
        alteration({ 'client-id': null, user: 'twice' }, { producer_byte_rate: 6 }),
      ],
    })
    await broker.every('a key twice', alterClientQuotas, {
      validateOnly: true,
      entries: [
        {
          entity: entityOf({ user: 'a' }),
          ops: [...opsOf({ producer_byte_rate: 1 }), ...opsOf({ producer_byte_rate: 2 })],
        },
      ],
    })
    await broker.every('good and bad together', alterClientQuotas, {
      entries: [alteration({ user: 'good' }, { producer_byte_rate: 7 }), alteration({ user: 'bad' }, { nothing: 7 })],
    })
    await known(broker, { user: 'good' })
    await broker.every('what is there then', describeClientQuotas, { components: [], strict: false })
    await broker.quietly(alterClientQuotas, 1, {
      entries: [alteration({ user: 'good' }, { producer_byte_rate: null })],
    })
    await known(broker, { user: 'good' }, false)
  }),

  scenario('what is found', async (broker) => {
    const entries = [
      alteration({ user: 'alice', 'client-id': 'reader' }, { consumer_byte_rate: 100 }),
      alteration({ user: 'alice', 'client-id': null }, { consumer_byte_rate: 200 }),
      alteration({ user: 'alice' }, { consumer_byte_rate: 300, request_percentage: 12.5 }),
      alteration({ user: null, 'client-id': 'reader' }, { producer_byte_rate: 400 }),
      alteration({ user: null, 'client-id': null }, { producer_byte_rate: 500 }),
      alteration({ user: null }, { controller_mutation_rate: 600.25 }),
      alteration({ 'client-id': 'reader' }, { producer_byte_rate: 700 }),
      alteration({ 'client-id': null }, { producer_byte_rate: 800 }),
      alteration({ ip: '10.0.0.1' }, { connection_creation_rate: 9 }),
      alteration({ ip: null }, { connection_creation_rate: 10 }),
    ]
    await broker.ask('set', alterClientQuotas, 1, { entries })
    await known(broker, { ip: null })
    const ask = (step: string, filter: Readonly<Record<string, string | null>>, any: readonly string[] = []) =>
      broker.every(step, describeClientQuotas, { components: componentsOf(filter, any), strict: false })
    const askStrictly = (step: string, filter: Readonly<Record<string, string | null>>, any: readonly string[] = []) =>
      broker.every(step, describeClientQuotas, { components: componentsOf(filter, any), strict: true })
    await askStrictly('nothing, strictly', {})
    for (const [step, filter, any] of [
      ['a user', { user: 'alice' }, []],
      ['the default user', { user: null }, []],
      ['any user', {}, ['user']],
      ['a user with any client id', { user: 'alice' }, ['client-id']],
      ['a user and a client id', { user: 'alice', 'client-id': 'reader' }, []],
      ['both defaults', { user: null, 'client-id': null }, []],
      ['both, any', {}, ['user', 'client-id']],
      ['a client id', { 'client-id': 'reader' }, []],
      ['an address', { ip: '10.0.0.1' }, []],
      ['any address', {}, ['ip']],
      ['somebody else', { user: 'bob' }, []],
    ] as const) {
      await ask(step, filter, any)
      await askStrictly(`${step}, strictly`, filter, any)
    }
    const refuse = (step: string, ...components: { entityType: string; matchType: number; match: string | null }[]) =>
      broker.every(step, describeClientQuotas, { components, strict: false })
    await refuse('no type', { entityType: '', matchType: 0, match: 'a' })
    await refuse('an unknown type', { entityType: 'group', matchType: 0, match: 'a' })
    await refuse('an unknown match', { entityType: 'user', matchType: 3, match: null })
    await refuse('a name that is none', { entityType: 'user', matchType: 0, match: null })
    await refuse('a default with a name', { entityType: 'user', matchType: 1, match: 'a' })
    await refuse('any with a name', { entityType: 'user', matchType: 2, match: 'a' })
    await refuse(
      'a type twice',
      { entityType: 'user', matchType: 0, match: 'a' },
      { entityType: 'user', matchType: 2, match: null },
    )
    await refuse(
      'an address and a user',
      { entityType: 'ip', matchType: 2, match: null },
      { entityType: 'user', matchType: 2, match: null },
    )
    await broker.ask('remove', alterClientQuotas, 1, {
      entries: entries.map(({ entity, ops }) => ({ entity, ops: ops.map((op) => ({ ...op, remove: true })) })),
    })
    await known(broker, { ip: null }, false)
  }),

  scenario('a mutation quota that is used up', async (broker) => {
    const entity = { 'client-id': 'comparison' }
    await broker.quietly(alterClientQuotas, 1, { entries: [alteration(entity, { controller_mutation_rate: 0.0001 })] })
    await known(broker, entity)
    // The bucket holds a thousandth of a partition: the first creation overdraws it, the next ones find that. Each takes a connection of
    // its own, for a throttled one is muted for hours.
    const create = (name: string) => ({
      topics: [{ name, numPartitions: 1, replicationFactor: 1 }],
      timeoutMs: 5_000,
    })
    await broker.quietly(createTopics, 6, create('first'), broker.connect())
    await broker.until(metadata, 12, { topics: [{ name: 'first' }] }, ({ topics }) => topics[0]!.errorCode === 0)
    for (const version of broker.versions(createTopics, 6)) {
      const { topics } = await broker.quietly(createTopics, version, create(`next-v${version}`), broker.connect())
      broker.tell('one topic more', version, topics)
    }
    for (const version of broker.versions(createPartitions, 3)) {
      const asked = { topics: [{ name: 'first', count: 2, assignments: null }], timeoutMs: 5_000 }
      const { results } = await broker.quietly(createPartitions, version, asked, broker.connect())
      broker.tell('one partition more', version, results)
    }
    for (const version of broker.versions(deleteTopics, 5)) {
      const asked = { topicNames: ['first'], topics: [{ name: 'first' }], timeoutMs: 5_000 }
      const { responses } = await broker.quietly(deleteTopics, version, asked, broker.connect())
      broker.tell('one topic less', version, responses)
    }
    await broker.quietly(
      alterClientQuotas,
      1,
      { entries: [alteration(entity, { controller_mutation_rate: null })] },
      broker.connect(),
    )
    await known(broker, entity, false)
  }),
]
