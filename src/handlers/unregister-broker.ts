/** UnregisterBroker (KIP-500): forgets a broker, until it starts again. */
import { unregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const unregisterBrokerHandler = handle(unregisterBroker, {
  async serve({ brokerId }, { access, cluster }) {
    access.require('Cluster', clusterResource, 'Alter')
    await cluster.controller.unregisterBroker(brokerId)
    return { errorCode: 0, errorMessage: '' }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage }),
})
