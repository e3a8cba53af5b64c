import { api, array, int16, int32, type Request, type Response, string, struct, uuid } from '../schema/index.ts'

const topicPartitions = { topicId: uuid(), partitions: array(int32()) }

/**
 * ShareGroupHeartbeat (key 76): a member of a share group joins, stays and leaves (KIP-932).
 */
export const shareGroupHeartbeat = api({
  key: 76,
  name: 'ShareGroupHeartbeat',
  versions: '0-1',
  flexible: '0+',
  request: {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    rackId: string({ nullable: '0+', default: null }),
    subscribedTopicNames: array(string(), { nullable: '0+', default: null }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    memberId: string({ nullable: '0+', default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct({ topicPartitions: array(topicPartitions) }, { nullable: '0+', default: null }),
  },
})
export type ShareGroupHeartbeatRequest = Request<typeof shareGroupHeartbeat>
export type ShareGroupHeartbeatResponse = Response<typeof shareGroupHeartbeat>
