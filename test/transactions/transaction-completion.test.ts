/** transactions: markers to all partitions of a transaction, whatever they answer, and after any crash. */
import { describe, expect, it } from 'vitest'
import type { ErrorName } from '../../protocol/errors.ts'
import { accounts, TransactionHarness } from './transaction-harness.ts'

const retryMs = 100

async function ended(harness: TransactionHarness): Promise<void> {
  const producer = await harness.open(0)
  await harness.end(producer, true, 0)
  await harness.settle()
}

it.each<ErrorName>([
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_ENOUGH_REPLICAS',
  'KAFKA_STORAGE_ERROR',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_SERVER_ERROR',
])('asks a partition again that answers %s, and only that one', async (error) => {
  const harness = new TransactionHarness()
  harness.partitions.errors.set('accounts-1', error)
  await ended(harness)
  expect(await harness.describe()).toMatchObject({
    transactionState: 'PrepareCommit',
    topics: [{ topic: 'accounts', partitions: [1] }],
  })
  await harness.advance(retryMs)
  expect(harness.partitions.attempts).toBe(3)
  harness.partitions.errors.clear()
  await harness.advance(retryMs)
  expect(await harness.state()).toBe('CompleteCommit')
  expect(harness.partitions.written.map(({ partition }) => partition)).toEqual([0, 1])
})

it.each<ErrorName>(['UNKNOWN_TOPIC_OR_PARTITION', 'UNSUPPORTED_FOR_MESSAGE_FORMAT'])(
  'goes on without a partition that answers %s',
  async (error) => {
    const harness = new TransactionHarness()
    harness.partitions.errors.set('accounts-1', error)
    await ended(harness)
    expect(await harness.state()).toBe('CompleteCommit')
    expect(harness.partitions.attempts).toBe(2)
  },
)

it.each<ErrorName>(['INVALID_PRODUCER_EPOCH', 'TRANSACTION_COORDINATOR_FENCED'])(
  'leaves the transaction as it is when a partition answers %s',
  async (error) => {
    const harness = new TransactionHarness()
    harness.partitions.errors.set('accounts-1', error)
    await ended(harness)
    await harness.advance(10 * retryMs)
    expect(harness.partitions.attempts).toBe(2)
    expect(await harness.state()).toBe('PrepareCommit')
  },
)

it('asks nobody any more when the coordinator has gone', async () => {
  const harness = new TransactionHarness()
  const release = harness.partitions.hold('accounts-0')
  harness.partitions.errors.set('accounts-1', 'NOT_LEADER_OR_FOLLOWER')
  await ended(harness)
  const { attempts } = harness.partitions
  const written = await harness.written()
  await harness.close()
  release()
  await harness.advance(10 * retryMs)
  expect(harness.partitions.attempts).toBe(attempts)
  expect(await harness.written()).toEqual(written)
  expect(harness.clock.nextDueMs()).toBeUndefined()
})

it('writes the markers again when the complete state could not be written', async () => {
  const harness = new TransactionHarness()
  const release = harness.partitions.hold('accounts-0')
  await ended(harness)
  harness.log.failNextWrite()
  release()
  await harness.settle()
  await harness.settle()
  expect(harness.partitions.written.map(({ partition }) => partition)).toEqual([1, 0, 0, 1])
  expect(await harness.state()).toBe('CompleteCommit')
})

describe('after a crash', () => {
  it.each([
    ['PrepareCommit', true, 'CompleteCommit'],
    ['PrepareAbort', false, 'CompleteAbort'],
  ] as const)('in %s the markers are written and it is complete', async (state, isCommit, complete) => {
    const harness = new TransactionHarness()
    await harness.given({ state, producerId: 5n, producerEpoch: 3, startMs: 1, partitions: accounts, clientVersion: 2 })
    await harness.settle()
    expect(harness.partitions.written).toEqual(
      accounts.map((each) => ({
        ...each,
        producerId: 5n,
        producerEpoch: 3,
        coordinatorEpoch: 7,
        isCommit,
        transactionVersion: 2,
      })),
    )
    expect(await harness.state()).toBe(complete)
  })

  it('before the answer, the end counts when it is written', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.open(2)
    const release = harness.partitions.hold('accounts-0')
    const next = await harness.end(producer, true, 2)
    await harness.restart()
    release()
    await harness.settle()
    expect(await harness.end(producer, true, 2)).toEqual(next)
  })

  it.each(['Empty', 'Ongoing', 'CompleteCommit', 'CompleteAbort'] as const)('%s is what it was', async (state) => {
    const harness = new TransactionHarness()
    const partitions = state === 'Ongoing' ? accounts : []
    const metadata = await harness.given({ state, producerId: 5n, producerEpoch: 3, startMs: 1, partitions })
    await harness.settle()
    expect(await harness.describe()).toEqual({
      transactionalId: 'transfer',
      producerId: 5n,
      producerEpoch: 3,
      transactionState: state,
      transactionTimeoutMs: 60_000,
      transactionStartTimeMs: metadata.startMs,
      topics: state === 'Ongoing' ? [{ topic: 'accounts', partitions: [0, 1] }] : [],
    })
    expect(harness.partitions.attempts).toBe(0)
  })
})
