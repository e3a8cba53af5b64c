/** DeleteGroups at all versions. */
import { expect, it } from 'vitest'
import { deleteGroups } from '../../protocol/messages/delete-groups.ts'
import { deleteGroupsHandler } from '../../src/handlers/delete-groups.ts'
import { only } from './ask.ts'
import { groupClient, groupId, soleMember, versions } from './group-client.ts'

it.each(versions(0, 2))('v%i deletes groups that are empty', async (version) => {
  const { client, groups, clock, close } = await groupClient(only('Group:group:Delete', 'Group:nobody:Delete'))
  const { memberId } = await soleMember(groups, clock)
  const ask = async (...groupsNames: string[]) => {
    const { results } = await client.ask(deleteGroupsHandler, deleteGroups, version, { groupsNames })
    return results.map(({ groupId, errorCode }) => `${groupId} ${errorCode}`)
  }
  expect(await ask(groupId, 'nobody', 'yours', groupId)).toEqual(['group 68', 'nobody 69', 'yours 30'])
  await groups.leaveGroup(groupId, [{ memberId, groupInstanceId: null, reason: null }])
  expect(await ask(groupId)).toEqual(['group 0'])
  expect(await ask(groupId)).toEqual(['group 69'])
  await close()
})
