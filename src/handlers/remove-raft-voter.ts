/** RemoveRaftVoter (KIP-853): the only voter can't go, and there is no other. */
import { KafkaError } from '../../protocol/errors.ts'
import { removeRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'
import { ownVoterKey, requireOwnCluster, requireVoter, requireVotersInLog, voterKey } from './raft-voters.ts'

export const removeRaftVoterHandler = handle(removeRaftVoter, {
  serve(request, { access, cluster }) {
    access.require('Cluster', clusterResource, 'Alter')
    requireOwnCluster(request, cluster)
    requireVoter(request, 'Remove')
    requireVotersInLog(cluster, 'removing')
    const key = voterKey(request.voterId, request.voterDirectoryId)
    const message = `Cannot remove voter ${key} from the set of voters ${ownVoterKey(cluster)}`
    throw new KafkaError('VOTER_NOT_FOUND', message)
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage }),
})
