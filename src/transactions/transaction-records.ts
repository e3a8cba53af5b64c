/**
 * transactions: the records of `__transaction_state`: all that is known of a transactional id stands in its latest one.
 *
 *     key     type 0: the transactional id
 *     value   v0; from transaction.version 1 on v1, which also has the previous and the next producer id and the client's version
 */

import { noProducerEpoch, noProducerId } from '../../protocol/records/index.ts'
import { ProtocolError } from '../../protocol/schema/index.ts'
import { keyType, transactionLogKey, transactionLogValue } from '../../protocol/state/index.ts'
import type { RecordCodec } from '../coordinator/state-machine.ts'
import { storedState, type TransactionState, transactionStates } from './transaction-states.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A transactional id at one moment; Kafka's TransactionMetadata. */
export interface TransactionMetadata {
  readonly state: TransactionState
  readonly producerId: bigint
  /** Before the last change; -1: none. Tells that a producer comes again with an id whose epochs were used up. */
  readonly previousProducerId: bigint
  /** Which takes the place of `producerId` when the transaction is complete; -1: none does. */
  readonly nextProducerId: bigint
  /** -1 until a producer has got one. */
  readonly producerEpoch: number
  /** The one before, if the producer that has the present one knows it; -1: it is fenced. Not stored, as in Kafka. */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly partitions: readonly TopicPartition[]
  /** Wall time of the first partition; -1: never. */
  readonly startMs: number
  readonly lastUpdateMs: number
  /** transaction.version by which the producer acts: 0 or 2. */
  readonly clientVersion: number
}

export interface TransactionRecord {
  readonly transactionalId: string
  /** null: it is removed. */
  readonly metadata: TransactionMetadata | null
}

/** `transactionVersion`: the level of the feature at the time of writing. */
export function transactionRecordCodec(transactionVersion: () => number): RecordCodec<TransactionRecord> {
  return {
    encode({ transactionalId, metadata }) {
      const key = transactionLogKey.encodeKey({ transactionalId })
      return { key, value: metadata && encodeMetadata(metadata, transactionVersion()) }
    },

    decode({ key, value }) {
      if (keyType(key) !== transactionLogKey.type) return undefined
      const { transactionalId } = transactionLogKey.decodeKey(key)
      return { transactionalId, metadata: value && decodeMetadata(value) }
    },
  }
}

function encodeMetadata(metadata: TransactionMetadata, transactionVersion: number): Buffer {
  const { state, producerId, previousProducerId, nextProducerId, producerEpoch, partitions } = metadata
  // The next producer id must not be lost, though the level went down while the transaction was open.
  const version = transactionVersion >= 1 || nextProducerId !== noProducerId ? 1 : 0
  const stored = {
    producerId,
    producerEpoch,
    transactionTimeoutMs: metadata.timeoutMs,
    transactionStatus: transactionStates[state].id,
    transactionPartitions: state === 'Empty' ? null : storedPartitions(partitions),
    transactionLastUpdateTimestampMs: metadata.lastUpdateMs,
    transactionStartTimestampMs: metadata.startMs,
  }
  if (version === 0) return transactionLogValue.encodeVersioned(version, stored)
  const more = { previousProducerId, nextProducerId, clientTransactionVersion: metadata.clientVersion }
  return transactionLogValue.encodeVersioned(version, { ...stored, ...more })
}

function storedPartitions(partitions: readonly TopicPartition[]): { topic: string; partitionIds: number[] }[] {
  return byTopic(partitions).map(({ topic, partitions: partitionIds }) => ({ topic, partitionIds }))
}

/** Topics in the order of their first partition. */
export function byTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, [partition])
    else known.push(partition)
  }
  return Array.from(topics, ([topic, indexes]) => ({ topic, partitions: indexes }))
}

/** @throws ProtocolError */
function decodeMetadata(value: Buffer): TransactionMetadata {
  const stored = transactionLogValue.decodeVersioned(value)
  const state = storedState(stored.transactionStatus)
  if (state === undefined) throw new ProtocolError(`${stored.transactionStatus} is no stored state of a transaction`)
  return {
    state,
    producerId: stored.producerId,
    previousProducerId: stored.previousProducerId,
    nextProducerId: stored.nextProducerId,
    producerEpoch: stored.producerEpoch,
    lastProducerEpoch: noProducerEpoch,
    timeoutMs: stored.transactionTimeoutMs,
    partitions: (stored.transactionPartitions ?? []).flatMap(({ topic, partitionIds }) =>
      partitionIds.map((partition) => ({ topic, partition })),
    ),
    startMs: stored.transactionStartTimestampMs,
    lastUpdateMs: stored.transactionLastUpdateTimestampMs,
    clientVersion: stored.clientTransactionVersion,
  }
}
