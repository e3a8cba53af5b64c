/** LeaveGroup at all versions. */
import { expect, it } from 'vitest'
import { leaveGroup } from '../../protocol/messages/leave-group.ts'
import { leaveGroupHandler } from '../../src/handlers/leave-group.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

it.each(versions(0, 2))('v%i lets one member leave', async (version) => {
  const { client, groups, clock, close } = await groupClient()
  const { memberId } = await soleMember(groups, clock)
  const ask = async () => (await client.ask(leaveGroupHandler, leaveGroup, version, { groupId, memberId })).errorCode
  expect(await ask()).toBe(0)
  expect((await groups.describeGroup(groupId)).groupState).toBe('Empty')
  expect(await ask()).toBe(25)
  await close()
})

it.each(versions(3, 5))('v%i lets several members leave, and answers for each', async (version) => {
  const { client, groups, clock, close } = await groupClient()
  const { memberId } = await soleMember(groups, clock)
  const members = [
    { memberId: 'stranger' },
    { memberId, ...(version >= 5 ? { reason: 'going home' } : {}) },
    { memberId: '', groupInstanceId: 'nobody' },
  ]
  const answer = await client.ask(leaveGroupHandler, leaveGroup, version, { groupId, members })
  expect(answer.errorCode).toBe(0)
  expect(answer.members).toEqual([
    { memberId: 'stranger', groupInstanceId: null, errorCode: 25 },
    { memberId, groupInstanceId: null, errorCode: 0 },
    { memberId: '', groupInstanceId: 'nobody', errorCode: 25 },
  ])
  await close()
})

it.each(versions(0, 5))('v%i says what is wrong with the group', async (version) => {
  const { client, close } = await groupClient(only('Group::Read'))
  const ask = async (id: string) =>
    (await client.ask(leaveGroupHandler, leaveGroup, version, { groupId: id, memberId: 'm', members: [] })).errorCode
  expect(await ask('')).toBe(24)
  expect(await ask('other')).toBe(30)
  await close()
})
