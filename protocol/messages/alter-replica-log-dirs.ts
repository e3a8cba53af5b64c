import { api, array, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * AlterReplicaLogDirs (key 34): moves replicas to other log directories.
 * v2 flexible (KIP-482)
 */
export const alterReplicaLogDirs = api({
  key: 34,
  name: 'AlterReplicaLogDirs',
  versions: '0-2',
  flexible: '2+',
  request: { dirs: array({ path: string(), topics: array({ name: string(), partitions: array(int32()) }) }) },
  response: {
    throttleTimeMs: int32(),
    results: array({ topicName: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
  },
})
export type AlterReplicaLogDirsRequest = Request<typeof alterReplicaLogDirs>
export type AlterReplicaLogDirsResponse = Response<typeof alterReplicaLogDirs>
