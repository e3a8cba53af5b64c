/** transactions: how a transaction ends, for clients of both transaction versions. */
import { describe, expect, it } from 'vitest'
import { accounts, TransactionHarness } from './transaction-harness.ts'

const lastGiven = 32_766

describe('transaction version 1', () => {
  it.each([
    [true, 'PrepareCommit', 'CompleteCommit'],
    [false, 'PrepareAbort', 'CompleteAbort'],
  ])('isCommit %s: %s, the markers, %s; the producer keeps its epoch', async (isCommit, prepared, complete) => {
    const harness = new TransactionHarness()
    const producer = await harness.open(0)
    await harness.end(producer, isCommit, 0)
    await harness.settle()
    expect(await harness.written()).toEqual(['Empty', 'Ongoing', prepared, complete])
    expect(harness.partitions.written).toEqual(
      accounts.map((each) => ({ ...each, ...producer, coordinatorEpoch: 7, isCommit, transactionVersion: 0 })),
    )
    expect(await harness.describe()).toMatchObject({ ...producer, transactionState: complete, topics: [] })
    await harness.add(producer, 0)
  })

  it('is answered before the markers are written', async () => {
    const harness = new TransactionHarness()
    const release = harness.partitions.hold('accounts-1')
    const producer = await harness.open(0)
    await harness.end(producer, true, 0)
    await harness.settle()
    expect(await harness.describe()).toMatchObject({
      transactionState: 'PrepareCommit',
      topics: [{ topic: 'accounts', partitions: [1] }],
    })
    release()
    await harness.settle()
    expect(await harness.state()).toBe('CompleteCommit')
  })

  it.each([
    ['Empty', 'INVALID_TXN_STATE', 'INVALID_TXN_STATE'],
    ['CompleteCommit', 'NONE', 'INVALID_TXN_STATE'],
    ['CompleteAbort', 'INVALID_TXN_STATE', 'NONE'],
    ['PrepareCommit', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
    ['PrepareAbort', 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
  ] as const)('%s: a commit is %s, an abort %s', async (state, commit, abort) => {
    const harness = new TransactionHarness()
    harness.partitions.hold('accounts-0')
    const partitions = state.startsWith('Prepare') ? accounts : []
    await harness.given({ state, producerId: 5n, producerEpoch: 3, startMs: 1, partitions })
    const count = (await harness.records()).length
    const producer = { producerId: 5n, producerEpoch: 3 }
    expect(await harness.outcome(harness.end(producer, true, 0))).toBe(commit)
    expect(await harness.outcome(harness.end(producer, false, 0))).toBe(abort)
    for (const isCommit of [true, false]) {
      for (const producerEpoch of [2, 4]) {
        const other = { producerId: 5n, producerEpoch }
        expect(await harness.outcome(harness.end(other, isCommit, 0))).toBe('PRODUCER_FENCED')
      }
      const foreign = { producerId: 6n, producerEpoch: 3 }
      expect(await harness.outcome(harness.end(foreign, isCommit, 0))).toBe('INVALID_PRODUCER_ID_MAPPING')
    }
    expect(await harness.records()).toHaveLength(count)
  })

  it('needs a known transactional id', async () => {
    const harness = new TransactionHarness()
    const producer = { producerId: 5n, producerEpoch: 3 }
    expect(await harness.outcome(harness.end(producer, true, 0))).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(await harness.outcome(harness.end(producer, true, 2))).toBe('INVALID_PRODUCER_ID_MAPPING')
  })
})

describe('transaction version 2', () => {
  it.each([
    [true, 'PrepareCommit', 'CompleteCommit'],
    [false, 'PrepareAbort', 'CompleteAbort'],
  ])('isCommit %s: %s, the markers, %s, all in the next epoch', async (isCommit, prepared, complete) => {
    const harness = new TransactionHarness()
    const producer = await harness.open(2)
    const next = { ...producer, producerEpoch: 1 }
    expect(await harness.end(producer, isCommit, 2)).toEqual(next)
    await harness.settle()
    expect(await harness.written()).toEqual(['Empty', 'Ongoing', prepared, complete])
    expect(harness.partitions.written).toEqual(
      accounts.map((each) => ({ ...each, ...next, coordinatorEpoch: 7, isCommit, transactionVersion: 2 })),
    )
    expect(await harness.describe()).toMatchObject({ ...next, transactionState: complete, topics: [] })
    await harness.add(next, 2)
  })

  it('gives the same epoch again to a client that did not hear of it', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.open(2)
    const release = harness.partitions.hold('accounts-0')
    const next = await harness.end(producer, true, 2)
    expect(await harness.outcome(harness.end(producer, true, 2))).toBe('CONCURRENT_TRANSACTIONS')
    release()
    await harness.settle()
    const count = (await harness.records()).length
    expect(await harness.end(producer, true, 2)).toEqual(next)
    expect(await harness.records()).toHaveLength(count)
    await harness.restart()
    expect(await harness.end(producer, true, 2)).toEqual(next)
  })

  it('goes on with a fresh id when the epochs are used up, and gives it again', async () => {
    const harness = new TransactionHarness()
    await harness.given({ producerId: 5n, producerEpoch: lastGiven })
    const last = { producerId: 5n, producerEpoch: lastGiven }
    await harness.add(last, 2)
    const release = harness.partitions.hold('accounts-0')
    const fresh = { producerId: 1000n, producerEpoch: 0 }
    expect(await harness.end(last, true, 2)).toEqual(fresh)
    await harness.settle()
    // The transaction itself ends under its own id, in the epoch that nobody is given.
    expect(await harness.describe()).toMatchObject({ producerId: 5n, producerEpoch: lastGiven + 1 })
    expect(await harness.outcome(harness.end(last, true, 2))).toBe('CONCURRENT_TRANSACTIONS')
    expect(await harness.outcome(harness.add(fresh, 2))).toBe('CONCURRENT_TRANSACTIONS')
    release()
    await harness.settle()
    expect(harness.partitions.written.map((marker) => [marker.producerId, marker.producerEpoch])).toEqual([
      [5n, lastGiven + 1],
      [5n, lastGiven + 1],
    ])
    expect(await harness.end(last, true, 2)).toEqual(fresh)
    expect(await harness.outcome(harness.end(last, false, 2))).toBe('INVALID_TXN_STATE')
    expect(await harness.outcome(harness.add(last, 2))).toBe('INVALID_PRODUCER_ID_MAPPING')
    await harness.add(fresh, 2)
    // Who has the fresh id by now does not ask for it again.
    expect(await harness.outcome(harness.end(last, true, 2))).toBe('INVALID_PRODUCER_ID_MAPPING')
  })

  it('brings a fresh id through a crash between the prepared and the complete state', async () => {
    const harness = new TransactionHarness()
    await harness.given({ producerId: 5n, producerEpoch: lastGiven })
    const last = { producerId: 5n, producerEpoch: lastGiven }
    await harness.add(last, 2)
    const release = harness.partitions.hold('accounts-0')
    await harness.end(last, true, 2)
    // Also when the level, and with it the version of the records, was lowered meanwhile.
    harness.level = 0
    await harness.restart()
    release()
    await harness.settle()
    expect(await harness.describe()).toMatchObject({
      producerId: 1000n,
      producerEpoch: 0,
      transactionState: 'CompleteCommit',
    })
  })

  const again = 2
  const present = 3
  it.each([
    ['Empty', again, 'PRODUCER_FENCED', 'PRODUCER_FENCED'],
    ['Empty', present, 'INVALID_TXN_STATE', 'PrepareAbort'],
    ['CompleteCommit', again, 'NONE', 'INVALID_TXN_STATE'],
    ['CompleteCommit', present, 'INVALID_TXN_STATE', 'PrepareAbort'],
    ['CompleteAbort', again, 'INVALID_TXN_STATE', 'NONE'],
    ['CompleteAbort', present, 'INVALID_TXN_STATE', 'PrepareAbort'],
    ['PrepareCommit', again, 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
    ['PrepareCommit', present, 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
    ['PrepareAbort', again, 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
    ['Ongoing', again, 'PRODUCER_FENCED', 'PRODUCER_FENCED'],
  ] as const)('%s in epoch 3, asked in epoch %i: a commit is %s, an abort %s', async (state, epoch, commit, abort) => {
    for (const [isCommit, expected] of [
      [true, commit],
      [false, abort],
    ] as const) {
      const harness = new TransactionHarness()
      harness.partitions.hold('accounts-0')
      const partitions = state.startsWith('Prepare') || state === 'Ongoing' ? accounts : []
      await harness.given({ state, producerId: 5n, producerEpoch: present, startMs: 1, partitions, clientVersion: 2 })
      const ending = harness.end({ producerId: 5n, producerEpoch: epoch }, isCommit, 2)
      if (expected === 'PrepareAbort') {
        expect(await ending).toEqual({ producerId: 5n, producerEpoch: present + 1 })
        await harness.settle()
        expect((await harness.written()).slice(-2)).toEqual(['PrepareAbort', 'CompleteAbort'])
        expect(harness.partitions.attempts).toBe(0)
        expect((await harness.describe()).transactionStartTimeMs).toBe(harness.clock.now())
      } else expect(await harness.outcome(ending)).toBe(expected)
    }
  })

  it('refuses foreign ids and later epochs', async () => {
    const harness = new TransactionHarness()
    const { producerId, producerEpoch } = await harness.open(2)
    const foreign = harness.end({ producerId: 1n, producerEpoch }, true, 2)
    expect(await harness.outcome(foreign)).toBe('INVALID_PRODUCER_ID_MAPPING')
    const later = harness.end({ producerId, producerEpoch: 1 }, true, 2)
    expect(await harness.outcome(later)).toBe('PRODUCER_FENCED')
    expect(await harness.state()).toBe('Ongoing')
  })
})

it('lets the client of either version end what the other has begun', async () => {
  const harness = new TransactionHarness()
  const producer = await harness.open(0)
  const next = await harness.end(producer, true, 2)
  expect(next.producerEpoch).toBe(1)
  await harness.settle()
  await harness.add(next, 2)
  await harness.end(next, false, 0)
  await harness.settle()
  expect(await harness.describe()).toMatchObject({ ...next, transactionState: 'CompleteAbort' })
})

it('fails without an end when it can not be written, and the transaction stays open', async () => {
  const harness = new TransactionHarness()
  const producer = await harness.open(2)
  harness.log.failNextWrite()
  expect(await harness.outcome(harness.end(producer, true, 2))).toBe('NOT_COORDINATOR')
  await harness.settle()
  expect(harness.partitions.attempts).toBe(0)
  expect(await harness.state()).toBe('Ongoing')
  expect(await harness.end(producer, true, 2)).toEqual({ ...producer, producerEpoch: 1 })
})
