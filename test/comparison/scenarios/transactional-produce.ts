/**
 * test: records and offsets of transactions while the coordinator is asked about them: who may write before and after a partition is
 * added, who adds it, and what readers, groups and the administration see until the transaction has ended.
 */
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  describeProducers,
  describeTransactions,
  endTxn,
  fetch,
  listOffsets,
  offsetFetch,
  produce,
  txnOffsetCommit,
} from '../../../protocol/messages/index.ts'
import { batch, type Conversation, type CreatedTopic, scenario } from '../conversation.ts'
import { addingTo, beside, inState, nobody, open, type Producer, producerOf, served } from '../transactional-ids.ts'

/** From here on clients leave it to the broker to add partitions, and have a new epoch after each end. */
const firstAdding = { produce: 12, txnOffsetCommit: 5, endTxn: 5 }
/** Markers have the present time, records an old one: Kafka would begin a new segment between them, and a fetch ends with a segment. */
const oneSegment = { 'segment.ms': String(100 * 365 * 24 * 3_600_000) }

interface Written {
  readonly by: Producer
  readonly baseSequence?: number
  readonly transactionalId?: string | null
  readonly partitions?: readonly number[]
}

function producing(topic: CreatedTopic, id: string, { by, baseSequence = 0, partitions = [0], ...rest }: Written) {
  const partitionData = partitions.map((index) => ({
    index,
    records: batch(1, { ...by, baseSequence, isTransactional: true }),
  }))
  const topicData = [{ name: topic.name, topicId: topic.id, partitionData }]
  return { transactionalId: id, acks: -1, timeoutMs: 5_000, topicData, ...rest }
}

/** What everybody sees of the topic's partitions and of the transactional id, told as that version. */
async function look(broker: Conversation, step: string, version: number, topic: CreatedTopic, id: string) {
  const told = { toldAs: version }
  const both = [0, 1]
  for (const isolationLevel of both) {
    const as = `${step}, ${isolationLevel === 0 ? 'uncommitted' : 'committed'}`
    const read = both.map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1_000_000 }))
    const topics = [{ topic: topic.name, partitions: read }]
    await broker.ask(`${as} records`, fetch, 12, { maxWaitMs: 0, minBytes: 0, isolationLevel, topics }, told)
    const latest = both.map((partitionIndex) => ({ partitionIndex, timestamp: -1 }))
    const listed = { replicaId: -1, isolationLevel, topics: [{ name: topic.name, partitions: latest }] }
    await broker.ask(`${as} end`, listOffsets, 7, listed, told)
  }
  const described = { topics: [{ name: topic.name, partitionIndexes: both }] }
  await broker.ask(`${step}, producers`, describeProducers, 0, described, told)
  await transactionOf(broker, step, version, id)
}

async function transactionOf(broker: Conversation, step: string, version: number, id: string): Promise<void> {
  const asked = { transactionalIds: [id] }
  await broker.ask(`${step}, transaction`, describeTransactions, 0, asked, { toldAs: version })
}

/** Ends it as a client of that kind does; the producer that goes on. */
async function finish(broker: Conversation, id: string, by: Producer, { adding = false, committed = true }) {
  const version = adding ? firstAdding.endTxn : firstAdding.endTxn - 1
  const { errorCode } = await broker.quietly(endTxn, version, { transactionalId: id, ...by, committed })
  if (errorCode !== 0) throw new Error(`EndTxn of ${id}: ${errorCode}`)
  await inState(broker, id, committed ? 'CompleteCommit' : 'CompleteAbort')
  return beside(by, adding ? 1 : 0)
}

interface CommitOptions {
  readonly by: Producer
  readonly committedOffset?: number
  readonly transactionalId?: string
}

function committing(topic: string, transactionalId: string, groupId: string, options: CommitOptions) {
  const { by, committedOffset = 5, ...rest } = options
  const partitions = [{ partitionIndex: 0, committedOffset, committedLeaderEpoch: 0, committedMetadata: 'm' }]
  return { transactionalId, groupId, ...by, topics: [{ name: topic, partitions }], ...rest }
}

async function offsetsOf(broker: Conversation, step: string, version: number, groupId: string, topic: string) {
  const groups = [{ groupId, topics: [{ name: topic, partitionIndexes: [0, 1] }] }]
  for (const requireStable of [false, true]) {
    const as = `${step}, ${requireStable ? 'stable' : 'any'} offsets`
    await broker.ask(as, offsetFetch, 8, { groups, requireStable }, { toldAs: version })
  }
}

export const transactionalProduceScenarios = [
  scenario('before anybody has asked for a coordinator', async (broker) => {
    const topic = await broker.topic('early')
    await broker.coordinator()
    await broker.every('records', produce, producing(topic, 'early', { by: nobody }))
    await broker.every('offsets', txnOffsetCommit, committing(topic.name, 'early', 'early', { by: nobody }))
  }),

  scenario('records before and after their partition is added', async (broker) => {
    await served(broker)
    for (const version of broker.versions(produce)) {
      const adding = version >= firstAdding.produce
      const id = `records-v${version}`
      const topic = await broker.topic(id, oneSegment, 2)
      const by = await producerOf(broker, id)
      const send = (step: string, written: Written) => broker.ask(step, produce, version, producing(topic, id, written))
      await send('of an unknown transactional id', { by, transactionalId: 'nobody' })
      await send('of an empty transactional id', { by, transactionalId: '' })
      await send('without a transactional id', { by, transactionalId: null })
      await send('of a foreign producer', { by: nobody })
      await send('of the epoch after', { by: beside(by, 1) })
      await send('at first', { by })
      await look(broker, 'at first', version, topic, id)
      if (!adding) await open(broker, id, by, topic.name)
      await send('when it is open', { by, baseSequence: adding ? 1 : 0 })
      await send('the same again', { by, baseSequence: adding ? 1 : 0 })
      await send('a gap', { by, baseSequence: 7 })
      await send('of a foreign producer in an open transaction', { by: nobody })
      await send('of the epoch after in an open transaction', { by: beside(by, 1) })
      await send('of the epoch before in an open transaction', { by: beside(by, -1) })
      await send('to another partition', { by, partitions: [1] })
      await send('to both and one that is not there', { by, baseSequence: adding ? 2 : 1, partitions: [0, 1, 7] })
      await look(broker, 'open', version, topic, id)
      const next = await finish(broker, id, by, { adding })
      await look(broker, 'ended', version, topic, id)
      await send('late', { by, baseSequence: 9 })
      await send('late, from the first', { by })
      await send('of the next transaction', { by: next, baseSequence: adding ? 0 : 2 })
      await transactionOf(broker, 'the next', version, id)
    }
  }),

  scenario('records of a producer that has been fenced', async (broker) => {
    await served(broker)
    for (const version of broker.versions(produce)) {
      const id = `fenced-v${version}`
      const topic = await broker.topic(id, oneSegment, 2)
      const zombie = await producerOf(broker, id)
      await open(broker, id, zombie, topic.name)
      await broker.quietly(produce, version, producing(topic, id, { by: zombie }))
      const by = await producerOf(broker, id)
      const send = (step: string, written: Written) => broker.ask(step, produce, version, producing(topic, id, written))
      await send('late', { by: zombie, baseSequence: 1 })
      await send('to a partition that was not in it', { by: zombie, partitions: [1] })
      await open(broker, id, by, topic.name)
      await send('of the new one', { by })
      await send('late beside the new one', { by: zombie, baseSequence: 1 })
      await look(broker, 'then', version, topic, id)
    }
  }),

  scenario('what there is of a transaction until its end and after it', async (broker) => {
    await served(broker)
    for (const committed of [true, false]) {
      for (const version of broker.versions(endTxn)) {
        const adding = version >= firstAdding.endTxn
        const id = `${committed ? 'commit' : 'abort'}-v${version}`
        const topic = await broker.topic(id, oneSegment, 2)
        const by = await producerOf(broker, id)
        if (!adding) {
          const asked = addingTo(id, by, [{ name: topic.name, partitions: [0, 1] }])
          await broker.quietly(addPartitionsToTxn, 3, asked)
        }
        const written = producing(topic, id, { by, partitions: [0, 1] })
        const as = (step: string) => `${committed ? 'commit' : 'abort'}: ${step}`
        await broker.ask(as('written'), produce, adding ? 13 : 11, written, { toldAs: version })
        await look(broker, as('open'), version, topic, id)
        const end = (step: string, producer: Producer) =>
          broker.ask(as(step), endTxn, version, { transactionalId: id, ...producer, committed })
        await end('by a foreign producer', { ...by, producerId: nobody.producerId })
        await end('by the epoch after', beside(by, 1))
        await end('by the epoch before', beside(by, -1))
        await end('by its producer', by)
        await inState(broker, id, committed ? 'CompleteCommit' : 'CompleteAbort')
        await look(broker, as('ended'), version, topic, id)
      }
    }
  }),

  scenario('offsets before and after their group is added', async (broker) => {
    await served(broker)
    await broker.coordinator()
    const { name } = await broker.topic('offsets', {}, 2)
    for (const version of broker.versions(txnOffsetCommit)) {
      const adding = version >= firstAdding.txnOffsetCommit
      const [id, groupId] = [`offsets-v${version}`, `group-v${version}`]
      let by = await producerOf(broker, id)
      const commit = (step: string, options: CommitOptions) =>
        broker.ask(step, txnOffsetCommit, version, committing(name, id, groupId, options))
      await commit('of an unknown transactional id', { by, transactionalId: 'nobody' })
      await commit('of an empty transactional id', { by, transactionalId: '' })
      await commit('of a foreign producer', { by: nobody })
      await commit('of the epoch after', { by: beside(by, 1) })
      await commit('at first', { by })
      await transactionOf(broker, 'at first', version, id)
      await offsetsOf(broker, 'at first', version, groupId, name)
      if (!adding) await broker.quietly(addOffsetsToTxn, 3, { transactionalId: id, ...by, groupId })
      await commit('when it is open', { by, committedOffset: 6 })
      await commit('of a foreign producer in an open transaction', { by: nobody })
      await commit('of the epoch after in an open transaction', { by: beside(by, 1) })
      await commit('of the epoch before in an open transaction', { by: beside(by, -1) })
      await offsetsOf(broker, 'open', version, groupId, name)
      await transactionOf(broker, 'open', version, id)
      const before = by
      by = await finish(broker, id, by, { adding })
      await offsetsOf(broker, 'committed', version, groupId, name)
      await commit('late', { by: before, committedOffset: 7 })
      await offsetsOf(broker, 'late', version, groupId, name)
      if (!adding) await broker.quietly(addOffsetsToTxn, 3, { transactionalId: id, ...by, groupId })
      await commit('of the next transaction', { by, committedOffset: 8 })
      await finish(broker, id, by, { adding, committed: false })
      await offsetsOf(broker, 'aborted', version, groupId, name)
    }
  }),
]
