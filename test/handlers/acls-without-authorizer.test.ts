/** DescribeAcls, CreateAcls and DeleteAcls of a broker without an authorizer. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { createAcls } from '../../protocol/messages/create-acls.ts'
import { deleteAcls } from '../../protocol/messages/delete-acls.ts'
import { describeAcls } from '../../protocol/messages/describe-acls.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { createAclsHandler } from '../../src/handlers/create-acls.ts'
import { deleteAclsHandler } from '../../src/handlers/delete-acls.ts'
import { describeAclsHandler } from '../../src/handlers/describe-acls.ts'
import { openCluster } from '../cluster/open-cluster.ts'
import { Client } from './ask.ts'

const any = 1
const filter = {
  resourceTypeFilter: any,
  resourceNameFilter: null,
  patternTypeFilter: any,
  principalFilter: null,
  hostFilter: null,
  operation: any,
  permissionType: any,
}
const creation = {
  resourceType: 2,
  resourceName: 'orders',
  resourcePatternType: 3,
  principal: 'User:alice',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const disabled = errorCode('SECURITY_DISABLED')

let cluster: Cluster
let client: Client
beforeAll(async () => {
  const opened = await openCluster()
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
})
afterAll(() => cluster.close())

it('refuses to describe them as a broker of Kafka does', async () => {
  const answer = await client.ask(describeAclsHandler, describeAcls, 3, filter)
  expect(answer).toMatchObject({ errorCode: disabled, errorMessage: 'No Authorizer is configured on the broker' })
})

it('refuses to change them as a controller of Kafka does', async () => {
  const refused = { errorCode: disabled, errorMessage: 'No Authorizer is configured.' }
  const created = await client.ask(createAclsHandler, createAcls, 3, { creations: [creation] })
  expect(created.results).toMatchObject([refused])
  const deleted = await client.ask(deleteAclsHandler, deleteAcls, 3, { filters: [filter] })
  expect(deleted.filterResults).toMatchObject([refused])
})
