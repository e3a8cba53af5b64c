/** transactions: the coordinator of a broker: which transactional ids it has, when they time out and expire, what it tells of them. */
import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import { batchesIn, endTransactionMarkerOf, recordsOf } from '../../protocol/records/index.ts'
import { partitionFor } from '../../src/groups/group-coordinator.ts'
import { settle } from '../../src/runtime/clock.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import type { TransactionCoordinator } from '../../src/transactions/transaction-coordinator.ts'
import type { ProducerIdAndEpoch, TransactionFilter } from '../../src/transactions/transaction-requests.ts'
import { newTopic } from '../cluster/open-cluster.ts'
import { outcomeOf } from '../groups/group-harness.ts'
import { openTransactions } from './open-transactions.ts'

const outcome = (command: Promise<unknown>): Promise<string> =>
  outcomeOf(async () => {
    await command
  })

/** One broker with the topic `accounts` of two partitions. */
async function one(options: Parameters<typeof openTransactions>[0] = {}) {
  const opened = await openTransactions(options)
  const [{ broker, transactions }] = opened.brokers as [(typeof opened.brokers)[number]]
  if (opened.cluster.topics.byName('accounts') === undefined) {
    await opened.cluster.createTopics([newTopic('accounts', { numPartitions: 2 })])
  }
  await transactions.coordinatorOf('transfer')
  return { ...opened, broker, transactions }
}

const init = (transactions: TransactionCoordinator, transactionalId = 'transfer', transactionTimeoutMs = 60_000) =>
  transactions.initProducerId({ transactionalId, transactionTimeoutMs, expected: undefined })

const partitions = [
  { topic: 'accounts', partition: 0 },
  { topic: 'accounts', partition: 1 },
]

const add = (transactions: TransactionCoordinator, producer: ProducerIdAndEpoch, transactionalId = 'transfer') =>
  transactions.addPartitions({ transactionalId, ...producer, partitions, clientVersion: 2 })

const end = (transactions: TransactionCoordinator, producer: ProducerIdAndEpoch, isCommit = true) =>
  transactions.endTransaction({ transactionalId: 'transfer', ...producer, isCommit, clientVersion: 2 })

async function stateOf(transactions: TransactionCoordinator, transactionalId = 'transfer'): Promise<string> {
  return (await transactions.describeTransaction(transactionalId)).transactionState
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await settle()
}

describe('the coordinator of a transactional id', () => {
  it('leads the partition of __transaction_state that its hash says, which is created when somebody asks', async () => {
    const { cluster, brokers, close } = await openTransactions()
    const { transactions } = brokers[0]!
    expect(await outcome(init(transactions))).toBe('NOT_COORDINATOR')
    expect(transactions.coordinatorIdOf('transfer')).toBeUndefined()
    expect(cluster.topics.byName('__transaction_state')).toBeUndefined()
    expect(await transactions.coordinatorOf('transfer')).toBe(1)
    expect(transactions.coordinatorIdOf('transfer')).toBe(1)
    await init(transactions)
    const topic = cluster.topics.byName('__transaction_state')!
    expect(topic.partitions).toHaveLength(3)
    const ends = topic.partitions.map(({ log }) => log.logEndOffset)
    expect(ends.indexOf(1)).toBe(partitionFor('transfer', 3))
    await close()
  })

  it('is the only one who answers for it', async () => {
    const { brokers, close } = await openTransactions({ brokers: [1, 2] })
    const leaders = new Set<number>()
    for (const transactionalId of ['a', 'b', 'c']) {
      const coordinatorId = await brokers[0]!.transactions.coordinatorOf(transactionalId)
      leaders.add(coordinatorId)
      for (const { broker, transactions } of brokers) {
        const expected = broker.id === coordinatorId ? 'NONE' : 'NOT_COORDINATOR'
        expect(await outcome(init(transactions, transactionalId))).toBe(expected)
      }
    }
    expect([...leaders].sort()).toEqual([1, 2])
    const filter: TransactionFilter = {
      stateFilters: [],
      producerIdFilters: [],
      durationFilter: -1,
      transactionalIdPattern: null,
    }
    const listed = await Promise.all(brokers.map(({ transactions }) => transactions.listTransactions(filter)))
    expect(
      listed
        .flatMap(({ transactionStates }) => transactionStates)
        .map(({ transactionalId }) => transactionalId)
        .sort(),
    ).toEqual(['a', 'b', 'c'])
    await close()
  })

  it('is another one when its broker stops, in a later epoch, and finishes what was prepared', async () => {
    const settings = { 'transaction.state.log.replication.factor': '2', 'default.replication.factor': '2' }
    const { brokers, cluster, close } = await openTransactions({ settings, brokers: [1, 2] })
    await cluster.createTopics([newTopic('accounts', { numPartitions: 2, replicationFactor: 2 })])
    const coordinatorId = await brokers[0]!.transactions.coordinatorOf('transfer')
    const [first, second] = brokers[0]!.broker.id === coordinatorId ? brokers : [...brokers].reverse()
    const producer = await init(first!.transactions)
    await add(first!.transactions, producer)
    await first!.broker.stop()
    await settled()
    expect(await outcome(end(first!.transactions, producer))).toBe('NOT_COORDINATOR')
    expect(await end(second!.transactions, producer)).toEqual({ ...producer, producerEpoch: 1 })
    await settled()
    expect(await stateOf(second!.transactions)).toBe('CompleteCommit')
    const { log, leaderEpoch } = cluster.topics.byName('accounts')!.partitions[0]!
    expect(leaderEpoch).toBeGreaterThanOrEqual(0)
    const { records } = await log.read(0, { maxBytes: 1e6, minOneBatch: true, isolation: 'log_end' })
    const markers = records.flatMap((buffer) => [...batchesIn(buffer)].map(endTransactionMarkerOf))
    const { leaderEpoch: coordinatorEpoch } =
      cluster.topics.byName('__transaction_state')!.partitions[partitionFor('transfer', 3)]!
    expect(coordinatorEpoch).toBeGreaterThan(0)
    expect(markers).toEqual([{ type: 'COMMIT', coordinatorEpoch }])
    await close()
  })

  it('refuses an empty id, and timeouts that are not within bounds', async () => {
    const { transactions, close } = await one()
    expect(await outcome(init(transactions, ''))).toBe('INVALID_REQUEST')
    const producer = { producerId: 0n, producerEpoch: 0 }
    expect(await outcome(add(transactions, producer, ''))).toBe('INVALID_REQUEST')
    const request = { transactionalId: '', ...producer, partitions }
    expect(await outcome(transactions.verifyPartitions(request))).toBe('INVALID_REQUEST')
    const ending = { transactionalId: '', ...producer, isCommit: true, clientVersion: 2 }
    expect(await outcome(transactions.endTransaction(ending))).toBe('INVALID_REQUEST')
    expect(await outcome(transactions.describeTransaction(''))).toBe('INVALID_REQUEST')
    for (const timeoutMs of [-1, 0, 900_001]) {
      expect(await outcome(init(transactions, 'transfer', timeoutMs))).toBe('INVALID_TRANSACTION_TIMEOUT')
    }
    expect(await outcome(init(transactions, 'transfer', 900_000))).toBe('NONE')
    await close()
  })

  it('gives a new producer id to each transactional id', async () => {
    const { transactions, close } = await one()
    const producers = await Promise.all(['a', 'b', 'c'].map((id) => init(transactions, id)))
    expect(new Set(producers.map(({ producerId }) => producerId)).size).toBe(3)
    await close()
  })

  it('gives several producers that start at once one epoch after the other', async () => {
    const { transactions, close } = await one()
    const producers = await Promise.all([1, 2, 3].map(() => init(transactions)))
    expect(new Set(producers.map(({ producerId }) => producerId)).size).toBe(1)
    expect(producers.map(({ producerEpoch }) => producerEpoch)).toEqual([0, 1, 2])
    await close()
  })

  it('goes with __transaction_state when that is deleted', async () => {
    const { transactions, cluster, close } = await one()
    const producer = await init(transactions)
    await cluster.deleteTopics([cluster.topics.byName('__transaction_state')!.id])
    expect(await outcome(add(transactions, producer))).toBe('NOT_COORDINATOR')
    await transactions.coordinatorOf('transfer')
    expect(await outcome(add(transactions, producer))).toBe('INVALID_PRODUCER_ID_MAPPING')
    await close()
  })
})

describe('time', () => {
  const intervalMs = 10_000

  it('aborts a transaction that is open for longer than its timeout', async () => {
    const { transactions, clock, close } = await one()
    const producer = await init(transactions, 'transfer', 15_000)
    await add(transactions, producer)
    await clock.advance(intervalMs)
    expect(await stateOf(transactions)).toBe('Ongoing')
    await clock.advance(intervalMs)
    await settled()
    expect(await stateOf(transactions)).toBe('CompleteAbort')
    expect(await outcome(end(transactions, producer))).toBe('INVALID_TXN_STATE')
    expect(await outcome(add(transactions, producer))).toBe('PRODUCER_FENCED')
    await close()
  })

  it('looks every transaction.abort.timed.out.transaction.cleanup.interval.ms', async () => {
    const settings = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '100' }
    const { transactions, clock, close } = await one({ settings })
    await add(transactions, await init(transactions, 'transfer', 50))
    await clock.advance(99)
    expect(await stateOf(transactions)).toBe('Ongoing')
    await clock.advance(1)
    await settled()
    expect(await stateOf(transactions)).toBe('CompleteAbort')
    await close()
  })

  it('removes ids that nobody used for transactional.id.expiration.ms, and none with an open transaction', async () => {
    const settings = {
      'transactional.id.expiration.ms': '10000',
      'transaction.remove.expired.transaction.cleanup.interval.ms': '4000',
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000000',
    }
    const files = new MemoryFileSystem()
    const { transactions, clock, cluster, close } = await one({ settings, files })
    await init(transactions, 'unused')
    await add(transactions, await init(transactions, 'open'), 'open')
    await clock.advance(5_000)
    await init(transactions, 'late')
    await clock.advance(4_000)
    expect(await stateOf(transactions, 'unused')).toBe('Empty')
    await clock.advance(3_000)
    await settled()
    expect(await outcome(transactions.describeTransaction('unused'))).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    expect(await stateOf(transactions, 'open')).toBe('Ongoing')
    expect(await stateOf(transactions, 'late')).toBe('Empty')
    const producer = await init(transactions, 'unused')
    expect(producer.producerEpoch).toBe(0)
    await clock.advance(12_000)
    await settled()
    await close()
    expect(cluster.topics.byName('__transaction_state')).toBeDefined()
    const again = await one({ settings, files, seed: 2 })
    expect(await outcome(again.transactions.describeTransaction('unused'))).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    expect(await stateOf(again.transactions, 'open')).toBe('Ongoing')
    await again.close()
  })

  it('leaves no timer behind', async () => {
    const { transactions, clock, cluster, close } = await one()
    await add(transactions, await init(transactions))
    await close()
    expect(cluster).toBeDefined()
    expect(clock.nextDueMs()).toBeUndefined()
  })
})

describe('what is told of transactional ids', () => {
  const all: TransactionFilter = {
    stateFilters: [],
    producerIdFilters: [],
    durationFilter: -1,
    transactionalIdPattern: null,
  }

  async function listed(transactions: TransactionCoordinator, filter: Partial<TransactionFilter> = {}) {
    const { transactionStates } = await transactions.listTransactions({ ...all, ...filter })
    return transactionStates.map(({ transactionalId }) => transactionalId).sort()
  }

  it('are those of any of the states, producer ids, durations and patterns asked for', async () => {
    const { transactions, clock, close } = await one()
    expect(await listed(transactions)).toEqual([])
    const idle = await init(transactions, 'idle')
    await add(transactions, await init(transactions, 'old'), 'old')
    await clock.advance(1_000)
    await add(transactions, await init(transactions, 'new'), 'new')
    expect(await transactions.listTransactions({ ...all, stateFilters: ['Empty', 'Odd'] })).toEqual({
      unknownStateFilters: ['Odd'],
      transactionStates: [{ transactionalId: 'idle', producerId: idle.producerId, transactionState: 'Empty' }],
    })
    expect(await listed(transactions)).toEqual(['idle', 'new', 'old'])
    expect(await listed(transactions, { stateFilters: ['Odd'] })).toEqual([])
    expect(await listed(transactions, { stateFilters: ['Ongoing', 'Empty'] })).toEqual(['idle', 'new', 'old'])
    expect(await listed(transactions, { stateFilters: ['PrepareEpochFence', 'Dead'] })).toEqual([])
    expect(await listed(transactions, { producerIdFilters: [idle.producerId] })).toEqual(['idle'])
    // As in Kafka, one that never had a transaction is open since long ago.
    expect(await listed(transactions, { durationFilter: 0 })).toEqual(['idle', 'old'])
    expect(await listed(transactions, { durationFilter: 999 })).toEqual(['idle', 'old'])
    expect(await listed(transactions, { durationFilter: 1_000 })).toEqual(['idle'])
    expect(await listed(transactions, { transactionalIdPattern: '' })).toEqual(['idle', 'new', 'old'])
    expect(await listed(transactions, { transactionalIdPattern: '.*d.*' })).toEqual(['idle', 'old'])
    expect(await listed(transactions, { transactionalIdPattern: 'd' })).toEqual([])
    const broken = transactions.listTransactions({ ...all, transactionalIdPattern: '(' })
    expect(await outcome(broken)).toBe('INVALID_REGULAR_EXPRESSION')
    await close()
  })

  it('leaves out those in a partition that is offline', async () => {
    const { transactions, cluster, close } = await one()
    for (const id of ['a', 'b', 'c']) await init(transactions, id)
    cluster.topics
      .byName('__transaction_state')!
      .partitions[partitionFor('b', 3)]!.fail(new KafkaError('KAFKA_STORAGE_ERROR'))
    expect(await listed(transactions)).toEqual(['a', 'c'])
    expect(await outcome(transactions.describeTransaction('b'))).toBe('NOT_COORDINATOR')
    await close()
  })

  it('is not there for an id that nobody used', async () => {
    const { transactions, close } = await one()
    expect(await outcome(transactions.describeTransaction('nobody'))).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    await close()
  })
})

it('acts by the level of transaction.version, which is 2 in a new directory, as it is at the time', async () => {
  const { transactions, cluster, close } = await one()
  expect(cluster.features.level('transaction.version')).toBe(2)
  const { log } = cluster.topics.byName('__transaction_state')!.partitions[partitionFor('transfer', 3)]!
  const valueVersions = async (): Promise<number[]> => {
    const { records } = await log.read(0, { maxBytes: 1e6, minOneBatch: true, isolation: 'log_end' })
    const stored = records.flatMap((buffer) => [...batchesIn(buffer)].flatMap((batch) => [...recordsOf(batch)]))
    return stored.map(({ value }) => value!.readInt16BE(0))
  }
  await init(transactions)
  ;(cluster.features.levels as Map<string, number>).delete('transaction.version')
  await init(transactions)
  expect(await valueVersions()).toEqual([1, 0])
  await close()
})

it('ends a transaction whose topic is deleted meanwhile', async () => {
  const { transactions, cluster, clock, close } = await one()
  const producer = await init(transactions)
  await add(transactions, producer)
  await cluster.deleteTopics([cluster.topics.byName('accounts')!.id])
  await end(transactions, producer)
  await settled()
  await clock.advance(100)
  expect(await stateOf(transactions)).toBe('CompleteCommit')
  await close()
})

it('brings what was prepared before a power failure to its end', async () => {
  const files = new MemoryFileSystem()
  const never = { write: () => new Promise<void>(() => {}) }
  const first = await one({ files, markers: never })
  const producer = await init(first.transactions)
  await add(first.transactions, producer)
  await end(first.transactions, producer)
  expect(await stateOf(first.transactions)).toBe('PrepareCommit')
  const again = await one({ files: files.afterCrash((_path, size) => size), seed: 2 })
  await settled()
  await again.clock.advance(100)
  await settled()
  expect(await stateOf(again.transactions)).toBe('CompleteCommit')
  const { log } = again.cluster.topics.byName('accounts')!.partitions[1]!
  expect(log.logEndOffset).toBe(1)
  expect(await end(again.transactions, producer)).toEqual({ ...producer, producerEpoch: 1 })
  await again.close()
})
