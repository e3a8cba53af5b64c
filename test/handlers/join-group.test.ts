/** JoinGroup at all versions. */
import { expect, it } from 'vitest'
import { joinGroup } from '../../protocol/messages/join-group.ts'
import { joinGroupHandler } from '../../src/handlers/join-group.ts'
import { settle } from '../../src/runtime/clock.ts'
import { joinRequest } from '../groups/open-groups.ts'
import { only } from './ask.ts'
import { groupClient, groupId, versions } from './group-client.ts'

it.each(versions(0, 3))('v%i takes a new member at once', async (version) => {
  const { client, clock, groups, close } = await groupClient()
  const answer = client.ask(joinGroupHandler, joinGroup, version, joinRequest(groupId))
  await settle()
  await clock.advance(0)
  const { memberId, ...joined } = await answer
  expect(memberId).toMatch(/^test-/)
  const members = [{ memberId, groupInstanceId: null, metadata: Buffer.from('metadata') }]
  expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', leader: memberId, members })
  const described = await groups.describeGroup(groupId)
  expect(described.members).toMatchObject([{ clientId: 'test', clientHost: '/127.0.0.1' }])
  await close()
})

it.each(versions(4, 9))('v%i gives a new member an id to join with', async (version) => {
  const { client, clock, close } = await groupClient()
  const first = await client.ask(joinGroupHandler, joinGroup, version, joinRequest(groupId))
  expect(first).toMatchObject({ errorCode: 79, generationId: -1, protocolName: version < 7 ? '' : null, members: [] })
  const { memberId } = first
  const answer = client.ask(joinGroupHandler, joinGroup, version, joinRequest(groupId, { memberId }))
  await settle()
  await clock.advance(0)
  expect(await answer).toMatchObject({ errorCode: 0, memberId, protocolType: version < 7 ? null : 'consumer' })
  await close()
})

it.each(versions(5, 9))(
  'v%i tells a static leader that comes back to skip the assignment, if it can',
  async (version) => {
    const { client, clock, groups, close } = await groupClient()
    const request = joinRequest(groupId, { groupInstanceId: 'instance' })
    const answer = client.ask(joinGroupHandler, joinGroup, version, request)
    await settle()
    await clock.advance(0)
    const { memberId, generationId } = await answer
    const identity = { groupId, memberId, generationId, groupInstanceId: 'instance' }
    await groups.syncGroup({ ...identity, protocolType: null, protocolName: null, assignments: [] })
    const again = await client.ask(joinGroupHandler, joinGroup, version, request)
    expect(again).toMatchObject({ errorCode: 0, generationId, skipAssignment: version >= 9 })
    expect(again.leader).toBe(version >= 9 ? again.memberId : memberId)
    await close()
  },
)

it('takes the session timeout of v0 for the rebalance timeout', async () => {
  const { client, clock, groups, close } = await groupClient()
  const answer = client.ask(joinGroupHandler, joinGroup, 0, joinRequest(groupId, { sessionTimeoutMs: 7_000 }))
  await settle()
  await clock.advance(0)
  const { memberId, generationId } = await answer
  await clock.advance(6_900)
  const identity = { groupId, memberId, generationId, groupInstanceId: null }
  await groups.heartbeat(identity)
  await clock.advance(100)
  // No SyncGroup within the rebalance timeout.
  await expect((async () => groups.heartbeat(identity))()).rejects.toMatchObject({ kafkaError: 'UNKNOWN_MEMBER_ID' })
  await close()
})

it.each(versions(0, 9))('v%i says what is wrong, with the member id that was given', async (version) => {
  const { client, close } = await groupClient(only('Group::Read', 'Group:group:Read'))
  const ask = async (more: object) => {
    const { errorCode, memberId } = await client.ask(joinGroupHandler, joinGroup, version, joinRequest(groupId, more))
    return [errorCode, memberId]
  }
  expect(await ask({ groupId: '', memberId: 'm' })).toEqual([24, 'm'])
  // Kafka answers without the id where nothing about the group may be told.
  expect(await ask({ groupId: 'other', memberId: 'm' })).toEqual([30, ''])
  expect(await ask({ sessionTimeoutMs: 1, memberId: 'm' })).toEqual([26, 'm'])
  expect(await ask({ memberId: 'm' })).toEqual([25, 'm'])
  expect(await ask({ protocolType: '' })).toEqual([23, ''])
  await close()
})
