import { api, array, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * ElectLeaders (key 43): elects preferred or unclean leaders.
 * v1 electionType (KIP-460), errorCode · v2 flexible (KIP-482)
 */
export const electLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  versions: '0-2',
  flexible: '2+',
  request: {
    electionType: int8({ versions: '1+' }),
    topicPartitions: array({ topic: string(), partitions: array(int32()) }, { nullable: '0+' }),
    timeoutMs: int32({ default: 60000 }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16({ versions: '1+' }),
    replicaElectionResults: array({
      topic: string(),
      partitionResult: array({ partitionId: int32(), errorCode: int16(), errorMessage: string({ nullable: '0+' }) }),
    }),
  },
})
export type ElectLeadersRequest = Request<typeof electLeaders>
export type ElectLeadersResponse = Response<typeof electLeaders>
