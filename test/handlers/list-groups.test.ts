/** ListGroups at all versions. */
import { expect, it } from 'vitest'
import { listGroups } from '../../protocol/messages/list-groups.ts'
import { listGroupsHandler } from '../../src/handlers/list-groups.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

it.each(versions(0, 5))('v%i lists groups, with what this version knows of them', async (version) => {
  const { client, groups, clock, close } = await groupClient()
  await soleMember(groups, clock)
  const answer = await client.ask(listGroupsHandler, listGroups, version, {})
  expect(answer).toMatchObject({
    errorCode: 0,
    groups: [
      {
        groupId,
        protocolType: 'consumer',
        groupState: version < 4 ? '' : 'Stable',
        groupType: version < 5 ? '' : 'classic',
      },
    ],
  })
  const listed = async (filter: object) =>
    (await client.ask(listGroupsHandler, listGroups, version, filter)).groups.length
  if (version >= 4)
    expect([await listed({ statesFilter: ['STABLE'] }), await listed({ statesFilter: [' Empty'] })]).toEqual([1, 0])
  if (version >= 5)
    expect([await listed({ typesFilter: ['Classic'] }), await listed({ typesFilter: ['share'] })]).toEqual([1, 0])
  await close()
})

it('lists only what the client may describe', async () => {
  for (const [allowed, count] of [
    ['Group:other:Describe', 0],
    ['Group:group:Describe', 1],
    ['Cluster:kafka-cluster:Describe', 1],
  ] as const) {
    const { client, groups, clock, close } = await groupClient(only(allowed))
    await soleMember(groups, clock)
    expect((await client.ask(listGroupsHandler, listGroups, 5, {})).groups).toHaveLength(count)
    await close()
  }
})
