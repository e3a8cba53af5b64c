/** test: ListOffsets and OffsetForLeaderEpoch. */
import { listOffsets, offsetForLeaderEpoch } from '../../../protocol/messages/index.ts'
import { buildRecordBatch, codecs } from '../../../protocol/records/index.ts'
import type { EncodableOf } from '../../../protocol/schema/index.ts'
import { batch, longAgo, scenario } from '../conversation.ts'

type Body = EncodableOf<(typeof listOffsets)['request']>

function at(name: string, timestamp: number, rest: object = {}, request: Body = {}): Body {
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp, maxNumOffsets: 5, ...rest }]
  return { replicaId: -1, timeoutMs: 5_000, topics: [{ name, partitions }], ...request }
}

function timed(...offsets: number[]): Buffer {
  return buildRecordBatch(
    {},
    offsets.map((offset) => ({ timestamp: longAgo + offset, key: null, value: Buffer.from(`at ${offset}`) })),
  )
}

const specials: Readonly<Record<string, number>> = {
  latest: -1,
  earliest: -2,
  'maximum timestamp': -3,
  'earliest local': -4,
  'latest tiered': -5,
  'earliest to be uploaded': -6,
  'one that nobody knows': -7,
}

export const offsetsScenarios = [
  scenario('special timestamps', async (broker) => {
    await broker.topic('empty')
    await broker.topic('full')
    await broker.append('full', timed(0, 50, 20))
    await broker.append('full', timed(10, 30))
    for (const [name, timestamp] of Object.entries(specials)) {
      await broker.every(`${name} of a topic with records`, listOffsets, at('full', timestamp))
      await broker.every(`${name} of an empty topic`, listOffsets, at('empty', timestamp))
      await broker.every(`${name}, read_committed`, listOffsets, at('full', timestamp, {}, { isolationLevel: 1 }))
    }
    await broker.every('latest for the debugging consumer', listOffsets, at('full', -1, {}, { replicaId: -2 }))
    await broker.every('latest, a limit of 0 in v0', listOffsets, at('full', -1, { maxNumOffsets: 0 }))
    await broker.every('an unknown isolation level', listOffsets, at('full', -1, {}, { isolationLevel: 9 }))
  }),

  scenario('by timestamp', async (broker) => {
    await broker.topic('times')
    for (const codec of codecs) await broker.append('times', batch(3, { codec }))
    await broker.append('times', timed(100_000, 300_000, 200_000))
    await broker.append('times', timed(150_000, 250_000))
    for (const after of [-1_000, 0, 1, 1_000, 1_500, 2_000, 2_001, 100_000, 120_000, 200_001, 300_000, 300_001]) {
      await broker.every(`${after} ms after the first`, listOffsets, at('times', longAgo + after))
    }
    await broker.every('0', listOffsets, at('times', 0))
  }),

  scenario('the maximum timestamp inside a compressed batch', async (broker) => {
    for (const codec of codecs) {
      const name = `max-${codec}`
      await broker.topic(name)
      const times = [5, 90, 10, 90]
      const records = times.map((time) => ({ timestamp: longAgo + time, key: null, value: Buffer.from(`${time}`) }))
      await broker.append(name, buildRecordBatch({ codec }, records))
      await broker.every(`maximum in ${codec}`, listOffsets, at(name, -3))
      await broker.every(`inside ${codec}`, listOffsets, at(name, longAgo + 11))
    }
  }),

  scenario('errors of ListOffsets', async (broker) => {
    await broker.topic('plain', {}, 2)
    await broker.every('a missing topic', listOffsets, at('missing', -1))
    await broker.every('a missing partition', listOffsets, at('plain', -1, { partitionIndex: 5 }))
    await broker.every('a negative partition', listOffsets, at('plain', -1, { partitionIndex: -1 }))
    await broker.every('the current epoch', listOffsets, at('plain', -1, { currentLeaderEpoch: 0 }))
    await broker.every('a newer epoch', listOffsets, at('plain', -1, { currentLeaderEpoch: 3 }))
    await broker.every('another replica', listOffsets, at('plain', -1, {}, { replicaId: 5 }))
    await broker.every('nothing', listOffsets, at('plain', -1, {}, { topics: [] }))
    const twice = [0, 0, 1].map((partitionIndex) => ({ partitionIndex, timestamp: -1, maxNumOffsets: 1 }))
    await broker.every(
      'a partition twice',
      listOffsets,
      at('plain', -1, {}, { topics: [{ name: 'plain', partitions: twice }] }),
    )
  }),

  scenario('the end of leader epochs', async (broker) => {
    await broker.topic('epochs')
    await broker.append('epochs', batch(4))
    await broker.topic('no-records')
    const ask = (step: string, topic: string, asked: object) =>
      broker.every(step, offsetForLeaderEpoch, {
        replicaId: -1,
        topics: [{ topic, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0, ...asked }] }],
      })
    await ask('the current one', 'epochs', {})
    await ask('one to come', 'epochs', { leaderEpoch: 1 })
    await ask('none', 'epochs', { leaderEpoch: -1 })
    await ask('below', 'epochs', { leaderEpoch: -2 })
    await ask('of an empty topic', 'no-records', {})
    await ask('to come, of an empty topic', 'no-records', { leaderEpoch: 4 })
    await ask('a missing topic', 'missing', {})
    await ask('a missing partition', 'epochs', { partition: 3 })
    await ask('the leader has the epoch', 'epochs', { currentLeaderEpoch: 0 })
    await ask('the leader has an older epoch', 'epochs', { currentLeaderEpoch: 1 })
  }),
]
