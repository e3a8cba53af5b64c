/** transactions: how a producer gets its id and epoch, and what becomes of those before it. */
import { describe, expect, it } from 'vitest'
import { accounts, TransactionHarness } from './transaction-harness.ts'

const lastGiven = 32_766

describe('a producer that starts', () => {
  it('gets a fresh id with epoch 0 for an unknown transactional id', async () => {
    const harness = new TransactionHarness()
    expect(await harness.init()).toEqual({ producerId: 1000n, producerEpoch: 0 })
    expect(await harness.state()).toBe('Empty')
  })

  it('gets a fresh id for an unknown transactional id, whatever it believes to have', async () => {
    const harness = new TransactionHarness()
    const expected = { producerId: 5n, producerEpoch: 3 }
    expect(await harness.init(expected)).toEqual({ producerId: 1000n, producerEpoch: 0 })
  })

  it.each(['Empty', 'CompleteCommit', 'CompleteAbort'] as const)(
    'gets the next epoch after %s, and the earlier producer is fenced',
    async (state) => {
      const harness = new TransactionHarness()
      await harness.given({ state, producerId: 5n, producerEpoch: 3, startMs: 1 })
      expect(await harness.init()).toEqual({ producerId: 5n, producerEpoch: 4 })
      const zombie = { producerId: 5n, producerEpoch: 3 }
      expect(await harness.outcome(harness.add(zombie, 0))).toBe('PRODUCER_FENCED')
      expect(await harness.outcome(harness.add(zombie, 2))).toBe('PRODUCER_FENCED')
      expect(await harness.outcome(harness.verify(zombie))).toBe('PRODUCER_FENCED')
      expect(await harness.outcome(harness.end(zombie, true, 0))).toBe('PRODUCER_FENCED')
      expect(await harness.outcome(harness.end(zombie, true, 2))).toBe('PRODUCER_FENCED')
      expect(await harness.outcome(harness.init(zombie))).toBe('PRODUCER_FENCED')
    },
  )

  it('keeps the timeout that it asks for', async () => {
    const harness = new TransactionHarness()
    await harness.init(undefined, 1234)
    expect(await harness.describe()).toMatchObject({ transactionTimeoutMs: 1234, transactionStartTimeMs: -1 })
    await harness.init(undefined, 4321)
    expect((await harness.describe()).transactionTimeoutMs).toBe(4321)
  })

  it.each([lastGiven, lastGiven + 1])('gets a fresh id when epoch %i of the id is used up', async (producerEpoch) => {
    const harness = new TransactionHarness()
    await harness.given({ producerId: 5n, producerEpoch })
    expect(await harness.init()).toEqual({ producerId: 1000n, producerEpoch: 0 })
    const [last] = (await harness.records()).slice(-1)
    expect(last?.metadata).toMatchObject({ producerId: 1000n, previousProducerId: 5n, producerEpoch: 0 })
  })

  it('gets the last epoch that can be given', async () => {
    const harness = new TransactionHarness()
    await harness.given({ producerId: 5n, producerEpoch: lastGiven - 1 })
    expect(await harness.init()).toEqual({ producerId: 5n, producerEpoch: lastGiven })
  })

  it.each(['PrepareCommit', 'PrepareAbort'] as const)('waits for %s to be complete', async (state) => {
    const harness = new TransactionHarness()
    const release = harness.partitions.hold('accounts-0')
    await harness.given({ state, producerId: 5n, startMs: 1, partitions: accounts })
    expect(await harness.outcome(harness.init())).toBe('CONCURRENT_TRANSACTIONS')
    // Before anything else is said about it.
    expect(await harness.outcome(harness.init({ producerId: 99n, producerEpoch: 0 }))).toBe('CONCURRENT_TRANSACTIONS')
    release()
    await harness.settle()
    expect(await harness.init()).toEqual({ producerId: 5n, producerEpoch: 1 })
  })
})

describe('an open transaction of an earlier producer', () => {
  it.each([
    [0, 'under the next epoch', { producerEpoch: 1, clientVersion: 0 }],
    [1, 'under the next epoch', { producerEpoch: 1, clientVersion: 0 }],
    [2, 'under the next epoch, which counts as one of its own', { producerEpoch: 1, clientVersion: 2 }],
  ])('is aborted at transaction.version %i %s', async (level, _how, expected) => {
    const harness = new TransactionHarness(level)
    const zombie = await harness.open(0)
    expect(await harness.outcome(harness.init())).toBe('CONCURRENT_TRANSACTIONS')
    await harness.settle()
    expect(harness.partitions.written).toEqual(
      accounts.map((each) => ({
        ...each,
        producerId: 1000n,
        producerEpoch: expected.producerEpoch,
        transactionVersion: expected.clientVersion,
        coordinatorEpoch: 7,
        isCommit: false,
      })),
    )
    expect(await harness.state()).toBe('CompleteAbort')
    expect(await harness.outcome(harness.end(zombie, true, 0))).toBe('PRODUCER_FENCED')
    expect(await harness.init()).toEqual({ producerId: 1000n, producerEpoch: 2 })
  })

  it('is aborted under an epoch that nobody is given, when there is no other', async () => {
    const harness = new TransactionHarness(0)
    await harness.given({
      state: 'Ongoing',
      producerId: 5n,
      producerEpoch: lastGiven,
      partitions: accounts,
      startMs: 1,
    })
    expect(await harness.outcome(harness.init())).toBe('CONCURRENT_TRANSACTIONS')
    await harness.settle()
    expect(harness.partitions.written.map(({ producerEpoch }) => producerEpoch)).toEqual([lastGiven + 1, lastGiven + 1])
    expect(await harness.init()).toEqual({ producerId: 1000n, producerEpoch: 0 })
  })

  it('moves on to a fresh id at transaction.version 2, when its epochs are used up', async () => {
    const harness = new TransactionHarness(2)
    await harness.given({
      state: 'Ongoing',
      producerId: 5n,
      producerEpoch: lastGiven,
      partitions: accounts,
      startMs: 1,
    })
    expect(await harness.outcome(harness.init())).toBe('CONCURRENT_TRANSACTIONS')
    await harness.settle()
    expect(await harness.describe()).toMatchObject({ producerId: 1000n, producerEpoch: 0 })
    expect(await harness.init()).toEqual({ producerId: 1000n, producerEpoch: 1 })
  })

  it('is not touched by a producer that is fenced itself', async () => {
    const harness = new TransactionHarness()
    await harness.open(2)
    expect(await harness.outcome(harness.init({ producerId: 1n, producerEpoch: 0 }))).toBe('PRODUCER_FENCED')
    expect(await harness.state()).toBe('Ongoing')
  })
})

describe('a producer that goes on after an error (KIP-360)', () => {
  it('gets the next epoch, and the same one when it asks again', async () => {
    const harness = new TransactionHarness()
    const first = await harness.init()
    const second = await harness.init(first)
    expect(second).toEqual({ producerId: 1000n, producerEpoch: 1 })
    expect(await harness.init(first)).toEqual(second)
    expect(await harness.init(second)).toEqual({ producerId: 1000n, producerEpoch: 2 })
    expect(await harness.outcome(harness.init(first))).toBe('PRODUCER_FENCED')
  })

  it('is fenced when another one has started meanwhile', async () => {
    const harness = new TransactionHarness()
    const first = await harness.init()
    await harness.init()
    expect(await harness.outcome(harness.init(first))).toBe('PRODUCER_FENCED')
  })

  it('is fenced when it asks again after a restart of the broker, which keeps no last epoch', async () => {
    const harness = new TransactionHarness()
    const first = await harness.init()
    await harness.init(first)
    await harness.restart()
    expect(await harness.outcome(harness.init(first))).toBe('PRODUCER_FENCED')
  })

  it('is fenced with a foreign id', async () => {
    const harness = new TransactionHarness()
    const { producerEpoch } = await harness.init()
    expect(await harness.outcome(harness.init({ producerId: 1n, producerEpoch }))).toBe('PRODUCER_FENCED')
  })

  it('gets a fresh id when the epochs are used up, and the same one when it asks again', async () => {
    const harness = new TransactionHarness()
    await harness.given({ producerId: 5n, producerEpoch: lastGiven })
    const last = { producerId: 5n, producerEpoch: lastGiven }
    const fresh = { producerId: 1000n, producerEpoch: 0 }
    expect(await harness.init(last)).toEqual(fresh)
    expect(await harness.init(last)).toEqual(fresh)
    expect(await harness.outcome(harness.init({ producerId: 5n, producerEpoch: 4 }))).toBe('PRODUCER_FENCED')
  })

  it('fails as on Kafka when the epochs are used up and it has missed the last ones', async () => {
    const harness = new TransactionHarness()
    await harness.given({ producerId: 5n, producerEpoch: lastGiven })
    const missed = harness.init({ producerId: 5n, producerEpoch: 4 })
    expect(await harness.outcome(missed)).toBe('UNKNOWN_SERVER_ERROR')
  })

  it('aborts what it has left open, and goes on then', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.open(2)
    expect(await harness.outcome(harness.init(producer))).toBe('CONCURRENT_TRANSACTIONS')
    await harness.settle()
    // The end has given an epoch: the producer asks again for what it was not told.
    expect(await harness.init(producer)).toEqual({ producerId: 1000n, producerEpoch: 1 })
  })

  it.each([0, 1])('aborts what it has left open at transaction.version %i, and is fenced by that', async (level) => {
    const harness = new TransactionHarness(level)
    const producer = await harness.open(0)
    expect(await harness.outcome(harness.init(producer))).toBe('CONCURRENT_TRANSACTIONS')
    await harness.settle()
    expect(await harness.outcome(harness.init(producer))).toBe('PRODUCER_FENCED')
  })
})
