/** SyncGroup at all versions. */
import { expect, it } from 'vitest'
import { syncGroup } from '../../protocol/messages/sync-group.ts'
import { syncGroupHandler } from '../../src/handlers/sync-group.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

it.each(versions(0, 5))('v%i gives a member its assignment', async (version) => {
  const { client, groups, clock, close } = await groupClient()
  const { memberId, generationId } = await soleMember(groups, clock)
  const request = { groupId, memberId, generationId, protocolType: 'consumer', protocolName: 'range', assignments: [] }
  const { assignment, ...answer } = await client.ask(syncGroupHandler, syncGroup, version, request)
  expect(assignment.toString()).toBe('all')
  const names = version < 5 ? [null, null] : ['consumer', 'range']
  expect([answer.errorCode, answer.protocolType, answer.protocolName]).toEqual([0, ...names])
  await close()
})

it.each(versions(0, 5))('v%i says what is wrong', async (version) => {
  const { client, groups, clock, close } = await groupClient(only('Group::Read', 'Group:group:Read'))
  const { memberId, generationId } = await soleMember(groups, clock)
  const valid = { groupId, memberId, generationId, protocolType: 'consumer', protocolName: 'range', assignments: [] }
  const ask = async (more: object) =>
    (await client.ask(syncGroupHandler, syncGroup, version, { ...valid, ...more })).errorCode
  expect(await ask({ groupId: '' })).toBe(24)
  expect(await ask({ groupId: 'other' })).toBe(30)
  expect(await ask({ memberId: 'stranger' })).toBe(25)
  expect(await ask({ generationId: generationId + 1 })).toBe(22)
  if (version >= 3) expect(await ask({ groupInstanceId: 'instance' })).toBe(25)
  if (version >= 5) expect(await ask({ protocolName: null })).toBe(23)
  if (version >= 5) expect(await ask({ protocolName: 'sticky' })).toBe(23)
  await close()
})
