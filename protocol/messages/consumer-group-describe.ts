import {
  api,
  array,
  bool,
  int8,
  int16,
  int32,
  type Request,
  type Response,
  string,
  struct,
  uuid,
} from '../schema/index.ts'

const topicPartitions = { topicId: uuid(), topicName: string(), partitions: array(int32()) }
const assignment = { topicPartitions: array(topicPartitions) }

/**
 * ConsumerGroupDescribe (key 69): state and members of consumer groups (KIP-848).
 * v1 memberType
 */
export const consumerGroupDescribe = api({
  key: 69,
  name: 'ConsumerGroupDescribe',
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
        instanceId: string({ nullable: '0+', default: null }),
        rackId: string({ nullable: '0+', default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        subscribedTopicRegex: string({ nullable: '0+', default: null }),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
        memberType: int8({ versions: '1+', default: -1 }),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
    }),
  },
})
export type ConsumerGroupDescribeRequest = Request<typeof consumerGroupDescribe>
export type ConsumerGroupDescribeResponse = Response<typeof consumerGroupDescribe>
