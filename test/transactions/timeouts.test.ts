/** transactions: which transactions have timed out, and how they are aborted. */
import { describe, expect, it } from 'vitest'
import { accounts, TransactionHarness, transactionalId } from './transaction-harness.ts'

const timedOut = (harness: TransactionHarness) => harness.run((shard) => shard.timedOut())
const abort = (harness: TransactionHarness) =>
  harness.run((shard, newProducerId) => shard.abortTimedOut(transactionalId, newProducerId))

it('has timed out when it is open for longer than its timeout', async () => {
  const harness = new TransactionHarness()
  const producer = await harness.init(undefined, 1_000)
  await harness.advance(5_000)
  expect(await timedOut(harness)).toEqual([])
  await harness.add(producer, 2)
  await harness.advance(1_000)
  expect(await timedOut(harness)).toEqual([])
  await harness.advance(1)
  expect(await timedOut(harness)).toEqual([transactionalId])
})

it('never times out when its end is decided elsewhere (KIP-939)', async () => {
  const harness = new TransactionHarness()
  await harness.given({ state: 'Ongoing', partitions: accounts, startMs: 1, timeoutMs: 2 ** 31 - 1 })
  await harness.advance(2 ** 40)
  expect(await timedOut(harness)).toEqual([])
  expect(await abort(harness)).toBe(false)
})

describe('an abort', () => {
  it.each([
    [0, { producerEpoch: 1, transactionVersion: 0 }],
    [2, { producerEpoch: 1, transactionVersion: 2 }],
  ])('at transaction.version %i fences the producer', async (level, marker) => {
    const harness = new TransactionHarness(level)
    const producer = await harness.open(0)
    await harness.advance(60_001)
    expect(await abort(harness)).toBe(true)
    await harness.settle()
    expect(harness.partitions.written).toEqual([
      expect.objectContaining({ ...marker, isCommit: false, partition: 0 }),
      expect.objectContaining({ ...marker, isCommit: false, partition: 1 }),
    ])
    expect(await harness.state()).toBe('CompleteAbort')
    expect(await harness.outcome(harness.add(producer, 0))).toBe('PRODUCER_FENCED')
    // A client of version 2 takes it for the end that it did not hear of.
    expect(await harness.outcome(harness.end(producer, false, 2))).toBe('NONE')
    expect(await harness.outcome(harness.end(producer, true, 2))).toBe('INVALID_TXN_STATE')
  })

  it('goes on with a fresh id where the epochs are used up', async () => {
    const harness = new TransactionHarness()
    await harness.given({ state: 'Ongoing', producerEpoch: 32_766, partitions: accounts, startMs: 1 })
    expect(await abort(harness)).toBe(true)
    await harness.settle()
    expect(await harness.describe()).toMatchObject({ producerId: 1000n, producerEpoch: 0 })
  })

  it('does not come when the transaction has ended meanwhile', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.open(2)
    await harness.advance(60_001)
    expect(await timedOut(harness)).toEqual([transactionalId])
    await harness.end(producer, true, 2)
    expect(await abort(harness)).toBe(false)
    await harness.settle()
    expect(await harness.state()).toBe('CompleteCommit')
  })
})

it.each([
  ['Empty', 1],
  ['CompleteCommit', 1],
  ['CompleteAbort', 1],
  ['Ongoing', 0],
  ['PrepareCommit', 0],
] as const)('removes unused ids in %s: %i', async (state, count) => {
  const harness = new TransactionHarness()
  harness.partitions.hold('accounts-0')
  const partitions = count === 0 ? accounts : []
  await harness.given({ state, partitions, startMs: 1 })
  const removeExpired = () => harness.run((shard) => shard.removeExpired(1_000))
  await harness.advance(999)
  expect(await removeExpired()).toBe(0)
  await harness.advance(1)
  expect(await removeExpired()).toBe(count)
  const [last] = (await harness.records()).slice(-1)
  expect(last?.metadata === null).toBe(count === 1)
  expect(await harness.outcome(harness.describe())).toBe(count === 1 ? 'TRANSACTIONAL_ID_NOT_FOUND' : 'NONE')
  await harness.restart()
  expect(await harness.outcome(harness.describe())).toBe(count === 1 ? 'TRANSACTIONAL_ID_NOT_FOUND' : 'NONE')
})
