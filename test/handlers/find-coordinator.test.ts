/** FindCoordinator at all versions. */
import { expect, it } from 'vitest'
import { findCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { findCoordinatorHandler } from '../../src/handlers/find-coordinator.ts'
import { only } from './ask.ts'
import { groupClient, versions } from './group-client.ts'
import { transactionClient } from './transaction-client.ts'

const here = { nodeId: 1, host: 'localhost', port: 9092 }
const nowhere = { nodeId: -1, host: '', port: -1 }

it.each(versions(0, 3))('v%i names the coordinator of one group', async (version) => {
  const { client, close } = await groupClient()
  const answer = await client.ask(findCoordinatorHandler, findCoordinator, version, { key: 'group', keyType: 0 })
  expect(answer).toMatchObject({ errorCode: 0, ...here })
  if (version > 0) expect(answer.errorMessage).toBe('NONE')
  await close()
})

it.each(versions(4, 6))('v%i names the coordinators of several groups, of the empty one too', async (version) => {
  const { client, close } = await groupClient()
  const request = { keyType: 0, coordinatorKeys: ['group', '', 'other'] }
  const { coordinators } = await client.ask(findCoordinatorHandler, findCoordinator, version, request)
  expect(coordinators).toEqual(['group', '', 'other'].map((key) => ({ key, ...here, errorCode: 0, errorMessage: '' })))
  await close()
})

it.each(versions(1, 6))('v%i names the coordinator of a transactional id', async (version) => {
  const { client, close } = await transactionClient()
  const request = { key: 'transfer', keyType: 1, coordinatorKeys: ['transfer'] }
  const answer = await client.ask(findCoordinatorHandler, findCoordinator, version, request)
  expect(version < 4 ? answer : answer.coordinators[0]).toMatchObject({ errorCode: 0, ...here })
  await close()
})

it('refuses transactional ids that the client may not describe', async () => {
  const { client, close } = await transactionClient()
  client.access = only('TransactionalId:mine:Describe')
  const request = { keyType: 1, coordinatorKeys: ['mine', 'yours'] }
  const { coordinators } = await client.ask(findCoordinatorHandler, findCoordinator, 6, request)
  expect(coordinators.map(({ errorCode }) => errorCode)).toEqual([0, 53])
  await close()
})

it('says that share groups are not there yet, and refuses other types', async () => {
  const { client, close } = await groupClient()
  for (const [keyType, message] of [
    [2, /Share groups/],
    [9, /Unknown coordinator type received: 9/],
  ] as const) {
    const old = await client.ask(findCoordinatorHandler, findCoordinator, 3, { key: 'id', keyType })
    expect(old).toMatchObject({ errorCode: 42, ...nowhere, errorMessage: expect.stringMatching(message) })
    const request = { keyType, coordinatorKeys: ['id'] }
    const { coordinators } = await client.ask(findCoordinatorHandler, findCoordinator, 6, request)
    expect(coordinators).toEqual([
      { key: 'id', ...nowhere, errorCode: 42, errorMessage: expect.stringMatching(message) },
    ])
  }
  await close()
})

it('refuses groups that the client may not describe', async () => {
  const { client, close } = await groupClient(only('Group:mine:Describe'))
  const request = { keyType: 0, coordinatorKeys: ['mine', 'yours'] }
  const { coordinators } = await client.ask(findCoordinatorHandler, findCoordinator, 4, request)
  expect(coordinators.map(({ errorCode }) => errorCode)).toEqual([0, 30])
  await close()
})

it.each(versions(1, 6))('v%i says why it refuses in words only where it names one coordinator', async (version) => {
  const { client, close } = await transactionClient()
  client.access = only()
  for (const [keyType, errorCode, words] of [
    [0, 30, 'Group authorization failed.'],
    [1, 53, 'Transactional Id authorization failed.'],
  ] as const) {
    const request = { key: 'yours', keyType, coordinatorKeys: ['yours'] }
    const answer = await client.ask(findCoordinatorHandler, findCoordinator, version, request)
    if (version < 4) expect(answer).toMatchObject({ errorCode, errorMessage: words, ...nowhere })
    else expect(answer.coordinators).toEqual([{ key: 'yours', errorCode, errorMessage: '', ...nowhere }])
  }
  await close()
})
