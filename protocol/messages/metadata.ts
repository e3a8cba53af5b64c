import { api, array, bool, int16, int32, type Request, type Response, string, uuid } from '../schema/index.ts'

/**
 * Metadata (key 3): brokers, topics, partitions and their leaders; creates missing topics where that is allowed.
 * v1 rack, controllerId, isInternal · v2 clusterId (KIP-595) · v3 throttleTimeMs · v4 allowAutoTopicCreation
 * (KIP-204) · v5 offlineReplicas · v7 leaderEpoch (KIP-320) · v8 includeClusterAuthorizedOperations,
 * includeTopicAuthorizedOperations (KIP-430), topicAuthorizedOperations, clusterAuthorizedOperations · v9 flexible
 * (KIP-482) · v10 topicId (KIP-516) · v13 errorCode · until v10 includeClusterAuthorizedOperations,
 * clusterAuthorizedOperations
 */
export const metadata = api({
  key: 3,
  name: 'Metadata',
  versions: '0-13',
  flexible: '9+',
  request: {
    topics: array({ topicId: uuid({ versions: '10+' }), name: string({ nullable: '10+' }) }, { nullable: '1+' }),
    allowAutoTopicCreation: bool({ versions: '4+', default: true }),
    includeClusterAuthorizedOperations: bool({ versions: '8-10' }),
    includeTopicAuthorizedOperations: bool({ versions: '8+' }),
  },
  response: {
    throttleTimeMs: int32({ versions: '3+' }),
    brokers: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ versions: '1+', nullable: '1+', default: null }),
    }),
    clusterId: string({ versions: '2+', nullable: '2+', default: null }),
    controllerId: int32({ versions: '1+', default: -1 }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: '12+' }),
      topicId: uuid({ versions: '10+' }),
      isInternal: bool({ versions: '1+' }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ versions: '7+', default: -1 }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        offlineReplicas: array(int32(), { versions: '5+' }),
      }),
      topicAuthorizedOperations: int32({ versions: '8+', default: -2147483648 }),
    }),
    clusterAuthorizedOperations: int32({ versions: '8-10', default: -2147483648 }),
    errorCode: int16({ versions: '13+' }),
  },
})
export type MetadataRequest = Request<typeof metadata>
export type MetadataResponse = Response<typeof metadata>
