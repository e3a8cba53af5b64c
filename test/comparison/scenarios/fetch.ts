/** test: Fetch: limits, sessions (KIP-227), topic ids, offsets out of range, epochs, isolation. */
import { deleteTopics, fetch, metadata, produce } from '../../../protocol/messages/index.ts'
import type { EncodableOf } from '../../../protocol/schema/index.ts'
import { batch, type Conversation, type CreatedTopic, scenario, unknownTopicId } from '../conversation.ts'

const firstSessionVersion = 7
const firstTopicIdVersion = 13
const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

type Body = EncodableOf<(typeof fetch)['request']>
interface Asked {
  readonly partition?: number
  readonly fetchOffset?: number
  readonly partitionMaxBytes?: number
  readonly currentLeaderEpoch?: number
  readonly lastFetchedEpoch?: number
}

function from(topic: CreatedTopic, partitions: readonly Asked[], rest: Body = {}): Body {
  const asked = partitions.map((each) => ({ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_048_576, ...each }))
  return {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 52_428_800,
    sessionEpoch: -1,
    topics: [{ topic: topic.name, topicId: topic.id, partitions: asked }],
    ...rest,
  }
}

const missing = { name: 'missing', id: unknownTopicId }

/** Two batches of three records, one of one, and one of 5,000 bytes. */
async function filled(broker: Conversation, name: string): Promise<CreatedTopic> {
  const topic = await broker.topic(name)
  for (const records of [batch(3), batch(3, { codec: 'lz4' }), batch(1), batch(1, { valueBytes: 5_000 }), batch(2)]) {
    await broker.append(name, records)
  }
  return topic
}

export const fetchScenarios = [
  scenario('offsets', async (broker) => {
    const topic = await filled(broker, 'offsets')
    const at = (step: string, fetchOffset: number) => broker.every(step, fetch, from(topic, [{ fetchOffset }]))
    await at('the first', 0)
    await at('inside a batch', 1)
    await at('inside a compressed batch', 5)
    await at('the last', 9)
    await at('the end', 10)
    await at('beyond the end', 11)
    await at('negative', -1)
    await at('very negative', -5)
  }),

  scenario('limits', async (broker) => {
    const topic = await filled(broker, 'limits')
    const other = await filled(broker, 'limits-other')
    const size = batch(3).length
    const both = (rest: Body) => ({
      ...from(topic, [{}]),
      topics: [topic, other].map(({ name, id }) => ({
        topic: name,
        topicId: id,
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: size }],
      })),
      ...rest,
    })
    await broker.every('the partition takes less than a batch', fetch, from(topic, [{ partitionMaxBytes: 10 }]))
    await broker.every('the partition takes one batch', fetch, from(topic, [{ partitionMaxBytes: size }]))
    await broker.every('the partition takes a batch and a bit', fetch, from(topic, [{ partitionMaxBytes: size + 10 }]))
    await broker.every('the partition takes nothing', fetch, from(topic, [{ partitionMaxBytes: 0 }]))
    await broker.every('the request takes less than a batch', fetch, from(topic, [{}], { maxBytes: 10 }))
    await broker.every('the request takes nothing', fetch, from(topic, [{}], { maxBytes: 0 }))
    await broker.every('one oversized batch', fetch, from(topic, [{ fetchOffset: 7, partitionMaxBytes: 100 }]))
    await broker.every(
      'an oversized batch behind a small one',
      fetch,
      from(topic, [{ fetchOffset: 6, partitionMaxBytes: 200 }]),
    )
    await broker.every('two partitions, little for each', fetch, both({}))
    await broker.every('two partitions, little for both', fetch, both({ maxBytes: size }))
    await broker.every('two partitions, less than one batch', fetch, both({ maxBytes: 10 }))
    await broker.every('more than there is, without waiting', fetch, from(topic, [{}], { minBytes: 1_000_000 }))
    await broker.ask(
      'more than there is, for 20 ms',
      fetch,
      12,
      from(topic, [{}], { minBytes: 1_000_000, maxWaitMs: 20 }),
    )
    await broker.ask(
      'at the end, for 20 ms',
      fetch,
      12,
      from(topic, [{ fetchOffset: 10 }], { minBytes: 1, maxWaitMs: 20 }),
    )
    await broker.ask(
      'an error does not wait',
      fetch,
      12,
      from(topic, [{ fetchOffset: 99 }], { minBytes: 1, maxWaitMs: 4_000 }),
    )
    await broker.ask(
      'an error among others does not wait',
      fetch,
      12,
      from(topic, [{ fetchOffset: 10 }, { partition: 3 }], { minBytes: 1, maxWaitMs: 4_000 }),
    )
  }),

  scenario('a fetch that waits for records', async (broker) => {
    const topic = await broker.topic('waiting')
    const waiting = broker.ask('is answered with them', fetch, 12, from(topic, [{}], { minBytes: 1, maxWaitMs: 4_000 }))
    const second = broker.connect()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const topicData = [{ name: topic.name, partitionData: [{ index: 0, records: batch() }] }]
    await broker.quietly(produce, 9, { acks: -1, timeoutMs: 1_000, topicData }, second)
    await waiting
  }),

  scenario('topics and partitions that are not there', async (broker) => {
    const topic = await filled(broker, 'there')
    await broker.every('a missing partition', fetch, from(topic, [{ partition: 4 }]))
    await broker.every('a negative partition', fetch, from(topic, [{ partition: -1 }]))
    await broker.every('a missing topic', fetch, from(missing, [{}]))
    await broker.every('the zero id', fetch, from({ name: '', id: zeroId }, [{}]))
    await broker.every('a missing one beside one that is there', fetch, {
      ...from(topic, [{ fetchOffset: 9 }, { partition: 3 }]),
      topics: [...from(topic, [{ fetchOffset: 9 }, { partition: 3 }]).topics!, ...from(missing, [{}]).topics!],
    })
    await broker.every('nothing', fetch, { ...from(topic, []), topics: [] })
    await broker.every('a topic without partitions', fetch, from(topic, []))
    await broker.every('a partition twice', fetch, from(topic, [{ fetchOffset: 9 }, { fetchOffset: 6 }]))
  }),

  scenario('leader epochs', async (broker) => {
    const topic = await filled(broker, 'epochs')
    const at = (step: string, asked: Asked) => broker.every(step, fetch, from(topic, [{ fetchOffset: 9, ...asked }]))
    await at('the current one', { currentLeaderEpoch: 0 })
    await at('a newer one', { currentLeaderEpoch: 1 })
    await at('a negative one', { currentLeaderEpoch: -5 })
    await at('the last fetched one', { lastFetchedEpoch: 0 })
    await at('a last fetched one that never was', { lastFetchedEpoch: 3 })
    await at('both, newer', { currentLeaderEpoch: 2, lastFetchedEpoch: 3 })
    await at('a newer one beyond the end', { currentLeaderEpoch: 1, fetchOffset: 50 })
    await at('the last fetched one beyond the end', { lastFetchedEpoch: 0, fetchOffset: 50 })
  }),

  scenario('isolation and replicas', async (broker) => {
    const topic = await filled(broker, 'isolation')
    await broker.every('read_committed', fetch, from(topic, [{ fetchOffset: 8 }], { isolationLevel: 1 }))
    await broker.every('read_committed at the end', fetch, from(topic, [{ fetchOffset: 10 }], { isolationLevel: 1 }))
    await broker.every('a rack', fetch, from(topic, [{ fetchOffset: 9 }], { rackId: 'a' }))
    await broker.every('another cluster id', fetch, from(topic, [{ fetchOffset: 9 }], { clusterId: 'another' }))
    await broker.every(
      'the debugging consumer',
      fetch,
      from(topic, [{ fetchOffset: 9 }], { replicaId: -2, replicaState: { replicaId: -2, replicaEpoch: -1 } }),
    )
    await broker.every('an unknown isolation level', fetch, from(topic, [{ fetchOffset: 9 }], { isolationLevel: 7 }))
  }),

  scenario('sessions', async (broker) => {
    for (const version of broker.versions(fetch, firstSessionVersion)) {
      const one = await filled(broker, `one-v${version}`)
      const two = await broker.topic(`two-v${version}`, {}, 2)
      const both = [...from(one, [{ fetchOffset: 9 }]).topics!, ...from(two, [{}, { partition: 1 }]).topics!]
      const open = await broker.ask('a new one', fetch, version, { ...from(one, []), sessionEpoch: 0, topics: both })
      const { sessionId } = open
      const within = (step: string, sessionEpoch: number, rest: Body = {}) =>
        broker.ask(step, fetch, version, { ...from(one, []), topics: [], sessionId, sessionEpoch, ...rest })
      await within('unchanged', 1)
      await broker.append(two.name, batch())
      await within('a partition has records', 2)
      await within('they were not read yet', 3)
      await within('another offset', 4, { topics: from(two, [{ fetchOffset: 1 }]).topics! })
      await within('nothing new', 5)
      const forgotten = [{ topic: one.name, topicId: one.id, partitions: [0] }]
      await within('a partition is forgotten', 6, { forgottenTopicsData: forgotten })
      await within('and is not read', 7)
      await within('one is forgotten that was not there', 8, { forgottenTopicsData: forgotten })
      await within('one comes back', 9, { topics: from(one, [{ fetchOffset: 9 }]).topics! })
      await within('a missing partition is added', 10, { topics: from(two, [{ partition: 7 }]).topics! })
      await within('its error is told again', 11)
      await within('a missing topic is added', 12, { topics: from(missing, [{}]).topics! })
      await within('its error is told again too', 13)
      await within('an offset out of range', 14, { topics: from(one, [{ fetchOffset: 99 }]).topics! })
      await within('out of range again', 15)
      await within('an epoch that was', 3)
      await within('an epoch to come', 20)
      await within('the last one again', 15)
      await within('the right one after that', 16)
      await within('the end of it', -1, { topics: from(one, [{ fetchOffset: 9 }]).topics! })
      await within('it is gone', 17)
      await broker.ask('an id that never was', fetch, version, {
        ...from(one, []),
        topics: [],
        sessionId: 12_345,
        sessionEpoch: 4,
      })
      await broker.ask('an id with the first epoch', fetch, version, {
        ...from(one, [{ fetchOffset: 9 }]),
        sessionId: 12_345,
        sessionEpoch: 0,
      })
      await broker.ask('no id with an epoch', fetch, version, {
        ...from(one, [{ fetchOffset: 9 }]),
        sessionId: 0,
        sessionEpoch: 3,
      })
      await broker.ask('no id with the last epoch', fetch, version, {
        ...from(one, [{ fetchOffset: 9 }]),
        sessionId: 0,
        sessionEpoch: -1,
      })
      await broker.ask('an id with the last epoch', fetch, version, {
        ...from(one, [{ fetchOffset: 9 }]),
        sessionId: 99,
        sessionEpoch: -1,
      })
      await broker.ask('an empty new one', fetch, version, { ...from(one, []), topics: [], sessionEpoch: 0 })
      const names = await broker.ask('a new one of names or ids', fetch, version, {
        ...from(one, [{ fetchOffset: 9 }]),
        sessionEpoch: 0,
      })
      const otherVersion = version < firstTopicIdVersion ? firstTopicIdVersion : firstTopicIdVersion - 1
      await broker.ask(
        `then from ${version < firstTopicIdVersion ? 'names to ids' : 'ids to names'} (v${version} before)`,
        fetch,
        otherVersion,
        {
          ...from(one, [{ fetchOffset: 9 }]),
          sessionId: names.sessionId,
          sessionEpoch: 1,
        },
      )
    }
  }),

  scenario('a session whose topic is deleted', async (broker) => {
    for (const version of broker.versions(fetch, firstSessionVersion)) {
      const topic = await filled(broker, `doomed-v${version}`)
      const { sessionId } = await broker.ask('open', fetch, version, {
        ...from(topic, [{ fetchOffset: 9 }]),
        sessionEpoch: 0,
      })
      await broker.quietly(deleteTopics, 5, { topicNames: [topic.name], timeoutMs: 5_000 })
      const gone = { topics: [{ name: topic.name }], allowAutoTopicCreation: false }
      await broker.until(metadata, 12, gone, (answer) => answer.topics[0]!.errorCode !== 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
      const within = (step: string, sessionEpoch: number) =>
        broker.ask(step, fetch, version, { ...from(topic, []), topics: [], sessionId, sessionEpoch })
      await within('deleted', 1)
      await within('still', 2)
      await broker.topic(topic.name)
      broker.masks.name(topic.id, 'id of the deleted topic')
      await within('there is another of that name', 3)
    }
  }),
]
