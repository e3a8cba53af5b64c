/** ConsumerGroupDescribe at all versions. */
import { expect, it } from 'vitest'
import { consumerGroupDescribe } from '../../protocol/messages/consumer-group-describe.ts'
import { consumerGroupDescribeHandler } from '../../src/handlers/consumer-group-describe.ts'
import { openAccess } from '../../src/security/access.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

const notAsked = -2147483648
/** Read, Delete, Describe, DescribeConfigs, AlterConfigs. */
const everything = 3400

async function describedGroup(access = openAccess) {
  const opened = await groupClient(access)
  const joining = {
    groupId,
    memberId: 'm',
    memberEpoch: 0,
    instanceId: 'i',
    rackId: 'r',
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: ['topic'],
    subscribedTopicRegex: null,
    serverAssignor: 'range',
    topicPartitions: [],
  }
  const client = { clientId: 'client', clientHost: '/127.0.0.1', makesMemberId: true, canDescribe: () => true }
  await opened.groups.consumerGroupHeartbeat(joining, client)
  return opened
}

it.each(versions(0, 1))('v%i tells epochs and members', async (version) => {
  const { client, close, topicId } = await describedGroup()
  const request = { groupIds: [groupId, 'nobody'], includeAuthorizedOperations: true }
  const answer = await client.ask(consumerGroupDescribeHandler, consumerGroupDescribe, version, request)
  const assignment = { topicPartitions: [{ topicId, topicName: 'topic', partitions: [0, 1] }] }
  expect(answer.groups).toEqual([
    {
      errorCode: 0,
      errorMessage: null,
      groupId,
      groupState: 'Stable',
      groupEpoch: 2,
      assignmentEpoch: 2,
      assignorName: 'range',
      members: [
        {
          memberId: 'm',
          instanceId: 'i',
          rackId: 'r',
          memberEpoch: 2,
          clientId: 'client',
          clientHost: '/127.0.0.1',
          subscribedTopicNames: ['topic'],
          subscribedTopicRegex: '',
          assignment,
          targetAssignment: assignment,
          memberType: version < 1 ? -1 : 1,
        },
      ],
      authorizedOperations: everything,
    },
    {
      errorCode: 69,
      errorMessage: 'Group nobody not found.',
      groupId: 'nobody',
      groupState: '',
      groupEpoch: 0,
      assignmentEpoch: 0,
      assignorName: '',
      members: [],
      authorizedOperations: notAsked,
    },
  ])
  await close()
})

it('does not find a classic group', async () => {
  const { client, groups, clock, close } = await groupClient()
  await soleMember(groups, clock)
  const answer = await client.ask(consumerGroupDescribeHandler, consumerGroupDescribe, 1, { groupIds: [groupId] })
  expect(answer.groups[0]).toMatchObject({ errorCode: 69, errorMessage: 'Group group is not a consumer group.' })
  await close()
})

it('refuses groups, and groups with topics, that the client may not describe', async () => {
  const ask = async (...allowed: string[]) => {
    const { client, close } = await describedGroup(only(...allowed))
    const answer = await client.ask(consumerGroupDescribeHandler, consumerGroupDescribe, 1, { groupIds: [groupId] })
    await close()
    const { errorCode, errorMessage, members } = answer.groups[0]!
    return [errorCode, errorMessage, members.length]
  }
  expect(await ask()).toEqual([30, null, 0])
  const message = 'The group has described topic(s) that the client is not authorized to describe.'
  expect(await ask('Group:group:Describe')).toEqual([29, message, 0])
  expect(await ask('Group:group:Describe', 'Topic:topic:Describe')).toEqual([0, null, 1])
})
