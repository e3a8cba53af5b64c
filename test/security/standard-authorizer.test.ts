/** security: who may do what by which ACLs; the same questions as Apache Kafka's are in test/comparison. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedClock, settle } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import type { Operation, ResourceType } from '../../src/security/access.ts'
import { type Acl, operationIds, patternTypes, permissions, resourceTypeIds } from '../../src/security/acl.ts'
import { Acls, maxChanges } from '../../src/security/acls.ts'
import { userPrincipal } from '../../src/security/principal.ts'
import { parsePrincipals } from '../../src/security/principal-names.ts'
import { type StandardAuthorizerOptions, standardAuthorizer } from '../../src/security/standard-authorizer.ts'
import { openLog } from '../metadata/open-metadata-log.ts'

const everything = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

interface Rule {
  readonly type?: ResourceType
  readonly operation?: Operation | 'All'
  readonly pattern?: keyof typeof patternTypes
  readonly principal?: string
  readonly host?: string
}

function acl(permission: keyof typeof permissions, resourceName: string, rule: Rule = {}): Acl {
  const { type = 'Topic', operation = 'Read', pattern = 'literal', principal = 'User:alice', host = '*' } = rule
  return {
    resourceType: resourceTypeIds[type],
    resourceName,
    patternType: patternTypes[pattern],
    principal,
    host,
    operation: operation === 'All' ? 2 : operationIds[operation],
    permissionType: permissions[permission],
  }
}

async function openAcls(files = new MemoryFileSystem(), settings: Record<string, string> = {}) {
  const { metadata, close } = await openLog({ files, clock: new SimulatedClock(), settings })
  const acls = new Acls(metadata, new SeededRandom(1))
  await metadata.load()
  return { acls, metadata, close, files }
}

async function accessWith(acls: readonly Acl[], options: Partial<StandardAuthorizerOptions> = {}, host = '10.0.0.1') {
  const opened = await openAcls()
  await opened.acls.create(acls)
  const accessFor = standardAuthorizer({
    acls: opened.acls,
    superUsers: new Set(),
    allowsUnnamed: false,
    logger: silentLogger,
    ...options,
  })
  return accessFor({ principal: userPrincipal('alice'), clientAddress: host, listener: 'PLAINTEXT' })
}

describe('an ACL', () => {
  it('allows its operation on its resource to its principal, and nothing else', async () => {
    const access = await accessWith([acl('allow', 'orders')])
    expect(access.isAllowed('Topic', 'orders', 'Read')).toBe(true)
    expect(access.isAllowed('Topic', 'orders', 'Write')).toBe(false)
    expect(access.isAllowed('Topic', 'orders2', 'Read')).toBe(false)
    expect(access.isAllowed('Group', 'orders', 'Read')).toBe(false)
    const other = await accessWith([acl('allow', 'orders', { principal: 'User:bob' })])
    expect(other.isAllowed('Topic', 'orders', 'Read')).toBe(false)
  })

  it('of everybody, of all hosts, of all operations and of all names counts for each', async () => {
    const access = await accessWith([acl('allow', '*', { principal: 'User:*', operation: 'All' })])
    expect(access.isAllowed('Topic', 'any', 'AlterConfigs')).toBe(true)
  })

  it('counts from its host alone', async () => {
    const rule = acl('allow', 'orders', { host: '10.0.0.1' })
    expect((await accessWith([rule], {}, '10.0.0.1')).isAllowed('Topic', 'orders', 'Read')).toBe(true)
    expect((await accessWith([rule], {}, '10.0.0.2')).isAllowed('Topic', 'orders', 'Read')).toBe(false)
  })

  it('of a prefix counts for all names that begin so', async () => {
    const access = await accessWith([acl('allow', 'ord', { pattern: 'prefixed' })])
    for (const name of ['ord', 'orders']) expect(access.isAllowed('Topic', name, 'Read')).toBe(true)
    for (const name of ['or', 'x-ord']) expect(access.isAllowed('Topic', name, 'Read')).toBe(false)
  })

  it('that denies wins over each that allows', async () => {
    const denied = acl('deny', 'orders')
    for (const other of [acl('allow', 'orders'), acl('allow', '*'), acl('allow', 'o', { pattern: 'prefixed' })]) {
      const access = await accessWith([other, denied])
      expect(access.isAllowed('Topic', 'orders', 'Read')).toBe(false)
    }
  })

  it('that allows something implies what goes with it, one that denies does not', async () => {
    for (const operation of ['Read', 'Write', 'Delete', 'Alter'] as const) {
      const access = await accessWith([acl('allow', 'orders', { operation })])
      expect(access.isAllowed('Topic', 'orders', 'Describe')).toBe(true)
      expect(access.isAllowed('Topic', 'orders', 'DescribeConfigs')).toBe(false)
    }
    const configs = await accessWith([acl('allow', 'orders', { operation: 'AlterConfigs' })])
    expect(configs.isAllowed('Topic', 'orders', 'DescribeConfigs')).toBe(true)
    const denied = await accessWith([acl('allow', 'orders', { operation: 'Describe' }), acl('deny', 'orders')])
    expect(denied.isAllowed('Topic', 'orders', 'Describe')).toBe(true)
  })
})

describe('without a fitting ACL', () => {
  it('a resource that no ACL names is open where the config says so', async () => {
    const access = await accessWith([acl('allow', 'orders', { principal: 'User:bob' })], { allowsUnnamed: true })
    expect(access.isAllowed('Topic', 'other', 'Read')).toBe(true)
    expect(access.isAllowed('Topic', 'orders', 'Read')).toBe(false)
  })

  it('a super user may do everything, also what is denied', async () => {
    const superUsers = new Set(parsePrincipals('super.users', 'User:root; User:alice;'))
    const access = await accessWith([acl('deny', '*', { operation: 'All' })], { superUsers })
    expect(access.isAllowed('Topic', 'orders', 'Read')).toBe(true)
    expect(access.isAllowedSomewhere('Topic', 'Write')).toBe(true)
    expect(() => access.require('Cluster', 'kafka-cluster', 'Alter')).not.toThrow()
  })

  it('the refusal names the kind of resource', async () => {
    const access = await accessWith([])
    const refused = (type: ResourceType) => expect(() => access.require(type, 'x', 'Describe'))
    refused('Topic').toThrow('Topic authorization failed.')
    refused('Group').toThrow('Group authorization failed.')
    refused('Cluster').toThrow('Cluster authorization failed.')
    refused('TransactionalId').toThrow('Transactional Id authorization failed.')
    refused('DelegationToken').toThrow('Delegation Token authorization failed.')
  })

  it('a principal without a type is no super user, and the message says how one is written', () => {
    expect(() => parsePrincipals('super.users', 'alice')).toThrow(/super\.users: alice.*User:alice/)
  })
})

describe('a right somewhere', () => {
  const cases: readonly [string, readonly Acl[], boolean][] = [
    ['is there by one literal name', [acl('allow', 'a')], true],
    ['is there by a prefix', [acl('allow', 'a', { pattern: 'prefixed' })], true],
    ['is there by all names, though one is denied', [acl('allow', '*'), acl('deny', 'a')], true],
    ['is gone when its only name is denied', [acl('allow', 'a'), acl('deny', 'a')], false],
    [
      'is gone when a prefix of its name is denied',
      [acl('allow', 'abc'), acl('deny', 'ab', { pattern: 'prefixed' })],
      false,
    ],
    [
      'is gone when a prefix of its prefix is denied',
      [acl('allow', 'abc', { pattern: 'prefixed' }), acl('deny', 'ab', { pattern: 'prefixed' })],
      false,
    ],
    [
      'stays when only a part of its prefix is denied',
      [acl('allow', 'a', { pattern: 'prefixed' }), acl('deny', 'ab', { pattern: 'prefixed' })],
      true,
    ],
    ['is gone when all names are denied', [acl('allow', 'a'), acl('deny', '*')], false],
    ['is not there by another operation', [acl('allow', 'a', { operation: 'Write' })], false],
    ['is not there by another principal', [acl('allow', 'a', { principal: 'User:bob' })], false],
  ]
  it.each(cases)('%s', async (_name, acls, expected) => {
    expect((await accessWith(acls)).isAllowedSomewhere('Topic', 'Read')).toBe(expected)
  })
})

describe('stored ACLs', () => {
  it('are there again after a restart, also from a snapshot, without those that were deleted', async () => {
    const settings = { 'metadata.log.max.record.bytes.between.snapshots': '1' }
    const first = await openAcls(new MemoryFileSystem(), settings)
    await first.acls.create([acl('allow', 'a'), acl('allow', 'b'), acl('deny', 'c', { pattern: 'prefixed' })])
    await first.acls.delete([{ ...everything, resourceNameFilter: 'b' }])
    await settle()
    const before = first.acls.describe(everything)
    await first.close()
    const { acls, close } = await openAcls(first.files, settings)
    expect(acls.describe(everything)).toEqual(before)
    expect(before.map(({ resourceName }) => resourceName)).toEqual(['a', 'c'])
    await close()
  })

  it('are not kept twice', async () => {
    const { acls, metadata } = await openAcls()
    await acls.create([acl('allow', 'a'), acl('allow', 'a')])
    const { endOffset } = metadata
    await acls.create([acl('allow', 'a')])
    expect(metadata.endOffset).toBe(endOffset)
    expect(acls.describe(everything)).toHaveLength(1)
  })

  it('are not changed by requests that want too much at once', async () => {
    const { acls } = await openAcls()
    const many = Array.from({ length: maxChanges + 1 }, (_, index) => acl('allow', `t${index}`))
    await expect(acls.create(many)).rejects.toThrow(/10001.*10000 at most/)
    expect(acls.describe(everything)).toEqual([])
  })

  it('are found by name as if all were looked at', async () => {
    const name = fc.stringMatching(/^[ab*]{1,3}$/)
    const rule = fc.record({ name, isPrefix: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(rule, { maxLength: 12 }), name, async (rules, asked) => {
        const { acls } = await openAcls()
        await acls.create(rules.map((each) => acl('allow', each.name, each.isPrefix ? { pattern: 'prefixed' } : {})))
        const found = new Set(acls.about(resourceTypeIds.Topic, asked))
        const filter = { ...everything, resourceNameFilter: asked, patternTypeFilter: patternTypes.match }
        expect(found).toEqual(new Set(acls.describe(filter)))
      }),
      { numRuns: 100 },
    )
  })
})
