/** transactions: a partition is verified or added before the first batch of a transaction is appended there (KIP-890). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { Partition, TransactionAppend } from '../../src/cluster/partition.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import {
  type SupportedOperation,
  TransactionVerification,
  type VerifiesPartitions,
} from '../../src/transactions/verification.ts'
import { batch } from '../log/fixtures.ts'
import { FakeCoordinator } from './fake-coordinator.ts'
import { createTopic, marker, openMarkers, producerId } from './markers.ts'

let opened: Awaited<ReturnType<typeof openMarkers>>
let coordinator: FakeCoordinator
let current: VerifiesPartitions | undefined
let verification: TransactionVerification
let log: PartitionLog
let partition: Partition

async function start(settings: Record<string, string> = {}): Promise<void> {
  opened = await openMarkers({ settings })
  coordinator = new FakeCoordinator()
  current = coordinator
  const { broker } = opened.brokers[0]!
  verification = new TransactionVerification({ broker, clock: opened.clock, coordinatorOf: () => current })
  log = await createTopic(opened, 'topic')
  partition = opened.cluster.topics.byName('topic')!.partitions[0]!
}

beforeEach(() => start())
afterEach(() => opened.close())

/** What the coordinator's answer comes to: an error's name, or what the append has to bring. */
async function verify(
  operation: SupportedOperation,
  baseSequence = 0,
  producerEpoch = 0,
): Promise<TransactionAppend | ErrorName> {
  const transaction = { transactionalId: 'id', producerId, producerEpoch, partitions: [{ partition, baseSequence }] }
  const [verified] = await verification.verify(transaction, operation, { isRetried: true })
  return verified instanceof KafkaError ? verified.kafkaError : verified!
}

function append(transaction: TransactionAppend | undefined, baseSequence = 0, producerEpoch = 0) {
  const header = { producerId, producerEpoch, baseSequence, isTransactional: true }
  return partition.append(batch(1, {}, header), 1, transaction)
}

async function verifyAndAppend(baseSequence: number): Promise<number> {
  const verified = await verify('genericErrorSupported', baseSequence)
  if (typeof verified === 'string') throw new KafkaError(verified)
  return (await append(verified, baseSequence)).baseOffset
}

describe('the first batch of a transaction', () => {
  it('is refused without verification, and taken with it', async () => {
    await expect(append(undefined)).rejects.toMatchObject({ kafkaError: 'INVALID_TXN_STATE' })
    const verified = await verify('genericErrorSupported')
    expect(coordinator.verified).toEqual([
      { transactionalId: 'id', producerId, producerEpoch: 0, partitions: [{ topic: 'topic', partition: 0 }] },
    ])
    expect(await append(verified as TransactionAppend)).toMatchObject({ baseOffset: 0 })
    expect(log.lastStableOffset).toBe(0)
  })

  it('makes those behind it need none', async () => {
    await append((await verify('genericErrorSupported')) as TransactionAppend)
    expect(await verify('genericErrorSupported', 1)).toEqual({ guard: undefined })
    expect(coordinator.verified).toHaveLength(1)
    expect(await append(undefined, 1)).toMatchObject({ baseOffset: 1 })
  })

  it('is refused when a marker has come in between', async () => {
    const verified = (await verify('genericErrorSupported')) as TransactionAppend
    await opened.markers.write(marker({ isCommit: false }), 'topic', 0)
    await expect(append(verified)).rejects.toMatchObject({ kafkaError: 'INVALID_TXN_STATE' })
    expect(log.lastStableOffset).toBe(log.logEndOffset)
    expect(await append((await verify('genericErrorSupported')) as TransactionAppend)).toMatchObject({ baseOffset: 1 })
  })

  it('is appended before later ones that come while the coordinator is asked', async () => {
    coordinator.hold()
    const offsets = [verifyAndAppend(0), verifyAndAppend(1), verifyAndAppend(2)]
    await coordinator.release()
    expect(await Promise.all(offsets)).toEqual([0, 1, 2])
  })

  it('is appended before later ones, whenever they come', async () => {
    coordinator.hold()
    const offsets = [verifyAndAppend(0), verifyAndAppend(1)]
    void coordinator.release()
    for (let sequence = 2; sequence < 40; sequence += 1) {
      offsets.push(verifyAndAppend(sequence))
      await Promise.resolve()
    }
    expect(await Promise.all(offsets)).toEqual(Array.from({ length: 40 }, (_, offset) => offset))
  })

  it('keeps later ones out while it is to be sent again', async () => {
    coordinator.answers = ['NOT_COORDINATOR']
    const first = verifyAndAppend(0)
    const second = verifyAndAppend(1)
    await expect(first).rejects.toMatchObject({ kafkaError: 'NOT_COORDINATOR' })
    await expect(second).rejects.toMatchObject({ kafkaError: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
    expect(await verifyAndAppend(0)).toBe(0)
    expect(await verifyAndAppend(1)).toBe(1)
  })

  it('has the first sequence where the client adds by producing, and nothing is known of it', async () => {
    const verified = (await verify('addPartition', 4)) as TransactionAppend
    await expect(append(verified, 4)).rejects.toMatchObject({ kafkaError: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
    expect(await append((await verify('addPartition', 0)) as TransactionAppend)).toMatchObject({ baseOffset: 0 })
  })

  it('may have any sequence of an older client of which nothing is known', async () => {
    expect(await verifyAndAppend(4)).toBe(0)
  })

  it('of an earlier epoch is told so, also when it was verified', async () => {
    await opened.markers.write(marker({ producerEpoch: 5 }), 'topic', 0)
    const verified = (await verify('genericErrorSupported', 0, 4)) as TransactionAppend
    await expect(append(verified, 0, 4)).rejects.toMatchObject({ kafkaError: 'INVALID_PRODUCER_EPOCH' })
  })

  it('needs verification again when the one before has been forgotten', async () => {
    const verified = (await verify('genericErrorSupported')) as TransactionAppend
    await opened.clock.advance(86_400_000 + 600_000)
    await expect(append(verified)).rejects.toMatchObject({ kafkaError: 'INVALID_TXN_STATE' })
  })

  it('is taken as it comes with transaction.partition.verification.enable=false, but for clients that leave adding to the broker', async () => {
    await opened.close()
    await start({ 'transaction.partition.verification.enable': 'false' })
    expect(await verify('genericErrorSupported')).toEqual({})
    expect(await append(undefined)).toMatchObject({ baseOffset: 0 })
    expect(coordinator.verified).toEqual([])
    await opened.markers.write(marker(), 'topic', 0)
    await verify('addPartition', 1)
    expect(coordinator.added).toHaveLength(1)
  })
})

describe('what the coordinator says', () => {
  it.each<[ErrorName, SupportedOperation, ErrorName]>([
    ['PRODUCER_FENCED', 'genericErrorSupported', 'INVALID_PRODUCER_EPOCH'],
    ['TRANSACTION_ABORTABLE', 'defaultError', 'INVALID_TXN_STATE'],
    ['TRANSACTION_ABORTABLE', 'genericErrorSupported', 'TRANSACTION_ABORTABLE'],
    ['TRANSACTION_ABORTABLE', 'addPartition', 'TRANSACTION_ABORTABLE'],
    ['INVALID_PRODUCER_ID_MAPPING', 'addPartition', 'INVALID_PRODUCER_ID_MAPPING'],
    ['CONCURRENT_TRANSACTIONS', 'genericErrorSupported', 'CONCURRENT_TRANSACTIONS'],
  ])('%s is to a client with %s: %s', async (said, operation, expected) => {
    coordinator.answers = [said]
    expect(await verify(operation)).toBe(expected)
  })

  it('is that it is not there while nobody coordinates, and its own error where it fails', async () => {
    current = undefined
    expect(await verify('defaultError')).toBe('COORDINATOR_NOT_AVAILABLE')
    current = {
      verifyPartitions: () => Promise.reject(new KafkaError('NOT_COORDINATOR')),
      addPartitions: () => Promise.reject(new Error('a bug')),
    }
    expect(await verify('defaultError')).toBe('NOT_COORDINATOR')
    await expect(verify('addPartition')).rejects.toThrow('a bug')
    current = coordinator
    expect(await verify('addPartition')).toMatchObject({ guard: expect.anything() })
  })

  it('adds the partition for clients of transaction version 2', async () => {
    expect(await append((await verify('addPartition')) as TransactionAppend)).toMatchObject({ baseOffset: 0 })
    expect(coordinator.added).toMatchObject([{ transactionalId: 'id', clientVersion: 2 }])
    expect(coordinator.verified).toEqual([])
  })

  it('is asked again while the transaction before is ending, with a guard that its marker did not make void', async () => {
    await append((await verify('addPartition')) as TransactionAppend)
    coordinator.answers = ['CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS']
    const next = verify('addPartition', 0, 1)
    await opened.clock.advance(20)
    expect(coordinator.added).toHaveLength(3)
    await opened.markers.write(marker({ producerEpoch: 1, transactionVersion: 2 }), 'topic', 0)
    await opened.clock.advance(20)
    expect(coordinator.added).toHaveLength(4)
    expect(await append((await next) as TransactionAppend, 0, 1)).toMatchObject({ baseOffset: 2 })
  })

  it('is told to the client when that takes longer than add.partitions.to.txn.retry.backoff.max.ms', async () => {
    coordinator.answers = Array.from({ length: 10 }, () => 'CONCURRENT_TRANSACTIONS')
    const verified = verify('addPartition')
    await opened.clock.advance(100)
    expect(await verified).toBe('CONCURRENT_TRANSACTIONS')
    expect(coordinator.added).toHaveLength(6)
  })
})
