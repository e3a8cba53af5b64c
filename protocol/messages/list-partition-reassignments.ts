import { api, array, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * ListPartitionReassignments (key 46): moves of replicas under way.
 */
export const listPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: '0',
  flexible: '0+',
  request: {
    timeoutMs: int32({ default: 60000 }),
    topics: array({ name: string(), partitionIndexes: array(int32()) }, { nullable: '0+', default: null }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        replicas: array(int32()),
        addingReplicas: array(int32()),
        removingReplicas: array(int32()),
      }),
    }),
  },
})
export type ListPartitionReassignmentsRequest = Request<typeof listPartitionReassignments>
export type ListPartitionReassignmentsResponse = Response<typeof listPartitionReassignments>
