/** AlterUserScramCredentials: sets and removes what users log in with by SCRAM (KIP-554). */
import { KafkaError } from '../../protocol/errors.ts'
import {
  type AlterUserScramCredentialsRequest,
  alterUserScramCredentials,
} from '../../protocol/messages/alter-user-scram-credentials.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

/** metadata.version 3.5-IV2 is the first whose brokers know credentials. */
const firstScramLevel = 11

export const alterUserScramCredentialsHandler = handle(alterUserScramCredentials, {
  async serve(request, { access, cluster, credentials }) {
    access.require('Cluster', clusterResource, 'Alter')
    if (cluster.features.level('metadata.version') < firstScramLevel) {
      throw new KafkaError('UNSUPPORTED_VERSION', 'The current metadata.version does not support SCRAM')
    }
    const altered = await credentials.scram.alter(request.deletions, request.upsertions)
    return {
      results: altered.map(({ user, error }) => ({
        user,
        errorCode: error?.code ?? 0,
        errorMessage: error?.message ?? null,
      })),
    }
  },
  fail: (request, errorCode, _context, errorMessage) => ({
    results: usersOf(request).map((user) => ({ user, errorCode, errorMessage })),
  }),
})

function usersOf({ deletions, upsertions }: AlterUserScramCredentialsRequest): string[] {
  return [...new Set([...deletions, ...upsertions].map(({ name }) => name))]
}
