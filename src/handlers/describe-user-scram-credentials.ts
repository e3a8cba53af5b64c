/** DescribeUserScramCredentials: who has SCRAM credentials, and with how many iterations; never the credentials (KIP-554). */
import { describeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const describeUserScramCredentialsHandler = handle(describeUserScramCredentials, {
  serve({ users }, { access, credentials }) {
    access.require('Cluster', clusterResource, 'Describe')
    const described = credentials.scram.describe(users?.map(({ name }) => name) ?? null)
    return {
      errorMessage: null,
      results: described.map(({ user, error, credentials: credentialInfos }) => ({
        user,
        errorCode: error?.code ?? 0,
        errorMessage: error?.message ?? null,
        credentialInfos,
      })),
    }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage }),
})
