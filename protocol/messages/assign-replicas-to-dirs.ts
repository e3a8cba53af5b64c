import { api, array, int16, int32, int64, type Request, type Response, uuid } from '../schema/index.ts'

/**
 * AssignReplicasToDirs (key 73): a broker tells the controller in which directories its replicas lie.
 */
export const assignReplicasToDirs = api({
  key: 73,
  name: 'AssignReplicasToDirs',
  versions: '0',
  flexible: '0+',
  request: {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1, js: 'number' }),
    directories: array({
      id: uuid(),
      topics: array({ topicId: uuid(), partitions: array({ partitionIndex: int32() }) }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    directories: array({
      id: uuid(),
      topics: array({ topicId: uuid(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
    }),
  },
})
export type AssignReplicasToDirsRequest = Request<typeof assignReplicasToDirs>
export type AssignReplicasToDirsResponse = Response<typeof assignReplicasToDirs>
