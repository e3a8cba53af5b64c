/** handlers: what a Produce request with transactional batches needs before they are appended: the right to the transactional id, and verification. */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { ProduceRequest } from '../../protocol/messages/produce.ts'
import { RecordBatchView, recordBatchOverhead } from '../../protocol/records/index.ts'
import type { Partition, TransactionAppend } from '../cluster/partition.ts'
import type { SupportedOperation, Verified } from '../transactions/verification.ts'
import type { Context } from './context.ts'

/** From here on clients know TRANSACTION_ABORTABLE. */
const firstAbortableVersion = 11
/** From here on clients leave it to the broker to add partitions to their transaction (KIP-890). */
const firstAddingVersion = 12

/** Errors of a coordinator that old producers would not retry as they should: NOT_ENOUGH_REPLICAS makes them, and asks for no new metadata. */
const retriedErrors: ReadonlySet<ErrorName> = new Set([
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])

type AskedPartition = ProduceRequest['topicData'][number]['partitionData'][number]

/** The records of one partition, and where they go: the first thing that is wrong with them, if something is. */
export interface ProducedTo {
  readonly asked: AskedPartition
  readonly partition: Partition | KafkaError
}

/** The coordinator's answer, as Produce puts it. */
export class VerificationFailure extends KafkaError {
  /** Answers say why only where Kafka has a message of its own. */
  readonly hasOwnMessage: boolean

  constructor(error: ErrorName, message?: string) {
    super(error, message)
    this.hasOwnMessage = message !== undefined
  }
}

/** In the first batch of a partition, the only one from v3 on. */
export function holdsTransactional(request: ProduceRequest): boolean {
  return request.topicData.some(({ partitionData }) => partitionData.some((asked) => transactionalBatch(asked)))
}

/**
 * What each append has to bring, by its place in the request, or why there is none; absent: what is not transactional.
 * @throws KafkaError TRANSACTIONAL_ID_AUTHORIZATION_FAILED, INVALID_PRODUCER_ID_MAPPING
 */
export async function verifyProduced(
  transactionalId: string | null,
  produced: readonly ProducedTo[],
  context: Context,
): Promise<Map<AskedPartition, TransactionAppend | VerificationFailure>> {
  const first = produced.flatMap(({ asked, partition }) => {
    const batch = partition instanceof KafkaError ? undefined : transactionalBatch(asked)
    return batch?.hasProducerId === true ? [{ asked, batch, partition: partition as Partition }] : []
  })
  const producer = first[0]?.batch
  if (producer === undefined || transactionalId === null) return new Map()
  const { producerId, producerEpoch } = producer
  if (first.some(({ batch }) => batch.producerId !== producerId || batch.producerEpoch !== producerEpoch)) {
    throw new KafkaError('INVALID_PRODUCER_ID_MAPPING', 'Transactional records contained more than one producer ID')
  }
  const operation = operationOf(context.apiVersion)
  const partitions = first.map(({ partition, batch }) => ({ partition, baseSequence: batch.baseSequence }))
  const transaction = { transactionalId, producerId, producerEpoch, partitions }
  const verified = await context.verification.verify(transaction, operation, { isRetried: true })
  return new Map(first.map(({ asked }, index) => [asked, outcomeOf(verified[index]!, operation)]))
}

function transactionalBatch({ records }: AskedPartition): RecordBatchView | undefined {
  if (records === null || records.length < recordBatchOverhead) return undefined
  const batch = new RecordBatchView(records)
  return batch.magic === 2 && batch.isTransactional ? batch : undefined
}

function operationOf(apiVersion: number): SupportedOperation {
  if (apiVersion >= firstAddingVersion) return 'addPartition'
  return apiVersion >= firstAbortableVersion ? 'genericErrorSupported' : 'defaultError'
}

function outcomeOf(verified: Verified, operation: SupportedOperation): TransactionAppend | VerificationFailure {
  if (!(verified instanceof KafkaError)) return verified
  const { kafkaError } = verified
  if (kafkaError === 'INVALID_TXN_STATE') {
    return new VerificationFailure('INVALID_TXN_STATE', 'Partition was not added to the transaction')
  }
  const isEnding = kafkaError === 'CONCURRENT_TRANSACTIONS' && operation !== 'addPartition'
  if (!isEnding && !retriedErrors.has(kafkaError)) return new VerificationFailure(kafkaError)
  const message = `Unable to verify the partition has been added to the transaction. Underlying error: ${kafkaError}`
  return new VerificationFailure('NOT_ENOUGH_REPLICAS', message)
}
