/**
 * handlers: InitProducerId: an id and an epoch for a producer. For a transactional id the coordinator gives them; else it is always a new id
 * with epoch 0.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { initProducerId } from '../../protocol/messages/init-producer-id.ts'
import { noProducerEpoch, noProducerId } from '../../protocol/records/index.ts'
import { clusterResource } from '../security/acl.ts'
import type { Context } from './context.ts'
import { errorCodeForOldProducers } from './fenced-producers.ts'
import { handle } from './handler.ts'

/** Earlier versions don't know PRODUCER_FENCED. */
const firstFencedVersion = 4

export const initProducerIdHandler = handle(initProducerId, {
  async serve(request, context) {
    const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
    if (transactionalId === null) requireIdempotentWrite(context)
    else context.access.require('TransactionalId', transactionalId, 'Write')
    // KIP-360: both or none; without a transactional id a known one is not continued.
    if ((producerId === noProducerId) !== (producerEpoch === noProducerEpoch)) throw new KafkaError('INVALID_REQUEST')
    if (transactionalId === null) return { producerId: await context.producerIds.next(), producerEpoch: 0 }
    const expected = producerId === noProducerId ? undefined : { producerId, producerEpoch }
    return context.transactions.initProducerId({ transactionalId, transactionTimeoutMs, expected })
  },
  fail: (_request, errorCode, { apiVersion }) => ({
    errorCode: errorCodeForOldProducers(errorCode, apiVersion, firstFencedVersion),
    producerId: noProducerId,
    producerEpoch: noProducerEpoch,
  }),
})

/** Whoever may write to a topic may do so idempotently (KIP-679). */
function requireIdempotentWrite({ access }: Context): void {
  if (access.isAllowed('Cluster', clusterResource, 'IdempotentWrite')) return
  if (access.isAllowedSomewhere('Topic', 'Write')) return
  throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED')
}
