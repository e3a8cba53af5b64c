/** transactions: the records of `__transaction_state` are Kafka's, in the version that transaction.version asks for. */
import { expect, it } from 'vitest'
import { transactionLogKey, transactionLogValue } from '../../protocol/state/index.ts'
import { transactionRecordCodec } from '../../src/transactions/transaction-records.ts'
import { storedState } from '../../src/transactions/transaction-states.ts'
import { accounts, TransactionHarness, transactionalId } from './transaction-harness.ts'

it.each([
  [0, 0],
  [1, 1],
  [2, 1],
])('transaction.version %i writes values of version %i', async (level, version) => {
  const harness = new TransactionHarness(level)
  await harness.open(0)
  const stored = await harness.stored()
  expect(stored.map(({ key }) => transactionLogKey.decodeKey(key).transactionalId)).toEqual(['transfer', 'transfer'])
  expect(stored.map(({ value }) => value?.readInt16BE(0))).toEqual([version, version])
  const common = {
    producerId: 1000n,
    producerEpoch: 0,
    transactionTimeoutMs: 60_000,
    transactionLastUpdateTimestampMs: harness.clock.now(),
    previousProducerId: version === 0 ? -1n : 1000n,
    nextProducerId: -1n,
    nextProducerEpoch: -1,
    clientTransactionVersion: 0,
  }
  expect(stored.map(({ value }) => transactionLogValue.decodeVersioned(value!))).toEqual([
    { ...common, transactionStatus: 0, transactionPartitions: null, transactionStartTimestampMs: -1 },
    {
      ...common,
      transactionStatus: 1,
      transactionPartitions: [{ topic: 'accounts', partitionIds: [0, 1] }],
      transactionStartTimestampMs: harness.clock.now(),
    },
  ])
})

it('takes up a changed level with the next record', async () => {
  const harness = new TransactionHarness(2)
  await harness.init()
  harness.level = 0
  await harness.init()
  harness.level = 2
  await harness.init()
  expect((await harness.stored()).map(({ value }) => value?.readInt16BE(0))).toEqual([1, 0, 1])
})

it('writes the next producer id also at level 0, where it would be lost otherwise', async () => {
  const harness = new TransactionHarness(0)
  await harness.given({ state: 'Ongoing', producerId: 5n, producerEpoch: 32_766, partitions: accounts, startMs: 1 })
  await harness.end({ producerId: 5n, producerEpoch: 32_766 }, true, 2)
  await harness.settle()
  const versions = (await harness.stored()).map(({ value }) => value?.readInt16BE(0))
  expect(versions).toEqual([0, 1, 0])
})

it('writes an empty list of partitions in all states but Empty', async () => {
  const harness = new TransactionHarness(2)
  const producer = await harness.open(0)
  await harness.end(producer, true, 0)
  await harness.settle()
  const values = (await harness.stored()).map(({ value }) => transactionLogValue.decodeVersioned(value!))
  expect(values.map(({ transactionPartitions }) => transactionPartitions?.length ?? null)).toEqual([null, 1, 1, 0])
})

it('passes over keys, values and states that it does not know', () => {
  const codec = transactionRecordCodec(() => 2)
  expect(codec.decode({ key: Buffer.from([0, 9, 0, 0]), value: null })).toBeUndefined()
  const key = transactionLogKey.encodeKey({ transactionalId })
  expect(() => codec.decode({ key, value: Buffer.from([0, 2, 0]) })).toThrow(/version 2/)
  const value = transactionLogValue.encodeVersioned(1, {
    producerId: 1n,
    producerEpoch: 0,
    transactionTimeoutMs: 1,
    transactionStatus: 7,
    transactionPartitions: [],
    transactionLastUpdateTimestampMs: 1,
    transactionStartTimestampMs: 1,
  })
  expect(() => codec.decode({ key, value })).toThrow(/7 is no stored state/)
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(storedState)).toEqual([
    'Empty',
    'Ongoing',
    'PrepareCommit',
    'PrepareAbort',
    'CompleteCommit',
    'CompleteAbort',
    undefined,
    undefined,
    undefined,
  ])
})
