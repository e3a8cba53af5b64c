/** AddRaftVoter (KIP-853): checked as Kafka does; another controller can't become a voter here, so none is found to be ready. */
import { KafkaError } from '../../protocol/errors.ts'
import { type AddRaftVoterRequest, addRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'
import { ownVoterKey, requireOwnCluster, requireVoter, requireVotersInLog, voterKey } from './raft-voters.ts'

export const addRaftVoterHandler = handle(addRaftVoter, {
  serve(request, { access, cluster }) {
    access.require('Cluster', clusterResource, 'Alter')
    requireOwnCluster(request, cluster)
    requireVoter(request, 'Add')
    requireEndpoint(request, cluster)
    requireVotersInLog(cluster, 'adding')
    const { voterId, voterDirectoryId } = request
    if (voterId === cluster.metadata.voter.id) {
      const key = voterKey(voterId, voterDirectoryId)
      const message = `The voter id for ${key} is already part of the set of voters ${ownVoterKey(cluster)}.`
      throw new KafkaError('DUPLICATE_VOTER', message)
    }
    const reason = 'since API_VERSIONS returned an error BROKER_NOT_AVAILABLE'
    throw new KafkaError('REQUEST_TIMED_OUT', `Aborted add voter operation for ${reason}`)
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage }),
})

function requireEndpoint({ listeners }: AddRaftVoterRequest, { metadata }: Cluster): void {
  const [own] = metadata.voter.endpoints
  if (own === undefined || listeners.some(({ name }) => name === own.name)) return
  const given = listeners.map(({ name, host, port }) => `ListenerName(${name})=${host}/<unresolved>:${port}`)
  const message = `Add voter request didn't include the endpoint (Endpoints(endpoints={${given.join(', ')}}))`
  throw new KafkaError('INVALID_REQUEST', `${message} for the default listener ListenerName(${own.name})`)
}
