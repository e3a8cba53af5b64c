import {
  api,
  array,
  int16,
  int32,
  int64,
  type Request,
  type Response,
  records,
  string,
  struct,
  uint16,
  uuid,
} from '../schema/index.ts'

/**
 * FetchSnapshot (key 59): a replica reads a metadata snapshot.
 * v1 replicaDirectoryId (KIP-853), nodeEndpoints (KIP-951)
 */
export const fetchSnapshot = api({
  key: 59,
  name: 'FetchSnapshot',
  versions: '0-1',
  flexible: '0+',
  request: {
    clusterId: string({ nullable: '0+', tag: 0, default: null }),
    replicaId: int32({ default: -1 }),
    maxBytes: int32({ default: 2147483647 }),
    topics: array({
      name: string(),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32(),
        snapshotId: struct({ endOffset: int64({ js: 'number' }), epoch: int32() }),
        position: int64({ js: 'number' }),
        replicaDirectoryId: uuid({ versions: '1+', tag: 0 }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    topics: array({
      name: string(),
      partitions: array({
        index: int32(),
        errorCode: int16(),
        snapshotId: struct({ endOffset: int64({ js: 'number' }), epoch: int32() }),
        currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }, { tag: 0 }),
        size: int64({ js: 'number' }),
        position: int64({ js: 'number' }),
        unalignedRecords: records(),
      }),
    }),
    nodeEndpoints: array(
      { nodeId: int32({ versions: '1+' }), host: string({ versions: '1+' }), port: uint16({ versions: '1+' }) },
      { versions: '1+', tag: 0 },
    ),
  },
})
export type FetchSnapshotRequest = Request<typeof fetchSnapshot>
export type FetchSnapshotResponse = Response<typeof fetchSnapshot>
