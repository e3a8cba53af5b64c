import { api, array, bool, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * AlterPartitionReassignments (key 45): starts or cancels the move of replicas.
 * v1 allowReplicationFactorChange (KIP-860)
 */
export const alterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: '0-1',
  flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    allowReplicationFactorChange: bool({ versions: '1+', default: true }),
    topics: array({
      name: string(),
      partitions: array({ partitionIndex: int32(), replicas: array(int32(), { nullable: '0+', default: null }) }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    allowReplicationFactorChange: bool({ versions: '1+', default: true }),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    responses: array({
      name: string(),
      partitions: array({ partitionIndex: int32(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) }),
    }),
  },
})
export type AlterPartitionReassignmentsRequest = Request<typeof alterPartitionReassignments>
export type AlterPartitionReassignmentsResponse = Response<typeof alterPartitionReassignments>
