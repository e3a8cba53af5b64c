/** DescribeGroups at all versions. */
import { expect, it } from 'vitest'
import { describeGroups } from '../../protocol/messages/describe-groups.ts'
import { describeGroupsHandler } from '../../src/handlers/describe-groups.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

const notAsked = -2147483648
/** Read, Delete, Describe, DescribeConfigs, AlterConfigs. */
const everything = 3400

it.each(versions(0, 6))('v%i tells state and members', async (version) => {
  const { client, groups, clock, close } = await groupClient()
  const { memberId } = await soleMember(groups, clock)
  const request = { groups: [groupId, 'nobody'], includeAuthorizedOperations: true }
  const answer = await client.ask(describeGroupsHandler, describeGroups, version, request)
  const authorizedOperations = version < 3 ? notAsked : everything
  const members = [
    {
      memberId,
      groupInstanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      memberMetadata: Buffer.from('metadata'),
      memberAssignment: Buffer.from('all'),
    },
  ]
  const names = { protocolType: 'consumer', protocolData: 'range' }
  const rest = { protocolType: '', protocolData: '', members: [] }
  expect(answer.groups).toEqual([
    { errorCode: 0, errorMessage: null, groupId, groupState: 'Stable', ...names, members, authorizedOperations },
    version < 6
      ? { errorCode: 0, errorMessage: null, groupId: 'nobody', groupState: 'Dead', ...rest, authorizedOperations }
      : {
          errorCode: 69,
          errorMessage: 'Group nobody not found.',
          groupId: 'nobody',
          groupState: 'Dead',
          ...rest,
          authorizedOperations: notAsked,
        },
  ])
  const plain = await client.ask(describeGroupsHandler, describeGroups, version, { groups: [groupId] })
  expect(plain.groups[0]!.authorizedOperations).toBe(notAsked)
  await close()
})

it('refuses groups that the client may not describe', async () => {
  const { client, close } = await groupClient(only('Group:mine:Describe'))
  const { groups } = await client.ask(describeGroupsHandler, describeGroups, 6, { groups: ['mine', 'yours'] })
  expect(groups.map(({ errorCode }) => errorCode)).toEqual([69, 30])
  await close()
  const closed = await client.ask(describeGroupsHandler, describeGroups, 5, { groups: ['mine'] })
  expect(closed.groups.map(({ errorCode, groupState }) => [errorCode, groupState])).toEqual([[16, '']])
})
