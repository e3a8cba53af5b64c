/** DescribeUserScramCredentials: who has SCRAM credentials, and with how many iterations; never the credentials (KIP-554). */
import { describeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import { clusterResource } from '../security/acl.ts'
import { handle } from './handler.ts'

export const describeUserScramCredentialsHandler = handle(describeUserScramCredentials, {
  async serve({ users }, { access, credentials }) {
    access.require('Cluster', clusterResource, 'Describe')
    const described = await credentials.scram.describe(users?.map(({ name }) => name) ?? null)
    return {
      errorMessage: '',
      results: described.map(({ user, error, credentials: credentialInfos }) => ({
        user,
        errorCode: error?.code ?? 0,
        errorMessage: error?.message ?? '',
        credentialInfos,
      })),
    }
  },
  // In Kafka's form: the users whom the error is of are not named.
  fail: ({ users }, errorCode) => ({
    errorCode,
    errorMessage: null,
    results: (users ?? []).map(() => ({ user: '', errorCode, errorMessage: null, credentialInfos: [] })),
  }),
})
