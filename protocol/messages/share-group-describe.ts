import { api, array, bool, int16, int32, type Request, type Response, string, struct, uuid } from '../schema/index.ts'

const topicPartitions = { topicId: uuid(), topicName: string(), partitions: array(int32()) }
const assignment = { topicPartitions: array(topicPartitions) }

/**
 * ShareGroupDescribe (key 77): state and members of share groups (KIP-932).
 */
export const shareGroupDescribe = api({
  key: 77,
  name: 'ShareGroupDescribe',
  versions: '0-1',
  flexible: '0+',
  request: { groupIds: array(string()), includeAuthorizedOperations: bool() },
  response: {
    throttleTimeMs: int32(),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      assignorName: string(),
      members: array({
        memberId: string(),
        rackId: string({ nullable: '0+', default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        assignment: struct(assignment),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
    }),
  },
})
export type ShareGroupDescribeRequest = Request<typeof shareGroupDescribe>
export type ShareGroupDescribeResponse = Response<typeof shareGroupDescribe>
