/** transactions: how partitions become part of a transaction, and how the brokers that lead them ask for it. */
import { describe, expect, it } from 'vitest'
import { accounts, TransactionHarness, transactionalId } from './transaction-harness.ts'

const [first, second] = accounts as [(typeof accounts)[number], (typeof accounts)[number]]

describe('adding partitions', () => {
  it('starts the transaction with the first, and keeps its start', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.init()
    const startMs = harness.clock.now() + 100
    await harness.advance(100)
    await harness.add(producer, 2, [first])
    expect(await harness.describe()).toMatchObject({ transactionState: 'Ongoing', transactionStartTimeMs: startMs })
    await harness.advance(100)
    await harness.add(producer, 2, [second])
    expect(await harness.describe()).toMatchObject({
      transactionState: 'Ongoing',
      transactionStartTimeMs: startMs,
      topics: [{ topic: 'accounts', partitions: [0, 1] }],
    })
  })

  it('writes nothing when all are there', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.open(2)
    const count = (await harness.records()).length
    await harness.add(producer, 2, [second])
    await harness.add(producer, 2, [first, second])
    expect(await harness.records()).toHaveLength(count)
  })

  it('counts one that is named twice once', async () => {
    const harness = new TransactionHarness()
    await harness.add(await harness.init(), 0, [first, first])
    expect((await harness.describe()).topics).toEqual([{ topic: 'accounts', partitions: [0] }])
  })

  it.each(['CompleteCommit', 'CompleteAbort'] as const)('starts the next transaction after %s', async (state) => {
    const harness = new TransactionHarness()
    await harness.given({ state, producerId: 5n, startMs: 1, clientVersion: 2 })
    await harness.add({ producerId: 5n, producerEpoch: 0 }, 2, [second])
    expect(await harness.describe()).toMatchObject({
      transactionState: 'Ongoing',
      transactionStartTimeMs: harness.clock.now(),
      topics: [{ topic: 'accounts', partitions: [1] }],
    })
  })

  it('remembers by which version the client acts', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.init()
    await harness.add(producer, 0, [first])
    await harness.add(producer, 2, [second])
    expect((await harness.records()).map(({ metadata }) => metadata?.clientVersion)).toEqual([0, 0, 2])
  })

  it('needs a known transactional id, its producer id and its epoch', async () => {
    const harness = new TransactionHarness()
    const unknown = { producerId: 1000n, producerEpoch: 0 }
    expect(await harness.outcome(harness.add(unknown, 0))).toBe('INVALID_PRODUCER_ID_MAPPING')
    const { producerId, producerEpoch } = await harness.init()
    const foreign = { producerId: producerId + 1n, producerEpoch }
    expect(await harness.outcome(harness.add(foreign, 0))).toBe('INVALID_PRODUCER_ID_MAPPING')
    for (const other of [-1, 1]) {
      const fenced = { producerId, producerEpoch: producerEpoch + other }
      expect(await harness.outcome(harness.add(fenced, 0))).toBe('PRODUCER_FENCED')
    }
    expect(await harness.state()).toBe('Empty')
  })

  it.each(['PrepareCommit', 'PrepareAbort'] as const)('waits for %s to be complete', async (state) => {
    const harness = new TransactionHarness()
    harness.partitions.hold('accounts-0')
    await harness.given({ state, producerId: 5n, startMs: 1, partitions: accounts })
    expect(await harness.outcome(harness.add({ producerId: 5n, producerEpoch: 0 }, 2))).toBe('CONCURRENT_TRANSACTIONS')
    // Before the producer is looked at: it may have an id that takes effect with the end.
    expect(await harness.outcome(harness.add({ producerId: 6n, producerEpoch: 0 }, 2))).toBe('CONCURRENT_TRANSACTIONS')
  })

  it('is not answered before it is written', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.init()
    harness.log.failNextWrite()
    expect(await harness.outcome(harness.add(producer, 2))).toBe('NOT_COORDINATOR')
    await harness.settle()
    expect(await harness.state()).toBe('Empty')
  })
})

describe('verifying partitions', () => {
  it('tells which are part of the transaction', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.init()
    expect(await harness.verify(producer)).toEqual(['TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'])
    await harness.add(producer, 0, [second])
    expect(await harness.verify(producer)).toEqual(['TRANSACTION_ABORTABLE', undefined])
    await harness.end(producer, true, 0)
    await harness.settle()
    expect(await harness.verify(producer)).toEqual(['TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'])
  })

  it('writes nothing', async () => {
    const harness = new TransactionHarness()
    const producer = await harness.init()
    await harness.verify(producer)
    expect(await harness.written()).toEqual(['Empty'])
  })

  it('needs a known transactional id and its producer', async () => {
    const harness = new TransactionHarness()
    expect(await harness.outcome(harness.verify({ producerId: 1n, producerEpoch: 0 }))).toBe(
      'INVALID_PRODUCER_ID_MAPPING',
    )
    const { producerId, producerEpoch } = await harness.init()
    expect(await harness.outcome(harness.verify({ producerId: 1n, producerEpoch }))).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(await harness.outcome(harness.verify({ producerId, producerEpoch: 1 }))).toBe('PRODUCER_FENCED')
  })

  it('looks at the producer first while the transaction ends', async () => {
    const harness = new TransactionHarness()
    harness.partitions.hold('accounts-0')
    await harness.given({ state: 'PrepareCommit', producerId: 5n, startMs: 1, partitions: accounts })
    const outcomes = [
      await harness.outcome(harness.verify({ producerId: 5n, producerEpoch: 0 })),
      await harness.outcome(harness.verify({ producerId: 6n, producerEpoch: 0 })),
      await harness.outcome(harness.verify({ producerId: 5n, producerEpoch: 1 })),
    ]
    expect(outcomes).toEqual(['CONCURRENT_TRANSACTIONS', 'INVALID_PRODUCER_ID_MAPPING', 'PRODUCER_FENCED'])
  })
})

it('answers what is asked one after the other without waiting as if it came one after the other', async () => {
  const harness = new TransactionHarness()
  const producer = await harness.init()
  const added = harness.add(producer, 0, [first])
  const verified = harness.verify(producer, [first])
  const ended = harness.end(producer, true, 0)
  await added
  expect(await verified).toEqual([undefined])
  await ended
  await harness.settle()
  expect(await harness.written()).toEqual(['Empty', 'Ongoing', 'PrepareCommit', 'CompleteCommit'])
  expect(harness.partitions.written.map(({ partition }) => partition)).toEqual([0])
  expect((await harness.records()).every((record) => record.transactionalId === transactionalId)).toBe(true)
})
