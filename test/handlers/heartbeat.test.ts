/** Heartbeat at all versions. */
import { expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { heartbeat } from '../../protocol/messages/heartbeat.ts'
import { heartbeatHandler } from '../../src/handlers/heartbeat.ts'
import { joinRequest, oldClient } from '../groups/open-groups.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

it.each(versions(0, 4))('v%i says whether the member still belongs to the generation', async (version) => {
  const { client, groups, clock, close } = await groupClient(only('Group::Read', 'Group:group:Read'))
  const member = await soleMember(groups, clock)
  const ask = async (more: object = {}) => {
    const { errorCode } = await client.ask(heartbeatHandler, heartbeat, version, { ...member, ...more })
    return errorCode
  }
  expect(await ask()).toBe(0)
  expect(await ask({ memberId: 'stranger' })).toBe(25)
  expect(await ask({ generationId: 7 })).toBe(22)
  expect(await ask({ groupId: '' })).toBe(24)
  expect(await ask({ groupId: 'other' })).toBe(30)
  const joining = groups.joinGroup(joinRequest(groupId), oldClient)
  expect(await ask()).toBe(27)
  const refused = expect(joining).rejects.toMatchObject({ kafkaError: 'NOT_COORDINATOR' })
  await close()
  await refused
  expect(await ask()).toBe(16)
})

it('is believed while the group is loaded', () => {
  const answer = heartbeatHandler.fail({}, errorCode('COORDINATOR_LOAD_IN_PROGRESS'), {} as never, '')
  expect(answer).toEqual({ errorCode: 0 })
})
