/** test: creating, listing and deleting ACLs, and what can't be created. */
import { createAcls, deleteAcls, describeAcls } from '../../../protocol/messages/index.ts'
import type { EncodableOf } from '../../../protocol/schema/index.ts'
import { type Conversation, scenario } from '../conversation.ts'

const acl = {
  resourceType: 2,
  resourceName: 'topic',
  resourcePatternType: 3,
  principal: 'User:nobody',
  host: '10.0.0.1',
  operation: 3,
  permissionType: 3,
}

const all = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

const oddAcls: Record<string, Partial<typeof acl>> = {
  'a cluster of another name': { resourceType: 4, resourceName: 'my-cluster' },
  'no name': { resourceName: '' },
  'no type': { resourceType: 0 },
  'a type that nobody knows': { resourceType: 9 },
  'no pattern': { resourcePatternType: 0 },
  'a pattern that nobody knows': { resourcePatternType: 7 },
  'no operation': { operation: 0 },
  'all operations': { operation: 2 },
  'an operation of another type': { operation: 13 },
  'an operation that nobody knows': { operation: 77 },
  'no permission': { permissionType: 0 },
  'a permission that nobody knows': { permissionType: 9 },
  'a principal without a type': { principal: 'nobody' },
  'no principal': { principal: '' },
  'no host': { host: '' },
  'a name that is no topic': { resourceName: 'this is/none' },
}

const oddFilters: Record<string, Partial<EncodableOf<(typeof describeAcls)['request']>>> = {
  'a type that nobody knows': { resourceTypeFilter: 9 },
  'no type': { resourceTypeFilter: 0 },
  'a pattern that nobody knows': { patternTypeFilter: 9 },
  'an operation that nobody knows': { operation: 99 },
  'a permission that nobody knows': { permissionType: 9 },
  'an empty name': { resourceNameFilter: '' },
  'a principal without a type': { principalFilter: 'nobody' },
}

async function create(broker: Conversation, ...acls: Partial<typeof acl>[]): Promise<void> {
  await broker.quietly(createAcls, 3, { creations: acls.map((each) => ({ ...acl, ...each })) })
}

/** Until the broker, and not only its controller, knows as many. */
async function settled(broker: Conversation, count: number): Promise<void> {
  await broker.until(describeAcls, 3, all, ({ resources }) => resources.flatMap(({ acls }) => acls).length === count)
}

async function deleteAll(broker: Conversation): Promise<void> {
  await broker.quietly(deleteAcls, 3, { filters: [all] })
  await settled(broker, 0)
}

export const aclsScenarios = [
  scenario('a life of ACLs', async (broker) => {
    await broker.every('none there', describeAcls, all)
    for (const version of broker.versions(createAcls)) {
      await broker.ask('created', createAcls, version, { creations: [acl, { ...acl, operation: 4 }] })
    }
    await settled(broker, 2)
    await broker.every('two there', describeAcls, all)
    for (const version of broker.versions(deleteAcls)) {
      await create(broker, {})
      await settled(broker, 2)
      await broker.ask('deleted', deleteAcls, version, {
        filters: [
          { ...all, operation: 3 },
          { ...all, operation: 5 },
        ],
      })
    }
    await deleteAll(broker)
  }),
  scenario('filters', async (broker) => {
    await create(
      broker,
      {},
      { resourceName: '*' },
      { resourceName: 'to', resourcePatternType: 4 },
      { resourceName: 'topics', resourcePatternType: 4 },
      { resourceType: 3 },
      { principal: 'User:*', host: '*', permissionType: 2 },
    )
    await settled(broker, 6)
    const asked: Record<string, object> = {
      'topics alone': { resourceTypeFilter: 2 },
      'by a literal name': { resourceNameFilter: 'topic', patternTypeFilter: 3 },
      'by a prefix': { resourceNameFilter: 'to', patternTypeFilter: 4 },
      'by a name of any pattern': { resourceNameFilter: 'topic' },
      'by what matches a name': { resourceNameFilter: 'topic', patternTypeFilter: 2 },
      'by a principal': { principalFilter: 'User:nobody' },
      'by everybody': { principalFilter: 'User:*' },
      'by a host': { hostFilter: '*' },
      'by an operation': { operation: 4 },
      'by all operations': { operation: 2 },
      'by a permission': { permissionType: 2 },
      ...oddFilters,
    }
    for (const [step, filter] of Object.entries(asked)) {
      await broker.ask(step, describeAcls, 3, { ...all, ...filter })
    }
    for (const [step, filter] of Object.entries(oddFilters)) {
      await broker.ask(`deleted by ${step}`, deleteAcls, 3, { filters: [{ ...all, ...filter }] })
    }
    await deleteAll(broker)
  }),
  scenario('odd ACLs', async (broker) => {
    for (const [step, odd] of Object.entries(oddAcls)) {
      await broker.ask(step, createAcls, 3, {
        creations: [
          { ...acl, ...odd },
          { ...acl, resourceName: 'fine' },
        ],
      })
    }
    await broker.ask('none', createAcls, 3, { creations: [] })
    await deleteAll(broker)
  }),
]
