/** test: transactional ids: every state, every request of both transaction versions in it, and what is told and stored of it. */
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  deleteTopics,
  describeTransactions,
  endTxn,
  fetch,
  initProducerId,
  listTransactions,
} from '../../../protocol/messages/index.ts'
import { batchesIn, recordsOf } from '../../../protocol/records/index.ts'
import { transactionLogKey, transactionLogValue } from '../../../protocol/state/index.ts'
import { partitionFor } from '../../../src/groups/group-coordinator.ts'
import { type Conversation, scenario } from '../conversation.ts'
import {
  addingTo,
  beside,
  inState,
  nobody,
  open,
  type Producer,
  producerOf,
  served,
  timeoutMs,
} from '../transactional-ids.ts'

/** As the suite sets it. */
const statePartitions = 3
/** The first version of EndTxn that has an epoch for each transaction. */
const bumping = 5

async function ended(broker: Conversation, transactionalId: string, producer: Producer, committed: boolean) {
  await broker.quietly(endTxn, bumping, { transactionalId, ...producer, committed })
  await inState(broker, transactionalId, committed ? 'CompleteCommit' : 'CompleteAbort')
}

async function everyVersion(
  broker: Conversation,
  api: { readonly name: string } & Parameters<Conversation['versions']>[0],
  prefix: string,
  run: (version: number, transactionalId: string) => Promise<void>,
): Promise<void> {
  for (const version of broker.versions(api)) await run(version, `${prefix}-v${version}`)
}

// ---- how a transactional id gets into a state; each gives the producer that has the latest epoch

type State = 'Empty' | 'Ongoing' | 'CompleteCommit' | 'CompleteAbort'

const states: Record<State, (broker: Conversation, id: string, topic: string) => Promise<Producer>> = {
  Empty: (broker, id) => producerOf(broker, id),
  Ongoing: async (broker, id, topic) => {
    const producer = await producerOf(broker, id)
    await open(broker, id, producer, topic)
    return producer
  },
  CompleteCommit: async (broker, id, topic) => {
    const producer = await states.Ongoing(broker, id, topic)
    await ended(broker, id, producer, true)
    return beside(producer, 1)
  },
  CompleteAbort: async (broker, id, topic) => {
    const producer = await states.Ongoing(broker, id, topic)
    await ended(broker, id, producer, false)
    return beside(producer, 1)
  },
}

const stateNames = Object.keys(states) as State[]

/** Each end, by each version, in a state of its own. */
const ends = stateNames.flatMap((state) =>
  [true, false].map((committed) =>
    scenario(`${committed ? 'commit' : 'abort'} in ${state}`, async (broker) => {
      await served(broker)
      const { name } = await broker.topic(`${committed ? 'commit' : 'abort'}-${state}`)
      await everyVersion(broker, endTxn, `${committed ? 'commit' : 'abort'}-${state}`, async (version, id) => {
        const producer = await states[state](broker, id, name)
        const ask = (step: string, by: Producer) =>
          broker.ask(step, endTxn, version, { transactionalId: id, ...by, committed })
        await ask('by a foreign producer', { ...producer, producerId: nobody.producerId })
        await ask('in the epoch after', beside(producer, 1))
        await ask('two epochs before', beside(producer, -2))
        await ask('in the epoch before', beside(producer, -1))
        const { errorCode } = await ask('in its epoch', producer)
        if (errorCode === 0) await inState(broker, id, committed ? 'CompleteCommit' : 'CompleteAbort')
        await ask('once more in that epoch', producer)
        await inState(broker, id, await finalState(broker, id))
        await broker.ask('described', describeTransactions, 0, { transactionalIds: [id] }, { toldAs: version })
      })
    }),
  ),
)

/** What a transaction that ends comes to; else the state it is in. */
async function finalState(broker: Conversation, transactionalId: string): Promise<string> {
  const { transactionStates } = await broker.quietly(describeTransactions, 0, { transactionalIds: [transactionalId] })
  return transactionStates[0]!.transactionState.replace('Prepare', 'Complete')
}

export const transactionsScenarios = [
  scenario('before anybody has asked for a coordinator', async (broker) => {
    const transactionalId = 'early'
    await broker.every('init', initProducerId, { transactionalId, transactionTimeoutMs: timeoutMs })
    await broker.every('add offsets', addOffsetsToTxn, { transactionalId, ...nobody, groupId: 'group' })
    await broker.every('end', endTxn, { transactionalId, ...nobody, committed: true })
    await broker.every('described', describeTransactions, { transactionalIds: [transactionalId] })
    await broker.every('listed', listTransactions, { stateFilters: ['Ongoing', 'Odd'], producerIdFilters: [] })
  }),

  scenario('producers that start', async (broker) => {
    await served(broker)
    await everyVersion(broker, initProducerId, 'start', async (version, transactionalId) => {
      const request = { transactionalId, transactionTimeoutMs: timeoutMs }
      const first = await broker.ask('for the first time', initProducerId, version, request)
      broker.masks.name(String(first.producerId), 'first id')
      await broker.ask('for the second time', initProducerId, version, request)
      for (const transactionTimeoutMs of [0, -1, 900_001]) {
        const step = `with a timeout of ${transactionTimeoutMs}`
        await broker.ask(step, initProducerId, version, { transactionalId, transactionTimeoutMs })
      }
      await broker.ask('with the longest timeout', initProducerId, version, {
        transactionalId,
        transactionTimeoutMs: 900_000,
      })
      await broker.ask('without an id', initProducerId, version, { ...request, transactionalId: '' })
      await broker.ask(
        'described',
        describeTransactions,
        0,
        { transactionalIds: [transactionalId] },
        { toldAs: version },
      )
    })
  }),

  scenario('producers that go on', async (broker) => {
    await served(broker)
    for (const version of broker.versions(initProducerId, 3)) {
      const transactionalId = `on-v${version}`
      const { producerId } = await producerOf(broker, transactionalId)
      const ask = (step: string, producerEpoch: number, id = producerId, to = transactionalId) =>
        broker.ask(step, initProducerId, version, {
          transactionalId: to,
          transactionTimeoutMs: timeoutMs,
          producerId: id,
          producerEpoch,
        })
      await ask('from epoch 0', 0)
      await ask('from epoch 0 again', 0)
      await ask('from epoch 1', 1)
      await ask('from epoch 0 once more', 0)
      await ask('from epoch 7', 7)
      await ask('with a foreign id', 2, nobody.producerId)
      await ask('with an id alone', -1)
      await ask('with an epoch alone', 2, -1n)
      await ask('of an unknown transactional id', 4, nobody.producerId, `other-${transactionalId}`)
      await producerOf(broker, transactionalId)
      await ask('when another one has started', 2)
    }
  }),

  scenario('partitions that are added', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('added', {}, 2)
    await everyVersion(broker, addPartitionsToTxn, 'add', async (version, id) => {
      const producer = await producerOf(broker, id)
      const ask = (step: string, by: Producer, topics: { name: string; partitions: number[] }[], to = id) =>
        broker.ask(step, addPartitionsToTxn, version, addingTo(to, by, topics))
      const known = [{ name, partitions: [0] }]
      await ask('to an unknown transactional id', producer, known, 'nobody')
      await ask('to an empty transactional id', producer, known, '')
      await ask('by a foreign producer', nobody, known)
      await ask('by a later epoch', beside(producer, 1), known)
      await ask('by an earlier epoch', beside(producer, -1), known)
      await ask('beside one that is not there', producer, [{ name, partitions: [0, 2] }])
      await ask('beside a topic that is not there', producer, [...known, { name: 'nothing', partitions: [0] }])
      if (version < 4) await ask('of an internal topic', producer, [{ name: '__transaction_state', partitions: [0] }])
      await ask('one', producer, known)
      await ask('the same and another', producer, [{ name, partitions: [0, 1] }])
      await ask('by a later epoch in an open transaction', beside(producer, 1), known)
      await ask('of a topic that is not there in an open transaction', producer, [{ name: 'nothing', partitions: [0] }])
      await broker.ask('described', describeTransactions, 0, { transactionalIds: [id] }, { toldAs: version })
    })
  }),

  scenario('no partitions that are added', async (broker) => {
    await served(broker)
    await everyVersion(broker, addPartitionsToTxn, 'none', async (version, id) => {
      const producer = await producerOf(broker, id)
      await broker.ask('to a transaction', addPartitionsToTxn, version, addingTo(id, producer, []))
      await broker.ask('described', describeTransactions, 0, { transactionalIds: [id] }, { toldAs: version })
    })
  }),

  scenario('partitions that are verified', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('verified', {}, 2)
    const topics = [{ name, partitions: [0, 1] }]
    for (const version of broker.versions(addPartitionsToTxn, 4)) {
      for (const state of stateNames) {
        const id = `verify-${state}-v${version}`
        const producer = await states[state](broker, id, name)
        const ask = (step: string, by: Producer, to = id) =>
          broker.ask(`${step}, ${state}`, addPartitionsToTxn, version, {
            transactions: [{ transactionalId: to, ...by, verifyOnly: true, topics }],
          })
        await ask('by its producer', producer)
        await ask('by a foreign producer', nobody)
        await ask('by a later epoch', beside(producer, 1))
        await ask('by an earlier epoch', beside(producer, -1))
        await ask('of an unknown transactional id', producer, 'nobody')
        await ask('of an empty transactional id', producer, '')
      }
      await broker.ask('of two transactions', addPartitionsToTxn, version, {
        transactions: [
          { transactionalId: 'nobody', ...nobody, verifyOnly: true, topics },
          { transactionalId: `verify-Ongoing-v${version}`, ...nobody, verifyOnly: false, topics },
        ],
      })
      await broker.ask('of none', addPartitionsToTxn, version, {
        transactions: [{ transactionalId: 'nobody', ...nobody, verifyOnly: true, topics: [] }],
      })
    }
  }),

  scenario('offsets that are added', async (broker) => {
    await served(broker)
    await everyVersion(broker, addOffsetsToTxn, 'offsets', async (version, id) => {
      const producer = await producerOf(broker, id)
      const ask = (step: string, by: Producer, groupId = 'group', to = id) =>
        broker.ask(step, addOffsetsToTxn, version, { transactionalId: to, ...by, groupId })
      await ask('to an unknown transactional id', producer, 'group', 'nobody')
      await ask('to an empty transactional id', producer, 'group', '')
      await ask('by a foreign producer', nobody)
      await ask('by a later epoch', beside(producer, 1))
      await ask('by an earlier epoch', beside(producer, -1))
      await ask('of a group', producer)
      await ask('of it again', producer)
      await broker.ask('described', describeTransactions, 0, { transactionalIds: [id] }, { toldAs: version })
      await ask('of a group without a name', producer, '')
    })
  }),

  ...ends,

  scenario('ends of unknown transactions', async (broker) => {
    await served(broker)
    for (const committed of [true, false]) {
      const verb = committed ? 'commit' : 'abort'
      await broker.every(`${verb}, unknown`, endTxn, { transactionalId: 'nobody', ...nobody, committed })
      await broker.every(`${verb}, empty`, endTxn, { transactionalId: '', ...nobody, committed })
    }
  }),

  scenario('a transaction that a later producer finds open', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('fenced')
    await everyVersion(broker, initProducerId, 'fence', async (version, id) => {
      const zombie = await states.Ongoing(broker, id, name)
      const request = { transactionalId: id, transactionTimeoutMs: timeoutMs }
      await broker.ask('at first', initProducerId, version, request)
      await inState(broker, id, 'CompleteAbort')
      await broker.ask('described', describeTransactions, 0, { transactionalIds: [id] }, { toldAs: version })
      await broker.ask('then', initProducerId, version, request)
      await broker.ask('the zombie adds', addPartitionsToTxn, 3, addingTo(id, zombie, [{ name, partitions: [0] }]), {
        toldAs: version,
      })
      for (const endVersion of [3, bumping]) {
        const body = { transactionalId: id, ...zombie, committed: true }
        await broker.ask(`the zombie commits with v${endVersion}`, endTxn, endVersion, body, { toldAs: version })
      }
    })
  }),

  scenario('a transaction that its producer gives up', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('given-up')
    for (const version of broker.versions(initProducerId, 3)) {
      const id = `give-up-v${version}`
      const producer = await states.Ongoing(broker, id, name)
      const request = { transactionalId: id, transactionTimeoutMs: timeoutMs, ...producer }
      await broker.ask('at first', initProducerId, version, request)
      await inState(broker, id, 'CompleteAbort')
      await broker.ask('then', initProducerId, version, request)
      await broker.ask('described', describeTransactions, 0, { transactionalIds: [id] }, { toldAs: version })
    }
  }),

  scenario('a transaction that times out', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('slow')
    const id = 'slow'
    const asked = { transactionalId: id, transactionTimeoutMs: 100 }
    const { producerId, producerEpoch } = await broker.quietly(initProducerId, 4, asked)
    const producer = { producerId, producerEpoch }
    await open(broker, id, producer, name)
    await inState(broker, id, 'CompleteAbort')
    await broker.ask('described', describeTransactions, 0, { transactionalIds: [id] })
    await broker.every('added to', addPartitionsToTxn, addingTo(id, producer, [{ name, partitions: [0] }]))
    await broker.every('committed', endTxn, { transactionalId: id, ...producer, committed: true })
    await broker.every('aborted', endTxn, { transactionalId: id, ...producer, committed: false })
  }),

  scenario('a transaction whose topic is deleted', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('deleted')
    const producer = await states.Ongoing(broker, 'deleted', name)
    await broker.quietly(deleteTopics, 4, { topicNames: [name], timeoutMs: 10_000 })
    await broker.ask('ended', endTxn, bumping, { transactionalId: 'deleted', ...producer, committed: true })
    await inState(broker, 'deleted', 'CompleteCommit')
  }),

  scenario('what is told of transactions', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('told')
    const empty = await states.Empty(broker, 'told-empty', name)
    const ongoing = await states.Ongoing(broker, 'told-ongoing', name)
    const complete = await states.CompleteCommit(broker, 'told-complete', name)
    const producerIdFilters = [empty, ongoing, complete].map(({ producerId }) => producerId)
    const filters: Record<string, object> = {
      'of the producers': {},
      'of a state': { stateFilters: ['Ongoing'] },
      'of two states': { stateFilters: ['Empty', 'CompleteCommit'] },
      'of an unknown state': { stateFilters: ['Odd'] },
      'of an unknown and a known state': { stateFilters: ['Odd', 'Ongoing', 'ongoing'] },
      'of states that nobody sees': { stateFilters: ['Dead', 'PrepareEpochFence'] },
      'of an unknown producer': { producerIdFilters: [nobody.producerId] },
    }
    const all = { stateFilters: [], producerIdFilters }
    for (const [step, filter] of Object.entries(filters)) {
      await broker.every(step, listTransactions, { ...all, ...filter })
    }
    for (const durationFilter of [-2, 0, 1_000_000_000]) {
      const step = `open for longer than ${durationFilter} ms`
      await broker.every(step, listTransactions, { ...all, durationFilter }, { from: 1 })
    }
    for (const transactionalIdPattern of ['', 'told-.*', '.*o.*', 'o', '(?i)TOLD-EMPTY', '(', '[a', 'a{2000}']) {
      const step = `by the pattern ${transactionalIdPattern}`
      await broker.every(step, listTransactions, { ...all, transactionalIdPattern }, { from: 2 })
    }
    await broker.every('described', describeTransactions, {
      transactionalIds: ['told-empty', 'told-ongoing', 'told-complete', 'nobody', ''],
    })
    await broker.every('described, twice', describeTransactions, { transactionalIds: ['told-empty', 'told-empty'] })
    await broker.every('described, none', describeTransactions, { transactionalIds: [] })
  }),

  scenario('what is stored of a transaction', async (broker) => {
    await served(broker)
    const { name } = await broker.topic('stored', {}, 2)
    const id = 'stored'
    let producer = await producerOf(broker, id)
    for (const [clientVersion, committed] of [
      [3, true],
      [3, false],
      [4, true],
      [4, false],
    ] as const) {
      const topics = [{ name, partitions: [0, 1] }]
      await broker.quietly(addPartitionsToTxn, clientVersion, addingTo(id, producer, topics))
      const end = clientVersion === 3 ? 3 : bumping
      await broker.quietly(endTxn, end, { transactionalId: id, ...producer, committed })
      await inState(broker, id, committed ? 'CompleteCommit' : 'CompleteAbort')
      if (end === bumping) producer = beside(producer, 1)
    }
    await producerOf(broker, id)
    const partitions = [{ partition: partitionFor(id, statePartitions), fetchOffset: 0, partitionMaxBytes: 10_000_000 }]
    const topics = [{ topic: '__transaction_state', partitions }]
    const { responses } = await broker.quietly(fetch, 12, { maxWaitMs: 0, minBytes: 0, topics })
    let count = 0
    for (const batch of batchesIn(responses[0]!.partitions[0]!.records!)) {
      for (const { key, value } of recordsOf(batch)) {
        if (key === null || value === null || transactionLogKey.decodeKey(key).transactionalId !== id) continue
        count += 1
        const { previousProducerId, nextProducerId, ...decoded } = transactionLogValue.decodeVersioned(value)
        broker.tell(`record ${count}`, value.readInt16BE(0), {
          ...decoded,
          isPreviousProducerIdTheSame: previousProducerId === decoded.producerId,
          hasNextProducerId: nextProducerId !== -1n,
          codec: batch.codec,
          isTransactional: batch.isTransactional,
        })
      }
    }
  }),
]
