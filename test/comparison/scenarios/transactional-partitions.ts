/**
 * test: transactions as partitions and groups see them: the broker does not verify, and markers are written by hand, so no transaction
 * coordinator is asked.
 */
import {
  deleteRecords,
  describeProducers,
  fetch,
  listOffsets,
  offsetFetch,
  produce,
  txnOffsetCommit,
  writeTxnMarkers,
} from '../../../protocol/messages/index.ts'
import { partitionFor } from '../../../src/groups/group-coordinator.ts'
import { batch, type Conversation, type CreatedTopic, scenario } from '../conversation.ts'

/** From here on partitions are added by Produce, with verification or without. */
const lastUnverified = { produce: 11, txnOffsetCommit: 4 }
const offsetsPartitions = 3
/** Markers have the present time, records an old one: Kafka would begin a new segment between them, and a fetch ends with a segment. */
const oneSegment = { 'segment.ms': String(100 * 365 * 24 * 3_600_000) }
const [producerId, other] = [9_001n, 9_002n]

function transactional(baseSequence: number, producerEpoch = 0, id = producerId, count = 1): Buffer {
  return batch(count, { producerId: id, producerEpoch, baseSequence, isTransactional: true })
}

function to({ name, id }: CreatedTopic, records: Buffer, more: object = {}) {
  const topicData = [{ name, topicId: id, partitionData: [{ index: 0, records }] }]
  return { transactionalId: 'id', acks: -1, timeoutMs: 5_000, topicData, ...more }
}

function marker(topic: string, more: object = {}) {
  const topics = [{ name: topic, partitionIndexes: [0] }]
  const end = { producerId, producerEpoch: 0, transactionResult: true, topics, coordinatorEpoch: 0 }
  return { markers: [{ ...end, transactionVersion: 1, ...more }] }
}

const end = (broker: Conversation, topic: CreatedTopic, more: object = {}) =>
  broker.quietly(writeTxnMarkers, 2, marker(topic.name, more))

async function sendAll(broker: Conversation, topic: CreatedTopic, records: readonly Buffer[]): Promise<void> {
  for (const each of records) await broker.quietly(produce, 11, to(topic, each))
}

async function producersOf(broker: Conversation, topic: CreatedTopic, step: string, version = 0): Promise<void> {
  const topics = [{ name: topic.name, partitionIndexes: [0] }]
  await broker.ask(step, describeProducers, 0, { topics }, { toldAs: version })
}

async function readFrom(
  broker: Conversation,
  { name, id }: CreatedTopic,
  step: string,
  fetchOffset: number,
): Promise<void> {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }]
  const rest = { maxWaitMs: 0, minBytes: 0, topics: [{ topic: name, topicId: id, partitions }] }
  await broker.every(`${step}, uncommitted`, fetch, { ...rest, isolationLevel: 0 }, { from: 4 })
  await broker.every(`${step}, committed`, fetch, { ...rest, isolationLevel: 1 }, { from: 4 })
}

export const transactionalPartitionsScenarios = [
  scenario('batches of a transaction', async (broker) => {
    for (const version of broker.versions(produce, 3, lastUnverified.produce)) {
      const topic = await broker.topic(`batches-v${version}`, oneSegment)
      const send = (step: string, records: Buffer, more: object = {}) =>
        broker.ask(step, produce, version, to(topic, records, more))
      await send('without a transactional id', transactional(0), { transactionalId: null })
      await send('the first', transactional(0, 3))
      await send('the second', transactional(1, 3, producerId, 2))
      await send('the second again', transactional(1, 3, producerId, 2))
      await send('a gap', transactional(9, 3))
      await send('an earlier epoch', transactional(3, 2))
      await send('a later epoch that does not begin', transactional(3, 4))
      await send('outside of the transaction', batch(1, { producerId, producerEpoch: 3, baseSequence: 3 }))
      await send('outside of it, with a gap', batch(1, { producerId, producerEpoch: 3, baseSequence: 8 }))
      await send('of nobody', batch(1, { isTransactional: true }))
      await send('a later epoch', transactional(0, 4))
      await producersOf(broker, topic, 'producers then', version)
    }
  }),

  scenario('batches of two producers in one request', async (broker) => {
    const topic = await broker.topic('mixed', {}, 2)
    const partitionData = [0, 1].map((index) => ({
      index,
      records: transactional(0, 0, index === 0 ? producerId : other),
    }))
    const topicData = [{ name: topic.name, topicId: topic.id, partitionData }]
    const body = { transactionalId: 'id', acks: -1, timeoutMs: 5_000, topicData }
    await broker.every('sent', produce, body, { to: lastUnverified.produce })
  }),

  scenario('markers', async (broker) => {
    for (const version of broker.versions(writeTxnMarkers)) {
      const topic = await broker.topic(`markers-v${version}`, oneSegment)
      const write = (step: string, more: object = {}) =>
        broker.ask(step, writeTxnMarkers, version, marker(topic.name, more))
      await broker.ask('none', writeTxnMarkers, version, { markers: [] })
      const beside = await broker.topic(`beside-markers-v${version}`)
      await write('of a stranger', { producerId: other, topics: [{ name: beside.name, partitionIndexes: [0] }] })
      await write('to a missing topic', { topics: [{ name: 'missing', partitionIndexes: [0] }] })
      await write('to a missing partition', { topics: [{ name: topic.name, partitionIndexes: [7] }] })
      await sendAll(broker, topic, [transactional(0, 3)])
      await write('of an earlier epoch', { producerEpoch: 2 })
      await write('of an earlier epoch, of version 2', { producerEpoch: 2, transactionVersion: 2 })
      await write('of the epoch', { producerEpoch: 3, coordinatorEpoch: 5 })
      await producersOf(broker, topic, 'producers behind a marker', version)
      await write('again', { producerEpoch: 3, coordinatorEpoch: 5 })
      await write('of an earlier coordinator', { producerEpoch: 3, coordinatorEpoch: 4 })
      await write('of a later epoch and an earlier coordinator', { producerEpoch: 4, coordinatorEpoch: 4 })
      await write('of a later epoch', { producerEpoch: 4, coordinatorEpoch: 5 })
      await producersOf(broker, topic, 'producers behind a later epoch', version)
      await write('to two topics', {
        producerEpoch: 4,
        coordinatorEpoch: 5,
        topics: [topic.name, 'missing'].map((name) => ({ name, partitionIndexes: [0] })),
      })
    }
  }),

  scenario('markers of transactions with an epoch each', async (broker) => {
    const topic = await broker.topic('bumped', oneSegment)
    const write = (step: string, producerEpoch: number) =>
      broker.ask(step, writeTxnMarkers, 2, marker(topic.name, { producerEpoch, transactionVersion: 2 }))
    await sendAll(broker, topic, [transactional(0, 3)])
    await write('of the epoch of the transaction', 3)
    await write('of the next', 4)
    await write('once more', 4)
    await write('of an earlier one', 3)
    await producersOf(broker, topic, 'producers')
    await broker.ask('a sequence that goes on', produce, 11, to(topic, transactional(1, 4)))
    await broker.ask('a late one', produce, 11, to(topic, transactional(1, 3)), { toldAs: 10 })
    await broker.ask('the next transaction', produce, 11, to(topic, transactional(0, 4)))
    await write('of its own epoch', 4)
    await readFrom(broker, topic, 'what is there', 0)
  }),

  scenario('what readers get', async (broker) => {
    broker.masks.name(String(producerId), 'one')
    broker.masks.name(String(other), 'other')
    const topic = await broker.topic('read', oneSegment)
    await sendAll(broker, topic, [transactional(0), transactional(0, 0, other), batch(1), transactional(1)])
    await end(broker, topic, { transactionResult: false })
    await sendAll(broker, topic, [transactional(2), batch(1)])
    for (const offset of [0, 1, 2]) await readFrom(broker, topic, `from ${offset}, one open`, offset)
    await end(broker, topic, { producerId: other })
    await readFrom(broker, topic, 'from 0, a later one open', 0)
    await end(broker, topic, { transactionResult: false })
    for (const offset of [0, 1, 4, 5, 8, 9]) await readFrom(broker, topic, `from ${offset}, none open`, offset)
    await producersOf(broker, topic, 'producers')
  }),

  scenario('offsets beside an open transaction', async (broker) => {
    const topic = await broker.topic('listed', oneSegment)
    await sendAll(broker, topic, [batch(1), transactional(0), transactional(1), transactional(2), batch(1)])
    const find = async (step: string) => {
      for (const [name, timestamp] of Object.entries({
        latest: -1,
        earliest: -2,
        largest: -3,
        recent: 1_600_000_001_000,
      })) {
        for (const isolationLevel of [0, 1]) {
          const partitions = [{ partitionIndex: 0, timestamp }]
          const body = { replicaId: -1, isolationLevel, topics: [{ name: topic.name, partitions }] }
          await broker.every(`${step}: ${name}, ${isolationLevel}`, listOffsets, body, {
            from: timestamp === -3 ? 7 : 2,
          })
        }
      }
    }
    await find('open')
    const partitions = [{ partitionIndex: 0, offset: 3 }]
    await broker.ask('records deleted', deleteRecords, 2, {
      topics: [{ name: topic.name, partitions }],
      timeoutMs: 5_000,
    })
    await find('open from before the start')
    await readFrom(broker, topic, 'from the start', 3)
    await end(broker, topic, { transactionResult: false })
    await find('ended')
    await readFrom(broker, topic, 'from the start, ended', 3)
  }),

  scenario('offsets of a group', async (broker) => {
    const topic = await broker.topic('committed', {}, 2)
    await broker.coordinator()
    for (const version of broker.versions(txnOffsetCommit, 0, lastUnverified.txnOffsetCommit)) {
      const groupId = `group-v${version}`
      // Groups share partitions: each has a producer of its own.
      const producer = { producerId: producerId + 100n + BigInt(version) }
      const commit = (step: string, more: object = {}, committedMetadata: string | null = 'm') => {
        const partitions = [{ partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 0, committedMetadata }]
        const topics = [{ name: topic.name, partitions }]
        const ids = { transactionalId: 'id', groupId, ...producer, producerEpoch: 1 }
        return broker.ask(step, txnOffsetCommit, version, { ...ids, topics, ...more })
      }
      const fetched = async (step: string) => {
        const groups = [{ groupId, topics: [{ name: topic.name, partitionIndexes: [0, 1] }] }]
        for (const requireStable of [false, true]) {
          await broker.ask(`${step}, ${requireStable}`, offsetFetch, 8, { groups, requireStable }, { toldAs: version })
        }
      }
      const finish = async (step: string, more: object) => {
        const topics = [{ name: '__consumer_offsets', partitionIndexes: [partitionFor(groupId, offsetsPartitions)] }]
        await broker.quietly(writeTxnMarkers, 2, marker('', { ...producer, producerEpoch: 1, topics, ...more }))
        await fetched(step)
      }
      await commit('the first')
      await fetched('open')
      await finish('committed', {})
      await commit('another', { producerEpoch: 2 })
      await commit('of an earlier epoch', { producerEpoch: 1 })
      await finish('aborted', { producerEpoch: 2, transactionResult: false })
      await commit('of an epoch that has ended', { producerEpoch: 1 })
      await commit('much metadata', { producerEpoch: 3 }, 'm'.repeat(5_000))
      await commit('a missing topic', {
        topics: [{ name: 'missing', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }],
      })
      await commit('a missing partition', {
        topics: [{ name: topic.name, partitions: [{ partitionIndex: 7, committedOffset: 1, committedMetadata: '' }] }],
      })
      await commit('no topics', { topics: [] })
      await commit('no group', { groupId: '' })
      if (version >= 3) {
        await commit('a stranger', { memberId: 'stranger', generationId: 1, producerEpoch: 3 })
        await commit('a stranger in a group that there is not', {
          groupId: 'none',
          memberId: 'stranger',
          generationId: 1,
        })
        await commit('a stranger without a generation', { memberId: 'stranger', producerEpoch: 3 })
        await commit('an instance', { groupInstanceId: 'instance', producerEpoch: 3 })
        await finish('in the end', { producerEpoch: 3 })
      }
    }
  }),

  scenario('producers of what is not there', async (broker) => {
    const topic = await broker.topic('described')
    const ask = (step: string, name: string, partitionIndexes: number[]) =>
      broker.every(step, describeProducers, { topics: [{ name, partitionIndexes }] })
    await ask('nobody yet', topic.name, [0])
    await ask('a missing topic', 'missing', [0])
    await ask('a bad name', 'no/slash', [0])
    await ask('missing partitions', topic.name, [0, 7, -1])
    await ask('no partitions', topic.name, [])
  }),
]
