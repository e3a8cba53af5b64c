/** InitProducerId: an id for an idempotent producer, always a new one with epoch 0. Transactional ids are refused until transactions are served. */
import { KafkaError } from '../../protocol/errors.ts'
import { initProducerId } from '../../protocol/messages/init-producer-id.ts'
import { noProducerEpoch, noProducerId } from '../../protocol/records/index.ts'
import { clusterResource } from '../security/acl.ts'
import type { Context } from './context.ts'
import { handle } from './handler.ts'

export const initProducerIdHandler = handle(initProducerId, {
  async serve({ transactionalId, producerId, producerEpoch }, context) {
    if (transactionalId !== null) {
      context.access.require('TransactionalId', transactionalId, 'Write')
      throw new KafkaError('INVALID_REQUEST', 'Transactions are not served yet: leave out transactional.id')
    }
    requireIdempotentWrite(context)
    // KIP-360: both or none; without a transactional id a known one is not continued.
    if ((producerId === noProducerId) !== (producerEpoch === noProducerEpoch)) throw new KafkaError('INVALID_REQUEST')
    return { producerId: await context.producerIds.next(), producerEpoch: 0 }
  },
  fail: (_request, errorCode) => ({ errorCode, producerId: noProducerId, producerEpoch: noProducerEpoch }),
})

/** Whoever may write to a topic may do so idempotently (KIP-679). */
function requireIdempotentWrite({ access }: Context): void {
  if (access.isAllowed('Cluster', clusterResource, 'IdempotentWrite')) return
  if (access.isAllowedSomewhere('Topic', 'Write')) return
  throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED')
}
